// What all layouts of answers have in common: buffers that are too small, names, numbers, alignment.

import { NtStatus } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import { CMB_REPLY_OUTPUT } from '../wire/protocol.js';
import { requireSize } from './check.js';
import { DecisionError } from './error.js';

/** An answer as the configuration manager puts it together, before it looks at the caller's buffer. */
export interface Layout {
  /** What comes before the name or data: a buffer that does not even take this gets nothing. */
  readonly fixed: number;
  readonly bytes: Uint8Array;
}

/** The part of an EncodedDecision that an answer settles. */
export interface Output {
  readonly flags: number;
  readonly status: number;
  readonly resultLength: number;
  readonly data: Uint8Array;
}

/** What of `layout` a caller with a buffer of `length` bytes gets. */
export function fitOutput(what: string, { fixed, bytes }: Layout, length: number, where: string): Output {
  const size = bytes.byteLength;
  const cut = length < fixed ? 0 : Math.min(length, size);
  requireSize(what, cut, where);
  const status =
    length < fixed
      ? NtStatus.STATUS_BUFFER_TOO_SMALL
      : length < size
        ? NtStatus.STATUS_BUFFER_OVERFLOW
        : NtStatus.STATUS_SUCCESS;
  return { flags: CMB_REPLY_OUTPUT, status, resultLength: size, data: bytes.subarray(0, cut) };
}

/** A UNICODE_STRING of a value's or key's name. */
export function nameBytes(what: string, name: unknown, limit: number, where: string): Buffer {
  if (typeof name !== 'string') throw new DecisionError(where, `${what} must be a string, not ${quote(name)}`);
  if (name.length > limit) {
    throw new DecisionError(where, `${what} has ${name.length} characters; at most ${limit} are possible`);
  }
  return Buffer.from(name, 'utf16le');
}

export function u32(what: string, value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new DecisionError(where, `${what} must be an integer from 0 to 4294967295, not ${quote(value)}`);
}

/** Consecutive 32-bit numbers from `offset` on. */
export function putNumbers(bytes: Buffer, offset: number, numbers: readonly number[]): void {
  numbers.forEach((number, index) => bytes.writeUInt32LE(number, offset + 4 * index));
}

export function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
