// Which decisions a notification class takes, of callbacks and of rules.

import type { DecisionKind } from '../event/event.js';
import type { NotifyClass, Operation, Phase } from '../registry/notify-class.js';
import { decisionKinds, ruleActions } from './class-table.js';

/** The kinds of decisions that the notification class of an operation and a phase takes; `never` where there are none. */
export type DecisionKindOf<O extends Operation, P extends Phase> = (typeof decisionKinds)[O][P][number];

export function decisionKindsOf({
  operation,
  phase,
}: Pick<NotifyClass, 'operation' | 'phase'>): readonly DecisionKind[] {
  return phase === 'cleanup' ? [] : decisionKinds[operation][phase];
}

export function ruleCanDecide(
  { operation, phase }: Pick<NotifyClass, 'operation' | 'phase'>,
  action: 'ask' | 'block' | 'bypass',
): boolean {
  const actions: readonly string[] = phase === 'cleanup' ? [] : ruleActions[operation][phase];
  return actions.includes(action);
}
