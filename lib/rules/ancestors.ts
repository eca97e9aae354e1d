// The rules that `ancestors` makes of one: what is done to keys above takes along the keys below.

import type { Operation } from '../registry/notify-class.js';
import { keyPatternsOf, type CheckedRule } from './checked-rule.js';
import { hasClass, maskOf } from './class-masks.js';
import type { CheckedConditions } from './condition.js';
import { conditionNames, conditions } from './conditions.js';
import { isDeep, patternKey, type Pattern } from './pattern/pattern.js';
import { PatternTree } from './pattern/pattern-tree.js';

/** What takes along all that is below the key that it is done to. */
export const ancestorOperations: readonly Operation[] = [
  'RenameKey',
  'RestoreKey',
  'ReplaceKey',
  'LoadKey',
  'UnLoadKey',
];

/** A rule as the driver gets it. */
export interface ProgramRule {
  readonly rule: CheckedRule;
  /** Index of the rule that it was made of. */
  readonly source: number;
}

/** One that `ancestors` makes of a rule. */
export interface AncestorRule {
  /** Its patterns hold for the keys under whatever name. */
  readonly rule: CheckedRule;
  /** About keys above those of the rule; false: about the same keys, whatever values the rule names. */
  readonly isAbove: boolean;
}

const below = maskOf(({ operation }) => ancestorOperations.includes(operation));
/** What takes along all values of the key that it is done to. */
const ofKey = below | maskOf(({ operation }) => operation === 'DeleteKey');

const valueConditions = conditionNames.filter((name) => conditions[name].isOfValue);
const withoutValues = Object.fromEntries(valueConditions.map((name) => [name, null])) as Partial<CheckedConditions>;

/** Whether `ancestors` can make a difference to notifications of the class. */
export function concernsAncestors(notifyClass: number): boolean {
  return hasClass(ofKey, notifyClass);
}

/** The rules of a program: each one, and behind it what `ancestors` makes of it. */
export function programRules(rules: readonly CheckedRule[]): ProgramRule[] {
  return rules.flatMap((rule, source) => [
    { rule, source },
    ...ancestorRules(rule).map((made) => ({ rule: made.rule, source })),
  ]);
}

export function ancestorRules(rule: CheckedRule): AncestorRule[] {
  const keyPatterns = keyPatternsOf(rule);
  if (!rule.ancestors || keyPatterns === null) return [];
  const make = (isAbove: boolean, patterns: readonly Pattern[], operations: bigint): AncestorRule[] => {
    const classMask = rule.classMask & operations;
    if (patterns.length === 0 || classMask === 0n) return [];
    const alternatives = patterns.map((pattern) => ({ pattern, isOfAccount: false }));
    return [{ rule: { ...rule, ...withoutValues, classMask, keys: [{ alternatives, patterns }] }, isAbove }];
  };
  const above = make(true, patternsAbove(keyPatterns), below);
  // With its conditions on values, the rule itself does not match operations that name none.
  const isOfValues = valueConditions.some((name) => rule[name] !== null);
  return isOfValues ? [...make(false, keyPatterns, ofKey), ...above] : above;
}

/** Patterns for all the keys above those that the patterns match, without what these match themselves. */
function patternsAbove(patterns: readonly Pattern[]): Pattern[] {
  const found = new Map<string, Pattern>();
  const own = new PatternTree();
  for (const pattern of patterns) own.add(pattern, 0);
  for (const pattern of patterns) {
    const deepAt = pattern.findIndex(isDeep);
    // Where any number of components may follow, each of them may be above a key that matches.
    const last = deepAt === -1 || deepAt === pattern.length - 1 ? pattern.length - 1 : deepAt + 1;
    for (let length = last; length > 0; length--) {
      const prefix = pattern.slice(0, length);
      const key = patternKey(prefix);
      // Then the shorter ones are there, too.
      if (found.has(key)) break;
      found.set(key, prefix);
    }
  }
  return [...found.values()].filter((prefix) => own.rulesIncluding(prefix).length === 0);
}
