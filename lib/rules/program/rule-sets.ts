// Sets of rules, each of which a program has once.

import { CMB_RULES_NONE } from '../../wire/protocol.js';

export interface RuleSet {
  readonly summary: bigint;
  readonly wordFirst: number;
}

/** The sets of rules of a program (CMB_RULE_SET), each of which is there once. */
export class RuleSets {
  readonly sets: RuleSet[] = [];
  readonly words: bigint[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of the set of these rules, which ascend; CMB_RULES_NONE for none. */
  add(rules: readonly number[]): number {
    if (rules.length === 0) return CMB_RULES_NONE;
    const key = rules.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.sets.length;
    this.#numbers.set(key, number);
    this.sets.push(this.#write(rules));
    return number;
  }

  #write(rules: readonly number[]): RuleSet {
    const wordFirst = this.words.length;
    let summary = 0n;
    let group = -1;
    let word = 0n;
    for (const rule of rules) {
      if (rule >> 6 !== group) {
        if (group !== -1) this.words.push(word);
        group = rule >> 6;
        word = 0n;
        summary |= 1n << BigInt(group);
      }
      word |= 1n << BigInt(rule & 63);
    }
    this.words.push(word);
    return { summary, wordFirst };
  }
}
