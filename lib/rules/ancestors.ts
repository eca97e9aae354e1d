import { notifyClasses, type Operation } from '../registry/notify-class.js';
import type { CheckedRule } from './checked-rule.js';
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
  /** Its patterns are `keyPatterns`. */
  readonly rule: CheckedRule;
  /** About keys above those of the rule; false: about the same keys, whatever values the rule names. */
  readonly isAbove: boolean;
}

const below = maskOf(ancestorOperations);
/** What takes along all values of the key that it is done to. */
const ofKey = maskOf([...ancestorOperations, 'DeleteKey']);

/** Whether `ancestors` can make a difference to notifications of the class. */
export function concernsAncestors(notifyClass: number): boolean {
  return ((ofKey >> BigInt(notifyClass)) & 1n) === 1n;
}

/** The rules of a program: each one, and behind it what `ancestors` makes of it. */
export function programRules(rules: readonly CheckedRule[]): ProgramRule[] {
  return rules.flatMap((rule, source) => [
    { rule, source },
    ...ancestorRules(rule).map((made) => ({ rule: made.rule, source })),
  ]);
}

export function ancestorRules(rule: CheckedRule): AncestorRule[] {
  const { keyPatterns, valueNames, valueTypes, classMask } = rule;
  if (!rule.ancestors || keyPatterns === null) return [];
  const isOfValues = valueNames !== null || valueTypes !== null;
  const make = (isAbove: boolean, patterns: readonly Pattern[], operations: bigint): AncestorRule[] => {
    const mask = classMask & operations;
    if (patterns.length === 0 || mask === 0n) return [];
    const made = { ...rule, classMask: mask, keyPatterns: patterns, valueNames: null, valueTypes: null };
    return [{ rule: made, isAbove }];
  };
  const above = make(true, patternsAbove(keyPatterns), below);
  // With its conditions on values, the rule itself does not match operations that name none.
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

function maskOf(operations: readonly Operation[]): bigint {
  return notifyClasses.reduce(
    (mask, { number, operation }) => (operations.includes(operation) ? mask | (1n << BigInt(number)) : mask),
    0n,
  );
}
