import type { DecisionKind } from '../event/event.js';
import type { NotifyClass, Operation, Phase } from '../registry/notify-class.js';

/** The decisions that an operation takes in each phase; where there are none it is never asked about. */
interface PhaseDecisions {
  readonly pre: readonly DecisionKind[];
  readonly post: readonly DecisionKind[];
}

const never = { pre: [], post: [] } as const;
/** It has nothing to answer but its status. */
const change = { pre: ['allow', 'block', 'bypass'], post: ['allow', 'override'] } as const;
const query = { pre: ['allow', 'block', 'emulate'], post: ['allow', 'override'] } as const;
const open = { pre: ['allow', 'block', 'redirect'], post: ['allow', 'redirect', 'override'] } as const;

/** The same as DecisionCheck in the driver. */
export const decisionKinds = {
  CreateKey: open,
  OpenKey: open,
  SetValueKey: { pre: ['allow', 'block', 'bypass', 'replace'], post: ['allow', 'override'] },
  DeleteValueKey: change,
  DeleteKey: change,
  RenameKey: change,
  SetInformationKey: change,
  SetKeySecurity: change,
  FlushKey: change,
  RestoreKey: change,
  SaveKey: change,
  SaveMergedKey: change,
  ReplaceKey: change,
  LoadKey: change,
  UnLoadKey: change,
  QueryValueKey: query,
  EnumerateValueKey: query,
  QueryKey: query,
  EnumerateKey: query,
  QueryMultipleValueKey: query,
  QueryKeySecurity: query,
  KeyHandleClose: never,
  QueryKeyName: never,
  CallbackObjectContextCleanup: never,
} as const satisfies Record<Operation, PhaseDecisions>;

/** The kinds of decisions that the notification class of an operation and a phase takes; `never` where there are none. */
export type DecisionKindOf<O extends Operation, P extends Phase> = (typeof decisionKinds)[O][P][number];

export function decisionKindsOf({
  operation,
  phase,
}: Pick<NotifyClass, 'operation' | 'phase'>): readonly DecisionKind[] {
  return phase === 'cleanup' ? [] : decisionKinds[operation][phase];
}

/** What a rule can do by itself: it may block a query for the name of a key, which nobody is asked about. */
export function ruleCanDecide(
  entry: Pick<NotifyClass, 'operation' | 'phase'>,
  action: 'ask' | 'block' | 'bypass',
): boolean {
  if (action === 'ask') return decisionKindsOf(entry).length > 0;
  if (action === 'block' && entry.operation === 'QueryKeyName') return entry.phase === 'pre';
  return entry.phase === 'pre' && decisionKindsOf(entry).includes(action);
}
