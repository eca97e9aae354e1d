// What opening the control device failed with, as an error that says what to do about it.

import { CmBridgeError, NtStatusError, type CmBridgeErrorCode } from '../base/errors.js';
import { nativeStatus } from '../base/nt-error.js';
import { NtStatus } from '../base/nt-status.js';
import type { BackendName } from '../native/native.js';

const notFound: readonly number[] = [
  NtStatus.STATUS_OBJECT_NAME_NOT_FOUND,
  NtStatus.STATUS_OBJECT_PATH_NOT_FOUND,
  NtStatus.STATUS_NO_SUCH_DEVICE,
  NtStatus.STATUS_NO_SUCH_FILE,
  NtStatus.STATUS_DEVICE_DOES_NOT_EXIST,
];

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
        ? ' does not exist. Type this in an elevated prompt, and the driver is installed and started: npx cmbridge driver install'
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
