// The records of a batch, one after the other.

import { ByteSource } from './byte-source.js';
import { Captured } from './captured.js';
import { CmBridgeError } from '../base/errors.js';
import { unixNanosecondsAt } from '../base/nt-time.js';
import { CMB_BATCH, CMB_RECORD, CMB_SPAN, CMB_SPAN_FAULT, CMB_SPAN_PRESENT, CMB_SPAN_TRUNCATED } from './protocol.js';

export function protocolError(message: string): CmBridgeError {
  return new CmBridgeError(
    'CMB_PROTOCOL_ERROR',
    `The driver sent something that is not of its protocol: ${message}. Its record is lost, the session goes on`,
  );
}

/** Bytes that a record may lack, in part or as a whole. */
export interface Span {
  readonly present: boolean;
  readonly truncated: boolean;
  readonly fault: boolean;
  readonly start: number;
  readonly end: number;
  readonly fullSize: number;
}

/** Other reads that a record stands for: how many, and the number of the last. */
export interface Repeats {
  readonly count: bigint;
  readonly last: bigint | null;
}

export const noRepeats: Repeats = Object.freeze({ count: 0n, last: null });

/**
 * One record of a batch after the other: `forEachRecord` moves it on. All offsets count from the start of the record. A span is
 * checked against the record's own bounds; of the fixed fields, those of the header are always there, and `requireBody` checks
 * the others.
 */
export class RecordView {
  readonly #source: ByteSource;
  readonly #view: DataView;
  #start = 0;
  #size = 0;
  #body = 0;
  #bodySize = 0;
  /** Whether one of the spans that were read so far was cut, and whether one could not be read by the driver. */
  truncated = false;
  fault = false;
  /** What the record stands for beside itself; whoever knows sets it. */
  repeats = noRepeats;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#view = source.view;
  }

  /** A view of its own of the same batch. */
  fork(): RecordView {
    return new RecordView(this.#source);
  }

  /** To the record at `offset` of the batch, which must end before `end`. False when there is none. */
  moveTo(offset: number, end: number): boolean {
    if (end - offset < CMB_RECORD.size) return false;
    const size = this.#view.getUint32(offset + CMB_RECORD.Size, true);
    const headerSize = this.#view.getUint16(offset + CMB_RECORD.HeaderSize, true);
    const bodySize = this.#view.getUint32(offset + CMB_RECORD.BodySize, true);
    if (size > end - offset || size % 8 !== 0 || headerSize < CMB_RECORD.size || headerSize + bodySize > size)
      return false;
    this.#start = offset;
    this.#size = size;
    this.#body = headerSize;
    this.#bodySize = bodySize;
    this.truncated = false;
    this.fault = false;
    this.repeats = noRepeats;
    return true;
  }

  /** Where the record starts in its batch. */
  get start(): number {
    return this.#start;
  }

  get size(): number {
    return this.#size;
  }

  /** Where the body starts. */
  get body(): number {
    return this.#body;
  }

  /** CMB_RECORD_* */
  get kind(): number {
    return this.#view.getUint16(this.#start + CMB_RECORD.Kind, true);
  }

  u16(offset: number): number {
    return this.#view.getUint16(this.#start + offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(this.#start + offset, true);
  }

  u64(offset: number): bigint {
    const at = this.#start + offset;
    return this.#isZero(at) ? 0n : this.#view.getBigUint64(at, true);
  }

  /** Null for 0. */
  u64OrNull(offset: number): bigint | null {
    const at = this.#start + offset;
    return this.#isZero(at) ? null : this.#view.getBigUint64(at, true);
  }

  i64(offset: number): bigint {
    return this.#view.getBigInt64(this.#start + offset, true);
  }

  /** A system time as nanoseconds since 1970. */
  time(offset: number): bigint {
    return unixNanosecondsAt(this.#view, this.#start + offset);
  }

  /** Refuses a body that is shorter than the fields this version reads; a longer one comes from a newer driver. */
  requireBody(size: number, what: string): void {
    if (this.#bodySize >= size) return;
    throw protocolError(`the body of a ${what} record has ${this.#bodySize} bytes instead of ${size}`);
  }

  span(offset: number, what: string): Span {
    const at = this.#start + offset;
    const flags = this.#checkSpan(at, what);
    const start = this.#view.getUint32(at + CMB_SPAN.Offset, true);
    return {
      present: (flags & CMB_SPAN_PRESENT) !== 0,
      truncated: (flags & CMB_SPAN_TRUNCATED) !== 0,
      fault: (flags & CMB_SPAN_FAULT) !== 0,
      start,
      end: start + this.#view.getUint32(at + CMB_SPAN.Size, true),
      fullSize: this.#view.getUint32(at + CMB_SPAN.FullSize, true),
    };
  }

  /** Null when the text is absent or could not be read from the caller's memory. */
  text(offset: number, what: string): string | null {
    const at = this.#start + offset;
    const flags = this.#checkSpan(at, what);
    if ((flags & (CMB_SPAN_PRESENT | CMB_SPAN_FAULT)) !== CMB_SPAN_PRESENT) return null;
    const size = this.#view.getUint32(at + CMB_SPAN.Size, true);
    if (size % 2 !== 0) throw protocolError(`the ${what} of a record has an odd number of bytes`);
    if (size === 0) return '';
    const start = this.#start + this.#view.getUint32(at + CMB_SPAN.Offset, true);
    return this.#source.text(start, start + size);
  }

  /** Whether there is such a span, though it may be empty. */
  isPresent(offset: number): boolean {
    return (this.u32(offset + CMB_SPAN.Flags) & CMB_SPAN_PRESENT) !== 0;
  }

  captured(offset: number, what: string): Captured {
    const at = this.#start + offset;
    const flags = this.#checkSpan(at, what);
    const start = this.#start + this.#view.getUint32(at + CMB_SPAN.Offset, true);
    const end = start + this.#view.getUint32(at + CMB_SPAN.Size, true);
    const fullSize = this.#view.getUint32(at + CMB_SPAN.FullSize, true);
    const truncated = (flags & CMB_SPAN_TRUNCATED) !== 0;
    return new Captured(this.#source, start, end, fullSize, truncated, (flags & CMB_SPAN_FAULT) !== 0);
  }

  /** Bytes of a span that was checked, for as long as the batch is there. */
  bytesOf({ start, end }: Span): Uint8Array {
    return this.#source.subarray(this.#start + start, this.#start + end);
  }

  hexOf(start: number, end: number): string {
    return this.#source.hex(this.#start + start, this.#start + end);
  }

  #isZero(at: number): boolean {
    return this.#view.getUint32(at, true) === 0 && this.#view.getUint32(at + 4, true) === 0;
  }

  /** The flags of the span at `at`, after it has turned out to lie in the record and behind its body. */
  #checkSpan(at: number, what: string): number {
    const start = this.#view.getUint32(at + CMB_SPAN.Offset, true);
    const size = this.#view.getUint32(at + CMB_SPAN.Size, true);
    const flags = this.#view.getUint32(at + CMB_SPAN.Flags, true);
    const end = start + size;
    if (end > this.#size || (size > 0 && start < this.#body + this.#bodySize)) {
      throw protocolError(`the ${what} of a record lies at ${start}..${end} of ${this.#size} bytes`);
    }
    if (size > 0 && size > this.#view.getUint32(at + CMB_SPAN.FullSize, true)) {
      const fullSize = this.#view.getUint32(at + CMB_SPAN.FullSize, true);
      throw protocolError(`the ${what} of a record has ${size} of ${fullSize} bytes`);
    }
    if ((flags & CMB_SPAN_TRUNCATED) !== 0) this.truncated = true;
    if ((flags & CMB_SPAN_FAULT) !== 0) this.fault = true;
    return flags;
  }
}

/**
 * Calls `onRecord` for each record of a batch, always with the same view. A batch whose records cannot be told apart ends with
 * `onDamage`: what came before the damage has been passed on.
 */
export function forEachRecord(
  batch: ArrayBuffer,
  onRecord: (record: RecordView) => void,
  onDamage: (error: CmBridgeError) => void,
): void {
  const view = new DataView(batch);
  if (batch.byteLength < CMB_BATCH.size) {
    onDamage(protocolError(`a batch of ${batch.byteLength} bytes, which is shorter than its header`));
    return;
  }
  const size = view.getUint32(CMB_BATCH.Size, true);
  const headerSize = view.getUint16(CMB_BATCH.HeaderSize, true);
  if (size > batch.byteLength || headerSize < CMB_BATCH.size || headerSize > size) {
    onDamage(
      protocolError(`a batch of ${batch.byteLength} bytes that claims ${size}, of which ${headerSize} are its header`),
    );
    return;
  }
  const count = view.getUint32(CMB_BATCH.RecordCount, true);
  const record = new RecordView(new ByteSource(batch, 0, batch.byteLength));
  let offset = headerSize;
  for (let index = 0; index < count; index++) {
    if (!record.moveTo(offset, size)) {
      onDamage(
        protocolError(`record ${index + 1} of ${count}, at offset ${offset} of ${size}, does not fit into its batch`),
      );
      return;
    }
    onRecord(record);
    offset += record.size;
  }
}
