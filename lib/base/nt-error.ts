// NTSTATUS as errors: what a rejection of the addon carries, and the error that stands for a status.

import { NtStatusError } from './errors.js';
import { NtStatus } from './nt-status.js';

/** The NTSTATUS that a rejection of the addon carries, or null when it carries none. */
export function nativeStatus(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('ntStatus' in error)) return null;
  return typeof error.ntStatus === 'number' ? error.ntStatus >>> 0 : null;
}

export function statusError(status: number, what: string, cause?: unknown): NtStatusError {
  const options = cause === undefined ? undefined : { cause };
  switch (status >>> 0) {
    case NtStatus.STATUS_INSUFFICIENT_RESOURCES:
    case NtStatus.STATUS_NO_MEMORY:
      return new NtStatusError(
        'CMB_INSUFFICIENT_RESOURCES',
        status,
        `${what} failed: the kernel is out of a resource`,
        options,
      );
    case NtStatus.STATUS_QUOTA_EXCEEDED:
      return new NtStatusError(
        'CMB_INSUFFICIENT_RESOURCES',
        status,
        `${what} failed: the session has as many as it may have (see driver.limits); open another session for more`,
        options,
      );
    case NtStatus.STATUS_ACCESS_DENIED:
      return new NtStatusError('CMB_ACCESS_DENIED', status, `${what} failed: access denied`, options);
    default:
      return new NtStatusError('CMB_NT_STATUS', status, `${what} failed`, options);
  }
}

/** A key, or a key on the way to it, does not exist. */
export function isNotFound(error: unknown): boolean {
  const status = nativeStatus(error);
  return status === NtStatus.STATUS_OBJECT_NAME_NOT_FOUND || status === NtStatus.STATUS_OBJECT_PATH_NOT_FOUND;
}
