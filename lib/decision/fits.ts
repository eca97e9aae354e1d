// Which decisions suit an event, for the compiler and at run time.

import type { DecisionKind, NotificationEvent } from '../event/event.js';
import type { Operation, Phase } from '../registry/notify-class.js';
import type { QueryEnds, QueryOperation, QueryOutputs } from './answer.js';
import { decisionKindsOf, type DecisionKindOf } from './classes.js';
import type {
  AllowDecision,
  BlockDecision,
  BypassDecision,
  EmulateDecision,
  OverrideDecision,
  RedirectDecision,
  ReplaceDecision,
} from './kinds.js';

/** The kinds of decision that suit a notification; nobody is asked about those that take nothing but `allow`. */
export function fittingKinds(event: NotificationEvent): readonly DecisionKind[] {
  const kinds = decisionKindsOf(event);
  return kinds.length === 0 ? ['allow'] : kinds;
}

type KindFor<O extends Operation, P> = 'allow' | (P extends Phase ? DecisionKindOf<O, P> : never);

type AnswerFor<O> = O extends QueryOperation ? QueryOutputs[O] | QueryEnds[O] : never;

/** Only what makes or changes a single value or key can be undone, and only a query has an output. */
type OverrideFor<O> = O extends QueryOperation
  ? OverrideDecision<QueryOutputs[O] | null, false>
  : OverrideDecision<null, O extends 'CreateKey' | 'SetValueKey' | 'DeleteValueKey' ? boolean : false>;

interface DecisionsOf<O> {
  allow: AllowDecision;
  block: BlockDecision;
  bypass: BypassDecision;
  emulate: EmulateDecision<AnswerFor<O>>;
  replace: ReplaceDecision;
  redirect: RedirectDecision;
  override: OverrideFor<O>;
}

/** The decisions that suit an event, by its class. */
export type DecisionFor<E extends Pick<NotificationEvent, 'operation' | 'phase'>> = E extends {
  readonly operation: infer O extends Operation;
  readonly phase: infer P;
}
  ? DecisionsOf<O>[KindFor<O, P>]
  : never;
