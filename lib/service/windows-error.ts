// Errors of Windows, as errors that say what to do.

import { CmBridgeError, type CmBridgeErrorCode } from '../base/errors.js';

/** winerror.h */
export const WindowsCode = {
  FILE_NOT_FOUND: 2,
  PATH_NOT_FOUND: 3,
  ACCESS_DENIED: 5,
  BAD_EXE_FORMAT: 193,
  MOD_NOT_FOUND: 126,
  PROC_NOT_FOUND: 127,
  ALREADY_EXISTS: 183,
  EXE_MACHINE_TYPE_MISMATCH: 216,
  INVALID_IMAGE_HASH: 577,
  SERVICE_DATABASE_LOCKED: 1055,
  SERVICE_ALREADY_RUNNING: 1056,
  SERVICE_DISABLED: 1058,
  SERVICE_DOES_NOT_EXIST: 1060,
  SERVICE_CANNOT_ACCEPT_CTRL: 1061,
  SERVICE_NOT_ACTIVE: 1062,
  SERVICE_MARKED_FOR_DELETE: 1072,
  SERVICE_EXISTS: 1073,
  DRIVER_BLOCKED: 1275,
  SYSTEM_INTEGRITY_POLICY_VIOLATION: 4551,
} as const;

const doctor = 'npx cmbridge doctor tells what this machine demands';

const known = new Map<number, readonly [CmBridgeErrorCode, string]>([
  [WindowsCode.FILE_NOT_FOUND, ['CMB_DRIVER_FILE', 'Windows does not find the driver file']],
  [WindowsCode.PATH_NOT_FOUND, ['CMB_DRIVER_FILE', 'Windows does not find the folder of the driver file']],
  [
    WindowsCode.ACCESS_DENIED,
    ['CMB_ACCESS_DENIED', 'Windows denies access. Run it from an elevated prompt, as an administrator'],
  ],
  [
    WindowsCode.BAD_EXE_FORMAT,
    [
      'CMB_DRIVER_FILE',
      'Windows does not take the file for a driver of this machine: it is damaged, or for another processor',
    ],
  ],
  [
    WindowsCode.EXE_MACHINE_TYPE_MISMATCH,
    ['CMB_DRIVER_FILE', 'the driver file is for another processor than this machine has'],
  ],
  [WindowsCode.PROC_NOT_FOUND, ['CMB_DRIVER_FILE', 'the kernel of this Windows lacks a routine that the driver needs']],
  [WindowsCode.MOD_NOT_FOUND, ['CMB_DRIVER_FILE', 'the kernel of this Windows lacks a module that the driver needs']],
  [
    WindowsCode.ALREADY_EXISTS,
    [
      'CMB_WINDOWS_ERROR',
      'the device \\\\.\\CmBridge exists already: another copy of the driver runs, under another name',
    ],
  ],
  [
    WindowsCode.INVALID_IMAGE_HASH,
    [
      'CMB_DRIVER_BLOCKED',
      `Windows does not accept the signature of the driver. With a test signature, test signing must be on (bcdedit /set testsigning on, and a restart); ${doctor}`,
    ],
  ],
  [
    WindowsCode.DRIVER_BLOCKED,
    ['CMB_DRIVER_BLOCKED', `Windows blocks the driver: a policy of this machine, or memory integrity. ${doctor}`],
  ],
  [
    WindowsCode.SYSTEM_INTEGRITY_POLICY_VIOLATION,
    [
      'CMB_DRIVER_BLOCKED',
      `An App Control policy of this machine, Smart App Control perhaps, blocks the driver. ${doctor}`,
    ],
  ],
  [
    WindowsCode.SERVICE_DATABASE_LOCKED,
    ['CMB_WINDOWS_ERROR', 'the service control manager is busy, as it is soon after the start of Windows. Try again'],
  ],
  [
    WindowsCode.SERVICE_DISABLED,
    ['CMB_WINDOWS_ERROR', 'the service is disabled. npx cmbridge driver install --start demand enables it'],
  ],
  [
    WindowsCode.SERVICE_MARKED_FOR_DELETE,
    [
      'CMB_WINDOWS_ERROR',
      'the service is to be deleted, and something holds it open: close services.msc, the Task Manager and the like, or restart Windows',
    ],
  ],
]);

/** The code of Windows that a rejection of the addon carries, or null when it carries none. */
export function windowsCode(error: unknown): number | null {
  const seen = error instanceof CmBridgeError ? error.cause : error;
  if (typeof seen !== 'object' || seen === null || !('windowsError' in seen)) return null;
  return typeof seen.windowsError === 'number' ? seen.windowsError : null;
}

/** `what` begins the sentence: "The driver does not start". */
export function windowsFailure(what: string, cause: unknown): CmBridgeError {
  if (cause instanceof CmBridgeError) return cause;
  const code = windowsCode(cause);
  const detail = cause instanceof Error ? cause.message : String(cause);
  const [errorCode, advice] = (code === null ? undefined : known.get(code)) ?? ['CMB_WINDOWS_ERROR', null];
  return new CmBridgeError(errorCode, advice === null ? `${what}: ${detail}` : `${what}: ${advice} (${detail})`, {
    cause,
  });
}
