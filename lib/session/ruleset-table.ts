// What the numbers of rules in the records of a registration mean.

import type { RuleReference } from '../event/event.js';
import type { CompiledRules } from '../rules/rule.js';

/** Operations that began under rules which were replaced since are still told about; those of so many programs ago no more. */
const keptRulesets = 64;

/** What the rule numbers of one registration's records mean: each program of its rules has a number, and numbers its rules. */
export class RulesetTable {
  readonly #rulesets = new Map<number, readonly RuleReference[]>();
  /** Of the rules in force: 1 came with REGISTER. */
  #current = 0;

  /** Before SET_RULES is sent: records of the new rules may overtake its reply. `accept` is to follow if it succeeds. */
  propose(rules: CompiledRules | null): void {
    this.#rulesets.set(this.#current + 1, rules?.sources ?? []);
  }

  accept(): void {
    this.#current++;
    this.#rulesets.delete(this.#current - keptRulesets);
  }

  find(ruleset: number, rule: number): RuleReference | null {
    return this.#rulesets.get(ruleset)?.[rule] ?? null;
  }
}
