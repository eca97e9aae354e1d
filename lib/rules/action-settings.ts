// What the action of a rule means in CMB_RULE, with all defaults filled in.

import { NtStatus, type NtStatusName } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import type { Rule, RuleAction } from './rule.js';

/** CMB_RULE: what an action does, with all defaults filled in. */
export interface ActionSettings {
  /** `ask`: milliseconds; else 0. */
  readonly deadline: number;
  /** What an operation that is blocked ends with; 0 where none can be. */
  readonly status: number;
  /** CMB_RULE_* */
  readonly flags: number;
}

/** Of CMB_RULE.Deadline. */
export const defaultDeadline = 500;

/** Of a rule whose shape is right. */
export function settingsOf({ action, deadline, onTimeout, status, kernelMode, dryRun }: Rule): ActionSettings {
  const isAsk = action === 'ask';
  const failsClosed = isAsk && onTimeout === 'block';
  const blocks = action === 'block' || failsClosed;
  return {
    deadline: isAsk ? (deadline ?? defaultDeadline) : 0,
    status: blocks ? statusNumber(status ?? 'STATUS_ACCESS_DENIED') : 0,
    flags:
      (failsClosed ? P.CMB_RULE_FAIL_CLOSED : 0) |
      (dryRun === true ? P.CMB_RULE_DRY_RUN : 0) |
      (kernelMode === true ? P.CMB_RULE_KERNEL_MODE : 0),
  };
}

/** An action that decides about operations, so that not all classes and phases go with it. */
export type DecidingAction = Exclude<RuleAction, 'ignore' | 'notify'>;

export function isDeciding(action: RuleAction): action is DecidingAction {
  return action !== 'ignore' && action !== 'notify';
}

function statusNumber(status: NtStatusName | number): number {
  return typeof status === 'number' ? status : NtStatus[status];
}
