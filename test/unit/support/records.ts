import { notifyClassByNumber, type BodyKind } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';

/** Records and batches as the driver makes them, built from the protocol's constants. */
export interface SpanInput {
  readonly data: string | Uint8Array;
  readonly fullSize?: number;
  readonly flags?: number;
}

export interface TokenInput {
  /** CMB_TOKEN_* */
  readonly flags?: number;
  readonly integrity?: number;
  readonly session?: number;
  readonly sid?: Uint8Array;
}

/** CMB_DECIDED */
export interface DecidedInput {
  readonly decision?: number;
  readonly by?: number;
  readonly flags?: number;
  readonly rule?: number;
  readonly ruleset?: number;
  readonly status?: number;
  readonly deadline?: number;
  readonly latency?: bigint;
  readonly ticket?: bigint;
}

export interface RecordInput {
  readonly kind?: number;
  readonly sequence?: bigint;
  readonly time?: bigint;
  readonly cookie?: bigint;
  readonly preSequence?: bigint;
  readonly notifyClass?: number;
  readonly status?: number;
  readonly processId?: number;
  readonly threadId?: number;
  readonly flags?: number;
  readonly keyPath?: SpanInput | string | null;
  readonly otherPath?: SpanInput | string;
  readonly rootSize?: number;
  readonly pathSlot?: number;
  readonly pathSerial?: number;
  readonly processKey?: bigint;
  readonly processSlot?: number;
  readonly keyObject?: bigint;
  readonly duration?: bigint;
  readonly impersonation?: TokenInput & { readonly level: number };
  readonly transaction?: Uint8Array;
  /** Default: that of the class. */
  readonly bodySize?: number;
  /** Writes the fixed part of the body; spans are [offset in the body, content]. */
  readonly body?: (view: DataView) => void;
  readonly spans?: readonly (readonly [offset: number, span: SpanInput | string])[];
  readonly decided?: DecidedInput;
  /** Bytes that a newer driver might add to header and body. */
  readonly extraHeader?: number;
  readonly extraBody?: number;
}

export const epoch1970 = 116_444_736_000_000_000n;

const bodySizes: Readonly<Record<BodyKind, number>> = {
  plain: 0,
  create: P.CMB_BODY_CREATE.size,
  deleteKey: P.CMB_BODY_DELETE_KEY.size,
  setValue: P.CMB_BODY_SET_VALUE.size,
  deleteValue: P.CMB_BODY_DELETE_VALUE.size,
  setInformation: P.CMB_BODY_SET_INFORMATION.size,
  rename: P.CMB_BODY_RENAME.size,
  enumerateKey: P.CMB_BODY_QUERY.size,
  enumerateValue: P.CMB_BODY_QUERY.size,
  queryKey: P.CMB_BODY_QUERY.size,
  queryValue: P.CMB_BODY_QUERY.size,
  queryMultiple: P.CMB_BODY_QUERY_MULTIPLE.size,
  close: P.CMB_BODY_CLOSE.size,
  load: P.CMB_BODY_LOAD.size,
  unload: P.CMB_BODY_UNLOAD.size,
  security: P.CMB_BODY_SECURITY.size,
  restore: P.CMB_BODY_FILE.size,
  save: P.CMB_BODY_FILE.size,
  saveMerged: P.CMB_BODY_FILE.size,
  replace: P.CMB_BODY_REPLACE.size,
  queryName: P.CMB_BODY_QUERY_NAME.size,
};

export function bodySizeOf(notifyClass: number): number {
  return bodySizes[notifyClassByNumber(notifyClass)?.body ?? 'plain'];
}

export function record(input: RecordInput): Uint8Array {
  const decidedSize = input.decided === undefined ? 0 : P.CMB_DECIDED.size;
  const headerSize = P.CMB_RECORD.size + (input.extraHeader ?? 0) + decidedSize;
  const bodySize = (input.bodySize ?? bodySizeOf(input.notifyClass ?? 0)) + (input.extraBody ?? 0);
  const fixed = headerSize + bodySize;
  const tail: Uint8Array[] = [];
  let size = fixed;
  const spans: [number, number, number, number, number][] = [];
  const addSpan = (offset: number, span: SpanInput | string): void => {
    const { data, fullSize, flags } = typeof span === 'string' ? ({ data: span } as SpanInput) : span;
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf16le') : data;
    spans.push([
      offset,
      bytes.length === 0 ? 0 : size,
      bytes.length,
      fullSize ?? bytes.length,
      flags ?? P.CMB_SPAN_PRESENT,
    ]);
    const padded = new Uint8Array((bytes.length + 7) & ~7);
    padded.set(bytes);
    tail.push(padded);
    size += padded.length;
  };
  if (input.keyPath !== null) addSpan(P.CMB_RECORD.KeyPath, input.keyPath ?? '\\REGISTRY\\MACHINE\\Software');
  if (input.otherPath !== undefined) addSpan(P.CMB_RECORD.OtherPath, input.otherPath);
  if (input.transaction !== undefined) addSpan(P.CMB_RECORD.Transaction, { data: input.transaction });
  for (const [offset, span] of input.spans ?? []) addSpan(headerSize + offset, span);
  if (input.impersonation !== undefined) {
    const { impersonation } = input;
    const start = size;
    addSpan(P.CMB_RECORD.Impersonation, { data: impersonationBytes(impersonation) });
    if (impersonation.sid !== undefined) {
      addSpan(start + P.CMB_IMPERSONATION.Token + P.CMB_TOKEN.UserSid, { data: impersonation.sid });
    }
  }

  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(P.CMB_RECORD.Size, size, true);
  view.setUint16(P.CMB_RECORD.HeaderSize, headerSize, true);
  view.setUint16(P.CMB_RECORD.Kind, input.kind ?? P.CMB_RECORD_NOTIFICATION, true);
  view.setBigUint64(P.CMB_RECORD.Sequence, input.sequence ?? 1n, true);
  view.setBigInt64(P.CMB_RECORD.Time, input.time ?? epoch1970, true);
  view.setBigInt64(P.CMB_RECORD.Cookie, input.cookie ?? 100n, true);
  view.setBigUint64(P.CMB_RECORD.PreSequence, input.preSequence ?? 0n, true);
  view.setUint32(P.CMB_RECORD.NotifyClass, input.notifyClass ?? 0, true);
  view.setUint32(P.CMB_RECORD.Status, input.status ?? 0, true);
  view.setUint32(P.CMB_RECORD.ProcessId, input.processId ?? 4321, true);
  view.setUint32(P.CMB_RECORD.ThreadId, input.threadId ?? 8765, true);
  const flags = (input.flags ?? P.CMB_RECORD_PATH_RESOLVED) | (decidedSize === 0 ? 0 : P.CMB_RECORD_DECIDED);
  view.setUint32(P.CMB_RECORD.Flags, flags, true);
  view.setUint32(P.CMB_RECORD.BodySize, bodySize, true);
  view.setUint32(P.CMB_RECORD.RootSize, input.rootSize ?? 0, true);
  view.setUint32(P.CMB_RECORD.PathSlot, input.pathSlot ?? 0, true);
  view.setUint32(P.CMB_RECORD.PathSerial, input.pathSerial ?? 0, true);
  view.setBigUint64(P.CMB_RECORD.ProcessKey, input.processKey ?? 0n, true);
  view.setUint32(P.CMB_RECORD.ProcessSlot, input.processSlot ?? 0, true);
  view.setBigUint64(P.CMB_RECORD.KeyObject, input.keyObject ?? 0n, true);
  view.setBigUint64(P.CMB_RECORD.Duration, input.duration ?? 0n, true);
  if (input.decided !== undefined) writeDecided(view, headerSize - decidedSize, input.decided);
  input.body?.(new DataView(bytes.buffer, headerSize, bodySize));
  let end = fixed;
  for (const part of tail) {
    bytes.set(part, end);
    end += part.length;
  }
  for (const [at, offset, length, fullSize, flags] of spans) {
    view.setUint32(at + P.CMB_SPAN.Offset, offset, true);
    view.setUint32(at + P.CMB_SPAN.Size, length, true);
    view.setUint32(at + P.CMB_SPAN.FullSize, fullSize, true);
    view.setUint32(at + P.CMB_SPAN.Flags, flags, true);
  }
  return bytes;
}

function writeDecided(view: DataView, offset: number, input: DecidedInput): void {
  const D = P.CMB_DECIDED;
  view.setUint16(offset + D.Decision, input.decision ?? P.CMB_DECISION_NONE, true);
  view.setUint16(offset + D.By, input.by ?? P.CMB_DECIDED_BY_NOBODY, true);
  view.setUint32(offset + D.Flags, input.flags ?? 0, true);
  view.setUint32(offset + D.Rule, input.rule ?? P.CMB_RULES_NONE, true);
  view.setUint32(offset + D.Ruleset, input.ruleset ?? 1, true);
  view.setUint32(offset + D.Status, input.status ?? 0, true);
  view.setUint32(offset + D.Deadline, input.deadline ?? 0, true);
  view.setBigUint64(offset + D.Latency, input.latency ?? 0n, true);
  view.setBigUint64(offset + D.Ticket, input.ticket ?? 0n, true);
}

/** The operation is held. */
export function held(ticket: bigint, rule = 0, deadline = 500): DecidedInput {
  return { flags: P.CMB_DECIDED_HELD, ticket, rule, deadline };
}

export interface BreakerInput {
  readonly cookie: bigint;
  readonly state: number;
  readonly misses?: number;
  readonly coolDown?: number;
  readonly unasked?: bigint;
}

export function breakerRecord({
  cookie,
  state,
  misses = 5,
  coolDown = 10_000,
  unasked = 0n,
}: BreakerInput): Uint8Array {
  const B = P.CMB_BODY_BREAKER;
  return record({
    kind: P.CMB_RECORD_BREAKER,
    sequence: 0n,
    cookie,
    keyPath: null,
    flags: 0,
    bodySize: B.size,
    body: (view) => {
      view.setUint32(B.State, state, true);
      view.setUint32(B.Misses, misses, true);
      view.setUint32(B.CoolDown, coolDown, true);
      view.setBigUint64(B.Unasked, unasked, true);
    },
  });
}

function impersonationBytes({ flags, integrity, session, level }: TokenInput & { level: number }): Uint8Array {
  const bytes = new Uint8Array(P.CMB_IMPERSONATION.size);
  const view = new DataView(bytes.buffer);
  writeToken(view, P.CMB_IMPERSONATION.Token, { flags: flags ?? 0, integrity: integrity ?? 0, session: session ?? 0 });
  view.setUint32(P.CMB_IMPERSONATION.Level, level, true);
  return bytes;
}

function writeToken(view: DataView, offset: number, { flags, integrity, session }: TokenInput): void {
  view.setUint32(offset + P.CMB_TOKEN.Flags, flags ?? 0, true);
  view.setUint32(offset + P.CMB_TOKEN.IntegrityLevel, integrity ?? 0, true);
  view.setUint32(offset + P.CMB_TOKEN.SessionId, session ?? 0, true);
}

export interface ProcessInput extends TokenInput {
  readonly slot: number;
  readonly key: bigint;
  readonly id: number;
  /** CMB_PROCESS_* */
  readonly processFlags?: number;
  readonly parentId?: number;
  readonly createTime?: bigint;
  readonly imagePath?: string;
  readonly commandLine?: string;
}

export function processRecord(input: ProcessInput): Uint8Array {
  const B = P.CMB_BODY_PROCESS;
  const spans: [number, SpanInput | string][] = [];
  if (input.imagePath !== undefined) spans.push([B.ImagePath, input.imagePath]);
  if (input.commandLine !== undefined) spans.push([B.CommandLine, input.commandLine]);
  if (input.sid !== undefined) spans.push([B.Token + P.CMB_TOKEN.UserSid, { data: input.sid }]);
  return record({
    kind: P.CMB_RECORD_PROCESS,
    sequence: 0n,
    cookie: 0n,
    keyPath: null,
    flags: 0,
    processId: input.id,
    processKey: input.key,
    processSlot: input.slot,
    bodySize: B.size,
    body: (view) => {
      view.setBigInt64(B.CreateTime, input.createTime ?? epoch1970, true);
      view.setUint32(B.ParentProcessId, input.parentId ?? 0, true);
      view.setUint32(B.Flags, input.processFlags ?? 0, true);
      writeToken(view, B.Token, input);
    },
    spans,
  });
}

/** `S-1-5-` and the numbers. */
export function sidBytes(...subAuthorities: number[]): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * subAuthorities.length);
  const view = new DataView(bytes.buffer);
  bytes.set([1, subAuthorities.length, 0, 0, 0, 0, 0, 5]);
  for (const [index, value] of subAuthorities.entries()) view.setUint32(8 + 4 * index, value, true);
  return bytes;
}

export function setValueRecord(
  name: SpanInput | string,
  type: number,
  data: SpanInput | Uint8Array,
  input: RecordInput = {},
): Uint8Array {
  const B = P.CMB_BODY_SET_VALUE;
  return record({
    notifyClass: 1,
    bodySize: B.size,
    body: (view) => {
      view.setUint32(B.Type, type, true);
    },
    spans: [
      [B.ValueName, name],
      [B.Data, data instanceof Uint8Array ? { data } : data],
    ],
    ...input,
  });
}

export interface GapInput {
  readonly cookie?: bigint;
  /** Default: every number in between. */
  readonly count?: bigint;
  readonly queueFull?: bigint;
  readonly noMemory?: bigint;
  readonly captureFault?: bigint;
  readonly rateLimit?: bigint;
}

export function gapRecord(first: bigint, last: bigint, causes: number, input: GapInput = {}): Uint8Array {
  const B = P.CMB_BODY_GAP;
  return record({
    kind: P.CMB_RECORD_GAP,
    sequence: first,
    ...(input.cookie === undefined ? {} : { cookie: input.cookie }),
    keyPath: null,
    bodySize: B.size,
    body: (view) => {
      view.setBigUint64(B.Count, input.count ?? last - first + 1n, true);
      view.setBigUint64(B.FirstSequence, first, true);
      view.setBigUint64(B.LastSequence, last, true);
      view.setUint32(B.Causes, causes, true);
      view.setBigUint64(B.QueueFull, input.queueFull ?? 0n, true);
      view.setBigUint64(B.NoMemory, input.noMemory ?? 0n, true);
      view.setBigUint64(B.CaptureFault, input.captureFault ?? 0n, true);
      view.setBigUint64(B.RateLimit, input.rateLimit ?? 0n, true);
    },
  });
}

export function batch(records: readonly Uint8Array[], extraHeader = 0): ArrayBuffer {
  const headerSize = P.CMB_BATCH.size + extraHeader;
  const size = records.reduce((sum, bytes) => sum + bytes.length, headerSize);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(P.CMB_BATCH.Size, size, true);
  view.setUint16(P.CMB_BATCH.Version, 1, true);
  view.setUint16(P.CMB_BATCH.HeaderSize, headerSize, true);
  view.setUint32(P.CMB_BATCH.RecordCount, records.length, true);
  let offset = headerSize;
  for (const part of records) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes.buffer;
}
