import { CmBridgeError } from './errors.js';
import { CMB_BATCH, CMB_RECORD, CMB_SPAN, CMB_SPAN_FAULT, CMB_SPAN_PRESENT, CMB_SPAN_TRUNCATED } from './protocol.js';
import type { CapturedData } from './registry-value.js';

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

/** One record inside a batch; every access is checked against the record's own bounds. */
export class RecordView {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the body starts, and its length. */
  readonly body: number;
  readonly bodySize: number;
  /** Whether one of the spans that were read so far was cut, and whether one could not be read by the driver. */
  truncated = false;
  fault = false;

  constructor(batch: ArrayBuffer, offset: number, size: number, body: number, bodySize: number) {
    this.bytes = Buffer.from(batch, offset, size);
    this.view = new DataView(batch, offset, size);
    this.body = body;
    this.bodySize = bodySize;
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }

  /** Refuses a body that is shorter than the fields this version reads; a longer one comes from a newer driver. */
  requireBody(size: number, what: string): void {
    if (this.bodySize >= size) return;
    throw protocolError(`the body of a ${what} record has ${this.bodySize} bytes instead of ${size}`);
  }

  span(offset: number, what: string): Span {
    const start = this.u32(offset + CMB_SPAN.Offset);
    const size = this.u32(offset + CMB_SPAN.Size);
    const fullSize = this.u32(offset + CMB_SPAN.FullSize);
    const flags = this.u32(offset + CMB_SPAN.Flags);
    const end = start + size;
    if (end > this.bytes.byteLength || (size > 0 && start < this.body + this.bodySize)) {
      throw protocolError(`the ${what} of a record lies at ${start}..${end} of ${this.bytes.byteLength} bytes`);
    }
    if (size > fullSize && size > 0) throw protocolError(`the ${what} of a record has ${size} of ${fullSize} bytes`);
    const truncated = (flags & CMB_SPAN_TRUNCATED) !== 0;
    const fault = (flags & CMB_SPAN_FAULT) !== 0;
    if (truncated) this.truncated = true;
    if (fault) this.fault = true;
    return { present: (flags & CMB_SPAN_PRESENT) !== 0, truncated, fault, start, end, fullSize };
  }

  /** Null when the text is absent or could not be read from the caller's memory. */
  text(offset: number, what: string): string | null {
    return this.textOf(this.span(offset, what), what);
  }

  textOf(span: Span, what: string): string | null {
    if (!span.present || span.fault) return null;
    if ((span.end - span.start) % 2 !== 0) throw protocolError(`the ${what} of a record has an odd number of bytes`);
    return this.bytes.toString('utf16le', span.start, span.end);
  }

  /** A copy: an event that a program keeps must not keep the whole batch. */
  copy(start: number, end: number): Uint8Array {
    return new Uint8Array(this.bytes.subarray(start, end));
  }

  captured(span: Span): CapturedData {
    return {
      bytes: this.copy(span.start, span.end),
      size: span.fullSize,
      truncated: span.truncated,
      fault: span.fault,
    };
  }
}

/**
 * Calls `onRecord` for each record of a batch. A batch whose records cannot be told apart ends with `onDamage`: what came
 * before the damage has been passed on.
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
  let offset = headerSize;
  for (let index = 0; index < count; index++) {
    const record = recordAt(batch, view, offset, size);
    if (record === null) {
      onDamage(
        protocolError(`record ${index + 1} of ${count}, at offset ${offset} of ${size}, does not fit into its batch`),
      );
      return;
    }
    onRecord(record);
    offset += record.bytes.byteLength;
  }
}

function recordAt(batch: ArrayBuffer, view: DataView, offset: number, end: number): RecordView | null {
  if (end - offset < CMB_RECORD.size) return null;
  const size = view.getUint32(offset + CMB_RECORD.Size, true);
  const headerSize = view.getUint16(offset + CMB_RECORD.HeaderSize, true);
  const bodySize = view.getUint32(offset + CMB_RECORD.BodySize, true);
  if (size > end - offset || size % 8 !== 0 || headerSize < CMB_RECORD.size || headerSize + bodySize > size)
    return null;
  return new RecordView(batch, offset, size, headerSize, bodySize);
}
