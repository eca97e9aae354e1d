// Bytes that the driver captured from a caller.

import { ByteSource } from './byte-source.js';

export interface CaptureOptions {
  readonly size?: number;
  readonly truncated?: boolean;
  readonly fault?: boolean;
}

/** Bytes that the driver took from the memory of a caller, where they lie in their batch. */
export class Captured {
  readonly source: ByteSource;
  readonly start: number;
  readonly end: number;
  /** Of the whole, captured or not. */
  readonly size: number;
  readonly truncated: boolean;
  readonly fault: boolean;

  constructor(source: ByteSource, start: number, end: number, size: number, truncated: boolean, fault: boolean) {
    this.source = source;
    this.start = start;
    this.end = end;
    this.size = size;
    this.truncated = truncated;
    this.fault = fault;
  }

  static of(bytes: Uint8Array, options: CaptureOptions = {}): Captured {
    const source = new ByteSource(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { size = bytes.byteLength, truncated = false, fault = false } = options;
    return new Captured(source, 0, bytes.byteLength, size, truncated, fault);
  }

  get length(): number {
    return this.end - this.start;
  }

  copy(): Uint8Array {
    return this.source.copy(this.start, this.end);
  }
}
