import { CmBridgeError, NtStatusError, type CmBridgeErrorCode } from './errors.js';
import type { BackendName } from '../native/native.js';
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

export function registerError(status: number, altitude: string): NtStatusError {
  if (status >>> 0 === NtStatus.STATUS_FLT_INSTANCE_ALTITUDE_COLLISION) {
    return new NtStatusError(
      'CMB_ALTITUDE_COLLISION',
      status,
      `Another registry callback is registered at the altitude ${altitude}; choose another number, ` +
        'for example with a longer fraction',
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

const notFound: readonly number[] = [
  NtStatus.STATUS_OBJECT_NAME_NOT_FOUND,
  NtStatus.STATUS_OBJECT_PATH_NOT_FOUND,
  NtStatus.STATUS_NO_SUCH_DEVICE,
  NtStatus.STATUS_NO_SUCH_FILE,
  NtStatus.STATUS_DEVICE_DOES_NOT_EXIST,
];

/** What opening the control device failed with, and what to do about it. */
export function openError(error: unknown, backend: BackendName, deviceName: string): CmBridgeError {
  const status = nativeStatus(error);
  const device = `the device \\\\.\\${deviceName}`;
  if (status === null) {
    const detail = error instanceof Error ? error.message : String(error);
    return new CmBridgeError('CMB_BACKEND_UNAVAILABLE', `The ${backend} could not be opened: ${detail}`, {
      cause: error,
    });
  }
  let code: CmBridgeErrorCode = 'CMB_NT_STATUS';
  let advice = '';
  if (notFound.includes(status)) {
    code = 'CMB_DRIVER_NOT_FOUND';
    advice =
      backend === 'device'
        ? ' does not exist. Is the driver installed and started? An administrator can look with: sc query cmbridge; ' +
          'and start it with: sc start cmbridge'
        : ' does not exist in the simulator; its driver makes the device CmBridge';
  } else if (status === NtStatus.STATUS_ACCESS_DENIED) {
    code = 'CMB_ACCESS_DENIED';
    advice = ' may be opened by administrators only. Run the program from an elevated command prompt';
  } else if (status === NtStatus.STATUS_INSUFFICIENT_RESOURCES) {
    code = 'CMB_INSUFFICIENT_RESOURCES';
    advice = ' could not be opened: the kernel is out of a resource';
  } else {
    advice = ' could not be opened';
  }
  return new NtStatusError(code, status, `${capital(device)}${advice}`, { cause: error });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
