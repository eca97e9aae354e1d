// What a condition of rules is made of. conditions.ts is the table of them, which all that deals with conditions goes through.

import { many, textOf, type BooleanShape, type LiteralShape, type ManyShape } from '../base/shape.js';
import type { FactValues, Outcome } from './fact.js';
import type { RuleContext } from './pattern/context.js';
import type { KeyAlternative } from './pattern/key-pattern.js';
import type { Component, Pattern } from './pattern/pattern.js';
import type { ProcessCondition, Rule } from './rule.js';

/** The fields of rules that say which classes they are for, or what is done; all others are conditions. */
type OtherField =
  | 'name'
  | 'operations'
  | 'classes'
  | 'phases'
  | 'process'
  | 'ancestors'
  | 'action'
  | 'deadline'
  | 'onTimeout'
  | 'status'
  | 'kernelMode'
  | 'dryRun';

/** The fields of Rule that have conditions. */
export type ConditionField = 'process' | Exclude<keyof Rule, OtherField>;

export type ConditionName = keyof ProcessCondition | Exclude<ConditionField, 'process'>;

type One<T> = Exclude<T, undefined | readonly unknown[]>;

/** One value of a condition as people write it. */
export type GivenValue<N extends ConditionName> = N extends keyof ProcessCondition
  ? One<ProcessCondition[N]>
  : N extends keyof Rule
    ? One<Rule[N]>
    : never;

/** One text of `keys`, read. */
export interface CheckedKey {
  readonly alternatives: readonly KeyAlternative[];
  /** For all the names that the kernel may have for the keys; empty if that was not asked for. */
  readonly patterns: readonly Pattern[];
}

/** One value of each condition, read. */
export interface CheckedValues {
  readonly keys: CheckedKey;
  readonly valueNames: Component;
  readonly valueTypes: number;
  readonly outcome: Outcome;
  readonly image: Pattern;
  /** In the form of `sidText`. */
  readonly user: string;
  readonly id: number;
  readonly session: number;
  readonly elevated: boolean;
  readonly tree: number;
}

/** The conditions of one rule: it asks for any of the values. Null always holds; the lists are not empty. */
export type CheckedConditions = { readonly [N in ConditionName]: readonly CheckedValues[N][] | null };

/** What the values of one rule are read with. */
export interface ConditionReader {
  readonly context: RuleContext;
  /** The patterns under all names, where these are wanted. */
  readonly namesOf: (alternatives: readonly KeyAlternative[]) => readonly Pattern[];
  /** Refuses a process tree that is one too many for all rules together. */
  readonly countTree: (id: number) => number;
}

/** How the driver finds the values of all rules; `offset` is that of the CMB_RULE_DIMENSION in CMB_RULES. */
export type ConditionDimension<V> = { readonly offset: number } & (
  | { readonly kind: 'patterns'; readonly patternsOf: (value: V) => readonly Pattern[] }
  | { readonly kind: 'numbers'; readonly numberOf: (value: V) => number }
  | { readonly kind: 'sids'; readonly sidOf: (value: V) => string }
);

/** Conditions that several rules together can take in; shadow.ts looks at them in its own way. */
export type JoinedCondition = 'keys' | 'outcome';

export interface Condition<N extends ConditionName> {
  /** Where it stands in a rule. */
  readonly path: N extends keyof ProcessCondition ? readonly ['process', N] : readonly [N];
  readonly shape: ManyShape | LiteralShape | BooleanShape;
  /** Reads one value of the right shape; a CmBridgeError says what is wrong with it. */
  readonly read: (value: GivenValue<N>, reader: ConditionReader) => CheckedValues[N];
  /** The classes that have what it asks for, and why all others never match. Null: all have. */
  readonly classes: { readonly mask: bigint; readonly why: string } | null;
  /** It is about the value of an operation, so it does not hold for what is done to a key as a whole. */
  readonly isOfValue: boolean;
  readonly dimension: ConditionDimension<CheckedValues[N]>;
  /** Whether `outer` certainly takes in all that `inner` does: an earlier rule may leave nothing to a later one. */
  readonly includes: N extends JoinedCondition ? null : (outer: CheckedValues[N], inner: CheckedValues[N]) => boolean;
  /** In the order in which the driver looks. */
  readonly rank: number;
  /** Null: it depends on what the operation does not tell. */
  readonly holds: (values: readonly CheckedValues[N][], fact: FactValues[N]) => boolean | null;
  /** The fact as people read it. */
  readonly actual: (fact: FactValues[N]) => string;
  /** What a text hardly means that has the right shape, for a warning. */
  readonly hint: ((text: string) => string | null) | null;
}

/** One value, or a list of them. */
export function several(shape: ManyShape['shape'], maxItems = 4096): ManyShape {
  return many(shape, maxItems);
}

/** As long as the longest path of a key that Windows has. */
export const pathPattern = textOf(32767, 1);
