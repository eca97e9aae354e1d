// What a guard is told, and the types of its handlers.

import type { DecisionKindOf } from '../decision/classes.js';
import type { DecisionFor } from '../decision/fits.js';
import type { BreakerEvent, EventDecision, EventQuestion, NotificationEvent } from '../event/event.js';
import type { Operation } from '../registry/notify-class.js';
import type { RegisterOptions } from '../session/register-options.js';
import type { ConditionField } from '../rules/condition.js';
import { conditionFields } from '../rules/conditions.js';
import type { OneOrMany, Rule } from '../rules/rule.js';

/** Operations that something can be decided about before they are done. */
export type GuardedOperation = { [O in Operation]: [DecisionKindOf<O, 'pre'>] extends [never] ? never : O }[Operation];

/** An operation that waits for a decision. Narrow it by `operation`. */
export type GuardEvent<O extends GuardedOperation = GuardedOperation> = O extends unknown
  ? Extract<NotificationEvent, { operation: O; phase: 'pre' }> & { readonly question: EventQuestion }
  : never;

/** An operation that was decided about, by whomever, and is over. */
export type DecidedEvent = Extract<NotificationEvent, { phase: 'post' }> & { readonly decision: EventDecision };

/** Nothing is the same as `allow()`. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- what a handler without `return` gives
type Answer<E extends GuardEvent> = DecisionFor<E> | void | undefined;

export type GuardHandler<O extends GuardedOperation = GuardedOperation> = (
  event: GuardEvent<O>,
) => Answer<GuardEvent<O>> | PromiseLike<Answer<GuardEvent<O>>>;

/** A handler for each operation; `default` has all others. Without `default` nothing else is asked about. */
export type GuardHandlers = { readonly [O in GuardedOperation]?: GuardHandler<O> | undefined } & {
  readonly default?: GuardHandler | undefined;
};

/** Conditions of rules that hold or do not before the operation is done. */
type KnownBefore = Exclude<ConditionField, 'outcome'>;

/** What is let through without a question. */
export type GuardException = Pick<Rule, 'name' | 'operations' | KnownBefore>;

/** What can change while a guard stands. */
export interface GuardConditions<O extends GuardedOperation = GuardedOperation> extends Pick<
  Rule,
  KnownBefore | 'deadline' | 'onTimeout' | 'status'
> {
  /**
   * Default: those that have a handler of their own; with a `default` handler, or with one for all, also `guardedByDefault`, which are
   * those that change something.
   */
  readonly operations?: OneOrMany<O> | undefined;
  /** Also what is done to keys above and takes these along; see `Rule.ancestors`. Default: true. */
  readonly ancestors?: boolean | undefined;
  readonly except?: OneOrMany<GuardException> | undefined;
}

export interface GuardOptions<O extends GuardedOperation = GuardedOperation>
  extends
    GuardConditions<O>,
    Pick<
      RegisterOptions,
      | 'altitude'
      | 'maxDataBytes'
      | 'oldValues'
      | 'dryRun'
      | 'exemptChildren'
      | 'persist'
      | 'breaker'
      | 'onError'
      | 'signal'
    > {
  /** Gets the post event of each operation that was decided about, also of those that nobody was asked about. */
  readonly onDecision?: ((event: DecidedEvent) => unknown) | undefined;
  /** Told when the driver stops asking because too many deadlines were missed, and when it asks again. */
  readonly onBreaker?: ((event: BreakerEvent) => unknown) | undefined;
}

/**
 * What changes keys or values. CreateKey also opens keys that exist: RegCreateKeyEx is how many programs open theirs, and what it will do
 * is not known before it is done.
 */
export const guardedByDefault = Object.freeze([
  'CreateKey',
  'SetValueKey',
  'DeleteValueKey',
  'DeleteKey',
  'RenameKey',
  'SetInformationKey',
  'SetKeySecurity',
  'RestoreKey',
  'ReplaceKey',
  'LoadKey',
  'UnLoadKey',
] as const satisfies readonly GuardedOperation[]);

/** What `driver.guard()` asks about when it is not told. */
export type GuardedByDefault = (typeof guardedByDefault)[number];

const knownBefore = conditionFields.filter((field) => field !== 'outcome');

export const guardExceptionNames = ['name', 'operations', ...knownBefore] as const;

export const guardConditionNames = [
  ...knownBefore,
  'deadline',
  'onTimeout',
  'status',
  'operations',
  'ancestors',
  'except',
] as const;

export const guardRegisterNames = [
  'altitude',
  'maxDataBytes',
  'oldValues',
  'dryRun',
  'exemptChildren',
  'persist',
  'breaker',
  'onError',
  'signal',
] as const;
