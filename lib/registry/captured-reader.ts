// The reader of structures that were captured from a caller.

import { Captured } from '../wire/captured.js';
import { unixNanosecondsAt } from '../base/nt-time.js';
import { decodeValue, type RegistryValue } from './registry-value.js';

/**
 * Reads a structure of which only a part may have been captured, and whose offsets and lengths may be lies. What lies outside is
 * null, and `truncated` tells of it; nothing throws.
 */
export class CapturedReader {
  truncated: boolean;
  readonly #captured: Captured;

  constructor(captured: Captured) {
    this.truncated = captured.truncated;
    this.#captured = captured;
  }

  get length(): number {
    return this.#captured.length;
  }

  u32(offset: number): number | null {
    const { source, start } = this.#captured;
    return this.#has(offset, 4) ? source.view.getUint32(start + offset, true) : null;
  }

  /** Bit `index` of the 32-bit number at `offset`. */
  bit(offset: number, index: number): boolean | null {
    const bits = this.u32(offset);
    return bits === null ? null : (bits & (1 << index)) !== 0;
  }

  /** A system time as nanoseconds since 1970. */
  time(offset: number): bigint | null {
    const { source, start } = this.#captured;
    return this.#has(offset, 8) ? unixNanosecondsAt(source.view, start + offset) : null;
  }

  /** Of a text that was cut, what there is; null when there is nothing of it. */
  text(offset: number | null, size: number | null): string | null {
    if (offset === null || size === null) return null;
    if (size === 0) return '';
    const { source, start, length } = this.#captured;
    const available = Math.max(0, Math.min(size, length - offset));
    const whole = available - (available % 2);
    if (whole !== size) this.truncated = true;
    return whole === 0 ? null : source.text(start + offset, start + offset + whole);
  }

  /** Of data that were cut, what there is. */
  value(type: number, offset: number, size: number): RegistryValue {
    const { source, start, end, fault } = this.#captured;
    const first = Math.min(start + offset, end);
    const last = Math.min(first + size, end);
    const isCut = last - first < size;
    if (isCut) this.truncated = true;
    return decodeValue(type, new Captured(source, first, last, size, isCut && !fault, fault));
  }

  #has(offset: number, size: number): boolean {
    if (offset + size <= this.#captured.length) return true;
    this.truncated = true;
    return false;
  }
}
