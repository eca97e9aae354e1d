// The functions that make decisions, and the types of these.

import type { QueryAnswer, QueryOutput, StatusInput } from './answer.js';
import type {
  AllowDecision,
  BlockDecision,
  BypassDecision,
  EmulateDecision,
  OverrideDecision,
  RedirectDecision,
  ReplaceDecision,
} from './kinds.js';
import { checkOverride, checkReplacement } from './check.js';
import { checkTarget } from './redirect.js';
import { blockStatus, overrideStatus } from './status.js';
import type { ValueInput } from '../registry/value-input.js';

export type * from './answer.js';
export { DecisionError } from './error.js';
export type { DecisionFor } from './fits.js';
export type * from './kinds.js';

const allowed: AllowDecision = Object.freeze({ kind: 'allow' });
const bypassed: BypassDecision = Object.freeze({ kind: 'bypass' });

/** The operation goes on as if nobody had asked: to filters of lower altitude, then to the configuration manager. */
export function allow(): AllowDecision {
  return allowed;
}

/**
 * Pre: the operation is not performed and ends with `status`, an error (0xC.......). Filters below do not see it, those above see it
 * fail. STATUS_CALLBACK_BYPASS is refused: the kernel would report success.
 */
export function block(status: StatusInput = 'STATUS_ACCESS_DENIED'): BlockDecision {
  return Object.freeze({ kind: 'block', status: blockStatus(status) });
}

/**
 * Pre: the operation is not performed and ends with STATUS_SUCCESS (STATUS_CALLBACK_BYPASS to the configuration manager): a write that
 * lands nowhere. Not for operations that have to answer something.
 */
export function bypass(): BypassDecision {
  return bypassed;
}

/**
 * Pre of a query: it is not performed, and the caller gets `answer`, laid out for the information class and the buffer that it came
 * with; or `'notFound'`, `'noMoreEntries'` or a status, an error or a warning.
 */
export function emulate<const A extends QueryAnswer>(answer: A): EmulateDecision<A> {
  return Object.freeze({ kind: 'emulate', answer });
}

/**
 * Pre set value: `value` is written in place of what the caller gave, up to 1 MiB, with the rights of the caller's handle. Filters below
 * see the new value, those above the old one.
 */
export function replace(value: ValueInput): ReplaceDecision {
  return Object.freeze({ kind: 'replace', ...checkReplacement(value) });
}

/**
 * Create and open, in pre or after a failure in post: the caller gets the key `path` in place of the one that it asked for, with the
 * rights that it has there. Takes `HKLM\...` and its like or `\REGISTRY\...`; HKCU is that of the caller.
 */
export function redirect(path: string): RedirectDecision {
  return Object.freeze({ kind: 'redirect', path: checkTarget(path) });
}

/**
 * Post: the operation ends with `status` (ReturnStatus of REG_POST_OPERATION_INFORMATION). `output`, for queries and STATUS_SUCCESS, is
 * what the caller gets. `undo`, for an error after a success, takes back what was done: a key that is new is deleted, an old value is
 * put back, for which the registration needs `oldValues`.
 */
export function override(
  status: StatusInput,
  options?: { readonly output?: undefined; readonly undo?: false | undefined },
): OverrideDecision<null, false>;
export function override(
  status: StatusInput,
  options: { readonly output?: undefined; readonly undo: boolean },
): OverrideDecision<null>;
export function override<const O extends QueryOutput>(
  status: StatusInput,
  options: { readonly output: O; readonly undo?: false | undefined },
): OverrideDecision<O, false>;
export function override(
  status: StatusInput,
  options?: { readonly output?: QueryOutput | undefined; readonly undo?: boolean | undefined },
): OverrideDecision {
  const checked = overrideStatus(status);
  return Object.freeze({ kind: 'override', status: checked, ...checkOverride(options, checked) });
}
