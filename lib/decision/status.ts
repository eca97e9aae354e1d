// The statuses that an operation may end with by a decision.

import { formatNtStatus, NtStatus, ntStatusText } from '../base/nt-status.js';
import { didYouMean, quote } from '../base/options.js';
import type { StatusInput } from './answer.js';
import { DecisionError } from './error.js';

/** What the kernel does with STATUS_CALLBACK_BYPASS is the same for all decisions. */
const bypassAdvice = 'STATUS_CALLBACK_BYPASS makes the kernel report success; bypass() says so';

/** `what` is the decision as it stands in messages, `block()`; `where` the notification class, if it is known. */
export function statusNumber(what: string, status: unknown, where: string | null): number {
  if (typeof status === 'string') {
    if (Object.hasOwn(NtStatus, status)) return NtStatus[status as keyof typeof NtStatus];
    const near = didYouMean(status, Object.keys(NtStatus)) || '. A number goes for any status';
    throw new DecisionError(where, `${what}: ${quote(status)} is no status that has a name here${near}`);
  }
  if (typeof status === 'number' && Number.isInteger(status) && status >= -0x8000_0000 && status <= 0xffff_ffff) {
    return status >>> 0;
  }
  throw new DecisionError(
    where,
    `${what}: a status is a name such as "STATUS_ACCESS_DENIED" or a number of 32 bits, not ${quote(status)}`,
  );
}

export function isError(status: number): boolean {
  return status >>> 28 === 0xc;
}

/** An error or a warning, 0x8....... */
function isFailure(status: number): boolean {
  return isError(status) || status >>> 28 === 0x8;
}

export function blockStatus(input: unknown, where: string | null = null): number {
  const status = statusNumber('block()', input, where);
  if (status === NtStatus.STATUS_CALLBACK_BYPASS) throw new DecisionError(where, `block(): ${bypassAdvice}`);
  if (isError(status)) return status;
  throw new DecisionError(where, `block(): ${shown(status)} is no error; an operation is blocked with 0xC.......`);
}

export function overrideStatus(input: unknown, where: string | null = null): number {
  const status = statusNumber('override()', input, where);
  if (status === NtStatus.STATUS_CALLBACK_BYPASS) {
    throw new DecisionError(
      where,
      'override(): no operation ends with STATUS_CALLBACK_BYPASS; STATUS_SUCCESS is how one succeeds',
    );
  }
  if (status === NtStatus.STATUS_SUCCESS || isFailure(status)) return status;
  throw new DecisionError(
    where,
    `override(): ${shown(status)} is neither STATUS_SUCCESS nor a warning nor an error, and the kernel takes other successes for its own`,
  );
}

/** An answer that is a status: `'notFound'` and the like are done with. */
export function emulatedStatus(input: StatusInput, where: string): number {
  const status = statusNumber('emulate()', input, where);
  if (status === NtStatus.STATUS_CALLBACK_BYPASS) throw new DecisionError(where, `emulate(): ${bypassAdvice}`);
  if (status === NtStatus.STATUS_BUFFER_OVERFLOW || status === NtStatus.STATUS_BUFFER_TOO_SMALL) {
    throw new DecisionError(
      where,
      `emulate(): ${shown(status)} follows from the answer and the caller's buffer; give the answer, and it is cut as it must be`,
    );
  }
  if (isFailure(status)) return status;
  throw new DecisionError(
    where,
    `emulate(): ${shown(status)} is neither an error nor a warning; a query that succeeds needs the answer that the caller gets`,
  );
}

export function shown(status: number): string {
  const text = ntStatusText(status);
  return text.startsWith('0x') ? text : `${text} (${formatNtStatus(status)})`;
}
