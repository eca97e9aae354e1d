import type { DecisionKind, NotificationEvent } from '../event.js';
import type { Operation, Phase } from '../notify-class.js';
import type { QueryEnds, QueryOperation, QueryOutputs } from './answer.js';
import type {
  AllowDecision,
  BlockDecision,
  BypassDecision,
  EmulateDecision,
  OverrideDecision,
  RedirectDecision,
  ReplaceDecision,
} from './kinds.js';

const open = { pre: ['allow', 'block', 'redirect'], post: ['allow', 'redirect', 'override'] } as const;
const query = { pre: ['allow', 'block', 'emulate'], post: ['allow', 'override'] } as const;
const change = { pre: ['allow', 'block', 'bypass'], post: ['allow', 'override'] } as const;
const never = { pre: ['allow'], post: ['allow'] } as const;

/** What suits the pre and the post class of an operation. Nobody is asked about those that take nothing but `allow`. */
const fits = {
  CreateKey: open,
  OpenKey: open,
  SetValueKey: { pre: ['allow', 'block', 'bypass', 'replace'], post: ['allow', 'override'] },
  DeleteValueKey: change,
  DeleteKey: change,
  RenameKey: change,
  SetInformationKey: change,
  SetKeySecurity: change,
  FlushKey: change,
  LoadKey: change,
  UnLoadKey: change,
  RestoreKey: change,
  SaveKey: change,
  SaveMergedKey: change,
  ReplaceKey: change,
  QueryValueKey: query,
  EnumerateValueKey: query,
  QueryKey: query,
  EnumerateKey: query,
  QueryMultipleValueKey: query,
  QueryKeySecurity: query,
  QueryKeyName: never,
  KeyHandleClose: never,
  CallbackObjectContextCleanup: never,
} as const satisfies Record<Operation, Record<Phase, readonly DecisionKind[]>>;

type Fits = typeof fits;

/** The kinds of decision that suit a notification; the last of them is never missing. */
export function fittingKinds(event: NotificationEvent): readonly DecisionKind[] {
  return event.phase === 'cleanup' ? never.pre : fits[event.operation][event.phase];
}

type KindFor<O extends Operation, P> = P extends Phase ? Fits[O][P][number] : 'allow';

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
