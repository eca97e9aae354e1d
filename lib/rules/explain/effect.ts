// What becomes of a notification, in words.

import { ntStatusText } from '../../base/nt-status.js';
import * as P from '../../wire/protocol.js';
import type { ActionSettings } from '../action-settings.js';
import type { RuleAction } from '../rule.js';

/** What becomes of a notification, in words. */
export function effectText(action: RuleAction, { deadline, status, flags }: ActionSettings): string {
  const words = wordsOf(action, deadline, status);
  const kernel = (flags & P.CMB_RULE_KERNEL_MODE) === 0 ? '' : ', also for the kernel';
  const dryRun = (flags & P.CMB_RULE_DRY_RUN) === 0 ? '' : '; only as a dry run';
  return words + kernel + dryRun;
}

function wordsOf(action: RuleAction, deadline: number, status: number): string {
  switch (action) {
    case 'ignore':
      return 'ignored';
    case 'notify':
      return 'told as an event';
    case 'ask':
      return `held for at most ${deadline} ms, then ${status === 0 ? 'allowed' : wordsOf('block', 0, status)}`;
    case 'block':
      return `blocked with ${ntStatusText(status)}`;
    case 'bypass':
      return 'reported done without being done';
  }
}
