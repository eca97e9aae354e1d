// CmRegisterCallbackEx and its companions, with the names and results that they have in the kernel.

import { Driver as DriverClass, openDrivers, type Driver } from './driver.js';
import { CmBridgeError, invalidArgument, NtStatusError } from '../base/errors.js';
import type { Event } from '../event/event.js';
import { NtStatus } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import type { Registration } from '../session/registration.js';

/** An out parameter of type LARGE_INTEGER. */
export interface Cookie {
  QuadPart: bigint;
}

/**
 * The RegistryCallback routine. `Argument1` is the number in REG_NOTIFY_CLASS, or -1 for an event that is no notification (a
 * gap). What it returns has no effect: the operation goes on before the event arrives here, as this registration has no rules that
 * ask. To let an NTSTATUS decide, every operation of the machine would have to be held; registerCallback() with rules holds a few.
 */
export type ExCallbackFunction = (CallbackContext: unknown, Argument1: number, Argument2: Event) => unknown;

const registrations = new Map<bigint, Registration>();

/**
 * The kernel's routine: registers `Function` and stores the cookie. Resolves with the NTSTATUS, whatever it is; rejects only for
 * what the kernel is not asked about, such as a malformed altitude.
 */
export async function CmRegisterCallbackEx(
  Function: ExCallbackFunction,
  Altitude: string,
  Driver: Driver,
  Context: unknown,
  Cookie: Cookie,
  Reserved?: null,
): Promise<number> {
  // The kernel would crash on these two, sooner or later.
  if (typeof Function !== 'function') throw invalidArgument(`"Function" must be a function, not ${quote(Function)}`);
  if (!isObject(Cookie)) throw invalidArgument('"Cookie" must be an object that gets the property QuadPart');
  if (Driver === null || Driver === undefined) return NtStatus.STATUS_INVALID_PARAMETER_3;
  if (!(Driver instanceof DriverClass)) throw invalidArgument('"Driver" must be what openDriver() resolved with');
  if (Reserved !== null && Reserved !== undefined) return NtStatus.STATUS_INVALID_PARAMETER_6;
  const callback = (event: Event): unknown => Function(Context, 'notifyClass' in event ? event.notifyClass : -1, event);
  try {
    const registration = await Driver.register({ altitude: Altitude }, callback, {
      onCookie: (cookie) => {
        Cookie.QuadPart = cookie;
      },
    });
    forgetEnded();
    registrations.set(registration.cookie, registration);
    return NtStatus.STATUS_SUCCESS;
  } catch (error) {
    return statusOf(error);
  }
}

/**
 * The kernel's routine. When it resolves, the callback is not called any more. A cookie that is not one of CmRegisterCallbackEx's
 * goes to the driver all the same, which refuses it with STATUS_INVALID_PARAMETER.
 */
export async function CmUnRegisterCallback(Cookie: Readonly<Cookie>): Promise<number> {
  if (!isObject(Cookie) || typeof Cookie.QuadPart !== 'bigint') {
    throw invalidArgument('"Cookie" must be an object whose QuadPart is a bigint');
  }
  const cookie = BigInt.asIntN(64, Cookie.QuadPart);
  const registration = registrations.get(cookie);
  registrations.delete(cookie);
  try {
    if (registration?.active === true) {
      await registration.unregister();
      return NtStatus.STATUS_SUCCESS;
    }
    const [driver] = openDrivers;
    return driver === undefined ? NtStatus.STATUS_INVALID_PARAMETER : await driver.unregisterCookie(cookie);
  } catch (error) {
    return statusOf(error);
  }
}

/** The kernel's routine; like there, both parameters may be null. */
export function CmGetCallbackVersion(Major: { value: number } | null, Minor: { value: number } | null): void {
  const [driver] = openDrivers;
  if (driver === undefined) {
    throw new CmBridgeError('CMB_DRIVER_CLOSED', 'CmGetCallbackVersion needs an open driver: call openDriver() first');
  }
  if (Major !== null) Major.value = driver.callbackVersion.major;
  if (Minor !== null) Minor.value = driver.callbackVersion.minor;
}

function statusOf(error: unknown): number {
  if (error instanceof NtStatusError) return error.ntStatus;
  throw error;
}

/** Registrations that ended with their driver would otherwise stay in the map. */
function forgetEnded(): void {
  for (const [cookie, registration] of registrations) if (!registration.active) registrations.delete(cookie);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
