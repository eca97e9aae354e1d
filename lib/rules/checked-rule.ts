// Rules with their conditions read, and what follows from these for the classes.

import { ruleCanDecide } from '../decision/classes.js';
import { notifyClassMask, type Phase } from '../registry/notify-class.js';
import { isDeciding, type ActionSettings } from './action-settings.js';
import { maskOf } from './class-masks.js';
import type { CheckedConditions } from './condition.js';
import { conditionNames, conditions } from './conditions.js';
import type { Pattern } from './pattern/pattern.js';
import type { OneOrMany, Rule, RuleAction } from './rule.js';

/** A rule with its conditions read. */
export interface CheckedRule extends CheckedConditions {
  readonly name: string | null;
  readonly action: RuleAction;
  readonly settings: ActionSettings;
  readonly ancestors: boolean;
  /** Bit n: its operations, classes and phases take in class n, and its action goes with that. */
  readonly classMask: bigint;
}

export function listOf<T>(value: OneOrMany<T> | undefined): readonly T[] | null {
  if (value === undefined) return null;
  // Array.isArray does not see through readonly arrays.
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** The classes that operations, classes and phases of a rule have in common, without those that its action cannot do anything about. */
export function ruleClassMask({ operations, classes, phases, action }: Rule): bigint {
  const operationList = listOf(operations);
  const classList = listOf(classes);
  const decides = isDeciding(action);
  const phaseList: readonly Phase[] | null = listOf(phases) ?? (decides && classList === null ? ['pre'] : null);
  if (operationList === null && classList === null && phaseList === null) return notifyClassMask(null, null);
  return maskOf(
    ({ operation, name, phase }) =>
      operationList?.includes(operation) !== false &&
      classList?.includes(name) !== false &&
      (phaseList as readonly string[] | null)?.includes(phase) !== false &&
      (!decides || ruleCanDecide({ operation, phase }, action)),
  );
}

/** The classes of which a notification can fulfil all that the rule asks for. */
export function possibleClassMask(rule: CheckedRule): bigint {
  return conditionNames.reduce((mask, name) => {
    const { classes } = conditions[name];
    return rule[name] === null || classes === null ? mask : mask & classes.mask;
  }, rule.classMask);
}

/** It says nothing of who does what where, only of which kind it is. */
export function isOfNothingInParticular(rule: CheckedRule): boolean {
  return isUnconditional({ ...rule, outcome: null });
}

/** It asks for nothing but classes. */
export function isUnconditional(rule: CheckedRule): boolean {
  return conditionNames.every((name) => rule[name] === null);
}

/** The patterns for its keys under all names; null if it is about every key. */
export function keyPatternsOf({ keys }: CheckedRule): readonly Pattern[] | null {
  return keys?.flatMap(({ patterns }) => patterns) ?? null;
}
