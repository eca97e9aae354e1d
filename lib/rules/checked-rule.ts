import { ruleCanDecide } from '../decision/classes.js';
import { notifyClasses, notifyClassMask, type NotifyClass, type Phase } from '../registry/notify-class.js';
import { isDeciding, type ActionSettings } from './action-settings.js';
import type { KeyAlternative } from './pattern/key-pattern.js';
import type { Component, Pattern } from './pattern/pattern.js';
import type { OneOrMany, Rule, RuleAction } from './rule.js';

/** A rule with its patterns read. A condition that is null always holds; the lists are not empty. */
export interface CheckedRule {
  readonly name: string | null;
  readonly action: RuleAction;
  readonly settings: ActionSettings;
  readonly ancestors: boolean;
  /** Bit n: its operations, classes and phases take in class n, and its action goes with that. */
  readonly classMask: bigint;
  readonly keys: readonly KeyAlternative[] | null;
  /** `keys` under all the names that the kernel may have for them; empty if that was not asked for. */
  readonly keyPatterns: readonly Pattern[] | null;
  readonly valueNames: readonly Component[] | null;
  readonly valueTypes: readonly number[] | null;
  readonly outcome: 'success' | 'failure' | null;
  readonly images: readonly Pattern[] | null;
  /** In the form of `sidText`. */
  readonly users: readonly string[] | null;
  readonly ids: readonly number[] | null;
  readonly sessions: readonly number[] | null;
  readonly elevated: boolean | null;
  readonly trees: readonly number[] | null;
}

export function listOf<T>(value: OneOrMany<T> | undefined): readonly T[] | null {
  if (value === undefined) return null;
  // Array.isArray does not see through readonly arrays.
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Operations about one value, which they name. RegNtQueryMultipleValueKey names many, an enumeration none. */
const namedValueOperations: ReadonlySet<string> = new Set(['SetValueKey', 'DeleteValueKey', 'QueryValueKey']);

function maskOf(isIn: (entry: NotifyClass) => boolean): bigint {
  return notifyClasses.reduce((mask, entry) => (isIn(entry) ? mask | (1n << BigInt(entry.number)) : mask), 0n);
}

/** Classes with the name of a value. */
export const valueNameMask = maskOf(({ operation }) => namedValueOperations.has(operation));
/** Classes with the type of a value that is written. */
export const valueTypeMask = maskOf(({ operation }) => operation === 'SetValueKey');
/** Classes of known operations that are over. Those that Windows may add can be of either phase. */
const preMask = maskOf(({ phase }) => phase !== 'post');
export const outcomeMask = notifyClassMask(null, null) & ~preMask;

/** Classes of operations that are over for certain. */
export const knownPostMask = maskOf(({ phase }) => phase === 'post');

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
  let mask = rule.classMask;
  if (rule.valueNames !== null) mask &= valueNameMask;
  if (rule.valueTypes !== null) mask &= valueTypeMask;
  if (rule.outcome !== null) mask &= outcomeMask;
  return mask;
}

/** It says nothing of who does what where, only of which kind it is. */
export function isOfNothingInParticular(rule: CheckedRule): boolean {
  return isUnconditional({ ...rule, outcome: null });
}

/** It asks for nothing but classes. */
export function isUnconditional(rule: CheckedRule): boolean {
  const { keys, valueNames, valueTypes, outcome, images, users, ids, sessions, elevated, trees } = rule;
  return [keys, valueNames, valueTypes, outcome, images, users, ids, sessions, elevated, trees].every(
    (condition) => condition === null,
  );
}
