// Rules that earlier ones leave nothing to.

import { keyPatternsOf, possibleClassMask, type CheckedRule } from './checked-rule.js';
import { knownPostMask } from './class-masks.js';
import type { CheckedConditions, CheckedValues, ConditionName, JoinedCondition } from './condition.js';
import { conditionNames, conditions } from './conditions.js';
import type { Pattern } from './pattern/pattern.js';
import { PatternTree } from './pattern/pattern-tree.js';

interface Entry {
  readonly rule: CheckedRule;
  readonly index: number;
  readonly classMask: bigint;
  readonly keyPatterns: readonly Pattern[] | null;
  /** Bit n: it has the n-th condition besides keys, classes and outcome. */
  readonly conditions: number;
}

/**
 * For each rule that earlier ones leave nothing to: those. Each class and each pattern for keys may be taken by another rule. Never
 * says so of a rule that can decide; may miss one whose wildcards only several rules together take in.
 */
export function findShadowed(rules: readonly CheckedRule[]): Map<number, readonly number[]> {
  const entries = rules.map((rule, index): Entry => {
    return {
      rule,
      index,
      classMask: possibleClassMask(rule),
      keyPatterns: keyPatternsOf(rule),
      conditions: conditionBits(rule),
    };
  });
  const tree = new PatternTree();
  const withoutKeys: Entry[] = [];
  const shadowed = new Map<number, readonly number[]>();
  for (const entry of entries) {
    const before = coversOf(entry, entries, tree, withoutKeys);
    if (before !== null && entry.classMask !== 0n) shadowed.set(entry.index, before);
    if (entry.keyPatterns === null) withoutKeys.push(entry);
    else for (const pattern of entry.keyPatterns) tree.add(pattern, entry.index);
  }
  return shadowed;
}

/** Earlier rules that take all that the rule would match; null when something is left to it. */
function coversOf(
  entry: Entry,
  entries: readonly Entry[],
  tree: PatternTree,
  withoutKeys: readonly Entry[],
): number[] | null {
  const anyKey = withoutKeys.filter((earlier) => covers(earlier, entry));
  const used = new Set<number>();
  for (const pattern of entry.keyPatterns ?? [null]) {
    const sameKey = pattern === null ? [] : tree.rulesIncluding(pattern);
    const candidates = new Set(anyKey);
    for (const index of sameKey) {
      const earlier = entries[index];
      if (earlier !== undefined && covers(earlier, entry)) candidates.add(earlier);
    }
    const together = takeAll(
      entry,
      [...candidates].sort((a, b) => a.index - b.index),
    );
    if (together === null) return null;
    for (const index of together) used.add(index);
  }
  return [...used].sort((a, b) => a - b);
}

/** Those of the candidates that take every class of the rule, of a post with either outcome; null if they leave one. */
function takeAll({ rule, classMask }: Entry, candidates: readonly Entry[]): number[] | null {
  let taken = 0n;
  let success = 0n;
  let failure = 0n;
  const used: number[] = [];
  for (const { rule: earlier, classMask: mask, index } of candidates) {
    const shared = mask & classMask & ~taken;
    const [outcome = null] = earlier.outcome ?? [];
    const isWhole = outcome === null || rule.outcome?.[0] === outcome;
    if (shared === 0n || (!isWhole && rule.outcome !== null)) continue;
    used.push(index);
    if (isWhole) taken |= shared;
    else if (outcome === 'success') success |= shared;
    else failure |= shared;
    if ((classMask & ~(taken | (success & failure & knownPostMask))) === 0n) return used;
  }
  return null;
}

type RestName = Exclude<ConditionName, JoinedCondition>;

type Includes<V> = (outer: V, inner: V) => boolean;

const rest: { readonly [N in RestName]: { readonly includes: Includes<CheckedValues[N]> } } = conditions;
const restNames = conditionNames.filter((name) => name !== 'keys' && name !== 'outcome');

function conditionBits(rule: CheckedRule): number {
  return restNames.reduce((bits, name, index) => (rule[name] === null ? bits : bits | (1 << index)), 0);
}

/** Whether the conditions besides keys, classes and outcome let through all that those of `later` do. */
function covers(earlier: Entry, later: Entry): boolean {
  if ((earlier.conditions & ~later.conditions) !== 0) return false;
  return restNames.every((name) => isSubset(later.rule, earlier.rule, name));
}

/** Of one condition. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties the parts of one condition together
function isSubset<N extends RestName>(inner: CheckedConditions, outer: CheckedConditions, name: N): boolean {
  const values = outer[name];
  if (values === null) return true;
  const { includes } = rest[name];
  return inner[name]?.every((b) => values.some((a) => includes(a, b))) === true;
}
