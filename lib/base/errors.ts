// The errors of this package, with their codes.

import { formatNtStatus, ntStatusName } from './nt-status.js';

export const cmBridgeErrorCodes = [
  'CMB_ABORTED',
  'CMB_ACCESS_DENIED',
  'CMB_ALTITUDE_COLLISION',
  'CMB_BACKEND_UNAVAILABLE',
  'CMB_DRIVER_BLOCKED',
  'CMB_DRIVER_CLOSED',
  'CMB_DRIVER_FILE',
  'CMB_DRIVER_GONE',
  'CMB_DRIVER_IN_USE',
  'CMB_DRIVER_NOT_FOUND',
  'CMB_DRIVER_VERSION',
  'CMB_FOLDER_UNSAFE',
  'CMB_INSUFFICIENT_RESOURCES',
  'CMB_INVALID_ALTITUDE',
  'CMB_INVALID_ARGUMENT',
  'CMB_INVALID_COOKIE',
  'CMB_INVALID_DECISION',
  'CMB_INVALID_RULES',
  'CMB_NATIVE_MISSING',
  'CMB_NOT_SUPPORTED',
  'CMB_NT_STATUS',
  'CMB_PROTOCOL_ERROR',
  'CMB_PROTOCOL_MISMATCH',
  'CMB_REG_FILE',
  'CMB_REPLY_REFUSED',
  'CMB_RULES_REFUSED',
  'CMB_SERVICE_TAKEN',
  'CMB_SIGNING_FAILED',
  'CMB_UNKNOWN_OPTION',
  'CMB_WINDOWS_ERROR',
] as const;

/** Every `code` an error of this package can have. Messages may change between versions; codes do not. */
export type CmBridgeErrorCode = (typeof cmBridgeErrorCodes)[number];

const errorBrand = Symbol.for('cmbridge.CmBridgeError');
const ntStatusBrand = Symbol.for('cmbridge.NtStatusError');

function hasBrand(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
}

/** What this package throws. `instanceof` also holds for errors of another copy of the package. */
export class CmBridgeError extends Error {
  readonly code: CmBridgeErrorCode;
  declare readonly [errorBrand]: true;

  constructor(code: CmBridgeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== CmBridgeError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return hasBrand(value, errorBrand);
  }
}
Object.defineProperty(CmBridgeError.prototype, 'name', { value: 'CmBridgeError', configurable: true, writable: true });
Object.defineProperty(CmBridgeError.prototype, errorBrand, { value: true });

/** The driver or the kernel answered with an NTSTATUS that is not a success. */
export class NtStatusError extends CmBridgeError {
  /** Unsigned. */
  readonly ntStatus: number;
  /** `STATUS_...`, or the number in hexadecimal when this package has no name for it. */
  readonly ntStatusName: string;
  declare readonly [ntStatusBrand]: true;

  constructor(code: CmBridgeErrorCode, ntStatus: number, message: string, options?: ErrorOptions) {
    const name = ntStatusName(ntStatus);
    super(code, `${message} (${name === null ? '' : `${name}, `}${formatNtStatus(ntStatus)})`, options);
    this.ntStatus = ntStatus >>> 0;
    this.ntStatusName = name ?? formatNtStatus(ntStatus);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== NtStatusError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return hasBrand(value, ntStatusBrand);
  }
}
Object.defineProperty(NtStatusError.prototype, 'name', { value: 'NtStatusError', configurable: true, writable: true });
Object.defineProperty(NtStatusError.prototype, ntStatusBrand, { value: true });

/** A `.reg` file that cannot be read: `line` and `column` start at 1. */
export class RegFileError extends CmBridgeError {
  readonly line: number;
  readonly column: number;

  constructor(line: number, column: number, message: string) {
    super('CMB_REG_FILE', `line ${line}, column ${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}
Object.defineProperty(RegFileError.prototype, 'name', { value: 'RegFileError', configurable: true, writable: true });

/** The error that an aborted call rejects with; `cause` is the signal's reason. */
export function abortError(signal: AbortSignal, what: string): CmBridgeError {
  const error = new CmBridgeError('CMB_ABORTED', `${what} was aborted`, { cause: signal.reason });
  error.name = 'AbortError';
  return error;
}

export function invalidArgument(message: string, options?: ErrorOptions): CmBridgeError {
  return new CmBridgeError('CMB_INVALID_ARGUMENT', message, options);
}
