import { toUnixNanoseconds } from './nt-time.js';
import type { CapturedData, RegistryValue } from './registry-value.js';
import { decodeUtf16, decodeValue } from './registry-value.js';

/**
 * Reads a structure of which only a part may have been captured, and whose offsets and lengths may be lies. What lies outside is
 * null, and `truncated` tells of it; nothing throws.
 */
export class CapturedReader {
  truncated: boolean;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fault: boolean;

  constructor({ bytes, truncated, fault }: CapturedData) {
    this.truncated = truncated;
    this.#fault = fault;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.#bytes.byteLength;
  }

  u32(offset: number): number | null {
    return this.#has(offset, 4) ? this.#view.getUint32(offset, true) : null;
  }

  /** Bit `index` of the 32-bit number at `offset`. */
  bit(offset: number, index: number): boolean | null {
    const bits = this.u32(offset);
    return bits === null ? null : (bits & (1 << index)) !== 0;
  }

  /** A system time as nanoseconds since 1970. */
  time(offset: number): bigint | null {
    return this.#has(offset, 8) ? toUnixNanoseconds(this.#view.getBigInt64(offset, true)) : null;
  }

  /** Of a text that was cut, what there is; null when there is nothing of it. */
  text(offset: number | null, size: number | null): string | null {
    if (offset === null || size === null) return null;
    if (size === 0) return '';
    const available = Math.max(0, Math.min(size, this.#bytes.byteLength - offset));
    const whole = available - (available % 2);
    if (whole !== size) this.truncated = true;
    return whole === 0 ? null : decodeUtf16(this.#bytes, offset, offset + whole);
  }

  /** Of data that were cut, what there is. */
  value(type: number, offset: number, size: number): RegistryValue {
    const start = Math.min(offset, this.#bytes.byteLength);
    const bytes = this.#bytes.subarray(start, Math.min(start + size, this.#bytes.byteLength));
    const isCut = bytes.byteLength < size;
    if (isCut) this.truncated = true;
    return decodeValue(type, { bytes, size, truncated: isCut && !this.#fault, fault: this.#fault });
  }

  #has(offset: number, size: number): boolean {
    if (offset + size <= this.#bytes.byteLength) return true;
    this.truncated = true;
    return false;
  }
}
