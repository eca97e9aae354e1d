// What REGISTER, UNREGISTER and requests that name a cookie failed with.

import { NtStatusError } from '../base/errors.js';
import { statusError } from '../base/nt-error.js';
import { NtStatus } from '../base/nt-status.js';

export function registerError(status: number, altitude: string): NtStatusError {
  if (status >>> 0 === NtStatus.STATUS_FLT_INSTANCE_ALTITUDE_COLLISION) {
    return new NtStatusError(
      'CMB_ALTITUDE_COLLISION',
      status,
      `Another registry callback is registered at the altitude ${altitude}; choose another number, ` +
        'for example with a longer fraction',
    );
  }
  if (status >>> 0 === NtStatus.STATUS_DELETE_PENDING) {
    return new NtStatusError(
      'CMB_ALTITUDE_COLLISION',
      NtStatus.STATUS_FLT_INSTANCE_ALTITUDE_COLLISION,
      `The registration that has the altitude ${altitude} is being removed, as its program has ended or has unregistered it, but an ` +
        'operation that has met it is still on its way: held by another filter, or stuck in its program. Try again when that is through',
    );
  }
  return statusError(status, `Registering at the altitude ${altitude}`);
}

export function unregisterError(status: number, cookie: bigint): NtStatusError {
  if (status >>> 0 === NtStatus.STATUS_INVALID_PARAMETER) return cookieError(status, cookie);
  return statusError(status, `Unregistering the cookie ${cookie}`);
}

export function cookieError(status: number, cookie: bigint): NtStatusError {
  const message = `The cookie ${cookie} is not one of this session's registrations; it may have been unregistered`;
  return new NtStatusError('CMB_INVALID_COOKIE', status, message);
}
