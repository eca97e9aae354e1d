// Why the driver did not take a decision.

import { CmBridgeError } from '../base/errors.js';
import * as P from '../wire/protocol.js';

/**
 * `unknown`: no such question was put; `answered`: it had its answer; `unfit`: the decision does not suit the class, the phase or the
 * status of the operation; `bad-status`: not a status that it can have; `too-large`: more than the caller's buffer, a value or a path
 * takes; `bad-data`: its data is malformed; `no-memory`: the kernel had none for it; `cannot-undo`: the driver does not know what was
 * before; `failed`: the request itself failed, `cause` says how.
 */
export type ReplyRefusal =
  'unknown' | 'answered' | 'unfit' | 'bad-status' | 'too-large' | 'bad-data' | 'no-memory' | 'cannot-undo' | 'failed';

/** The driver did not take a decision. If the operation still waits, the default of its rule is applied at once. */
export class ReplyRefusedError extends CmBridgeError {
  readonly reason: ReplyRefusal;

  constructor(reason: ReplyRefusal, message: string, options?: ErrorOptions) {
    super('CMB_REPLY_REFUSED', message, options);
    this.reason = reason;
  }
}
Object.defineProperty(ReplyRefusedError.prototype, 'name', {
  value: 'ReplyRefusedError',
  configurable: true,
  writable: true,
});

export function refusal(result: number): ReplyRefusedError {
  const [reason, meaning] = refusals[result] ?? (['unfit', `with result ${result}, which is not known here`] as const);
  return new ReplyRefusedError(reason, `The driver refused the decision: ${meaning}`);
}

const refusals: Readonly<Record<number, readonly [reason: ReplyRefusal, meaning: string]>> = {
  [P.CMB_REPLY_UNKNOWN]: ['unknown', 'it knows of no such question'],
  [P.CMB_REPLY_ANSWERED]: ['answered', 'the question has been answered before'],
  [P.CMB_REPLY_UNFIT]: ['unfit', 'it does not suit the class, the phase or the status of the operation'],
  [P.CMB_REPLY_BAD_STATUS]: ['bad-status', 'its status is none that it can have'],
  [P.CMB_REPLY_TOO_LARGE]: ['too-large', "it has more data than the caller's buffer, a value or a path can take"],
  [P.CMB_REPLY_BAD_DATA]: ['bad-data', 'its data is malformed, missing or not expected'],
  [P.CMB_REPLY_NO_MEMORY]: ['no-memory', 'the kernel had no memory for it'],
  [P.CMB_REPLY_CANNOT_UNDO]: ['cannot-undo', 'what was there before is not known; oldValues must be on for "undo"'],
};
