import { CmBridgeError } from './errors.js';
import { CMB_BATCH, CMB_RECORD, CMB_SPAN, CMB_SPAN_FAULT, CMB_SPAN_PRESENT, CMB_SPAN_TRUNCATED } from './protocol.js';
import { decodeUtf16 } from './registry-value.js';

export function protocolError(message: string): CmBridgeError {
  return new CmBridgeError(
    'CMB_PROTOCOL_ERROR',
    `The driver sent something that is not of its protocol: ${message}. Its record is lost, the session goes on`,
  );
}

/** One record inside a batch; every access is checked against the record's own bounds. */
export interface RecordView {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the body starts, and its length. */
  readonly body: number;
  readonly bodySize: number;
}

export interface Span {
  readonly present: boolean;
  readonly truncated: boolean;
  readonly fault: boolean;
  readonly start: number;
  readonly end: number;
  readonly fullSize: number;
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
  return {
    bytes: new Uint8Array(batch, offset, size),
    view: new DataView(batch, offset, size),
    body: headerSize,
    bodySize,
  };
}

/** Refuses a body that is shorter than the fields this version reads; a longer one comes from a newer driver. */
export function requireBody(record: RecordView, size: number, what: string): void {
  if (record.bodySize >= size) return;
  throw protocolError(`the body of a ${what} record has ${record.bodySize} bytes instead of ${size}`);
}

export function readSpan(record: RecordView, offset: number, what: string): Span {
  const { view } = record;
  const start = view.getUint32(offset + CMB_SPAN.Offset, true);
  const size = view.getUint32(offset + CMB_SPAN.Size, true);
  const fullSize = view.getUint32(offset + CMB_SPAN.FullSize, true);
  const flags = view.getUint32(offset + CMB_SPAN.Flags, true);
  const end = start + size;
  if (end > record.bytes.byteLength || (size > 0 && start < record.body + record.bodySize)) {
    throw protocolError(`the ${what} of a record lies at ${start}..${end} of ${record.bytes.byteLength} bytes`);
  }
  if (size > fullSize && size > 0) throw protocolError(`the ${what} of a record has ${size} of ${fullSize} bytes`);
  return {
    present: (flags & CMB_SPAN_PRESENT) !== 0,
    truncated: (flags & CMB_SPAN_TRUNCATED) !== 0,
    fault: (flags & CMB_SPAN_FAULT) !== 0,
    start,
    end,
    fullSize,
  };
}

/** Null when the span is absent or could not be read from the caller's memory. */
export function spanText(record: RecordView, span: Span, what: string): string | null {
  if (!span.present || span.fault) return null;
  if ((span.end - span.start) % 2 !== 0) throw protocolError(`the ${what} of a record has an odd number of bytes`);
  return decodeUtf16(record.bytes, span.start, span.end);
}
