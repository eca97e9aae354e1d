import type { BackendName, NativeAddon, NativeChannel } from '../../../lib/native/native.js';
import * as P from '../../../lib/wire/protocol.js';
import { batch, gapRecord, record, type RecordInput } from './records.js';

const STATUS_INVALID_PARAMETER = 0xc000000d;
const STATUS_BAD_DATA = 0xc000090b;
const STATUS_COLLISION = 0xc01c0011;
const STATUS_FILE_CLOSED = 0xc0000128;

export function nativeError(ntStatus: number): Error {
  return Object.assign(new Error(`status ${ntStatus.toString(16)}`), { ntStatus });
}

/** The driver behind a channel: it speaks the protocol, has a bounded queue, and does what a test tells it. */
export class FakeAddon implements NativeAddon {
  readonly version = '0.0.0';
  readonly backends: readonly BackendName[] = ['simulator', 'device'];
  readonly simulator = null;
  readonly windows = null;
  readonly channels: FakeChannel[] = [];
  openFailure: Error | null = null;
  helloStatus = 0;
  /** What closing a channel fails with; null: nothing. */
  closeError: Error | null = null;
  capabilities: number = P.CMB_CAPABILITY_SET_RULES;
  controlSet = 1;
  /** What the driver says of every rule program. */
  refusal: { readonly reason: number; readonly offset: number } | null = null;
  helloMajor: number = P.CMB_PROTOCOL_MAJOR;

  get channel(): FakeChannel {
    const channel = this.channels.at(-1);
    if (channel === undefined) throw new Error('nothing was opened');
    return channel;
  }

  openChannel(
    _backend: BackendName,
    _deviceName: string,
    onBatch: (batch: ArrayBuffer) => void,
    onEnd: (ntStatus: number) => void,
  ): Promise<NativeChannel> {
    if (this.openFailure !== null) return Promise.reject(this.openFailure);
    const channel = new FakeChannel(this, onBatch, onEnd);
    this.channels.push(channel);
    return Promise.resolve(channel);
  }
}

/** An entry of REPLY as the driver would read it. */
export interface FakeReply {
  readonly ticket: bigint;
  /** CMB_DECISION_* */
  readonly decision: number;
  /** CMB_REPLY_* */
  readonly flags: number;
  readonly status: number;
  readonly type: number;
  readonly resultLength: number;
  readonly data: Uint8Array | null;
}

interface Gap {
  readonly first: bigint;
  last: bigint;
  count: bigint;
}

export class FakeChannel implements NativeChannel {
  readonly registered = new Map<bigint, string>();
  readonly requests: number[] = [];
  queueLimit = Infinity;
  sequence = 0n;
  recorded = 0n;
  lost = 0n;
  isClosed = false;
  isReferenced = true;
  lastClassMask = 0n;
  lastOptions = 0;
  /** As they came with REGISTER and SET_RULES; empty: none. */
  readonly programs: Uint8Array[] = [];
  lastRate: readonly [limit: number, burst: number] = [0, 0];
  /** CMB_DECISION_STATISTICS, field by field. */
  decisions: readonly bigint[] = [];
  lastMaxHeld = 0;
  lastBreaker: readonly [misses: number, coolDown: number] = [0, 0];
  /** The entries of each REPLY. */
  readonly replies: FakeReply[][] = [];
  /** What becomes of an entry: CMB_REPLY_*. May throw what the request is to fail with. */
  judge: (reply: FakeReply) => number = () => P.CMB_REPLY_ACCEPTED;
  /** Runs before a request is answered. */
  beforeAnswer: (code: number) => Promise<void> | void = () => undefined;
  #freeReceives = 0;
  #queue: Uint8Array[] = [];
  readonly #gaps = new Map<bigint, Gap>();
  readonly #accounts = new Map<bigint, { recorded: bigint; lost: bigint }>();
  #nextCookie = 1000n;

  constructor(
    readonly addon: FakeAddon,
    readonly onBatch: (batch: ArrayBuffer) => void,
    readonly onEnd: (ntStatus: number) => void,
  ) {}

  async control(code: number, input: Uint8Array, outputLength: number): Promise<Uint8Array> {
    this.requests.push(code);
    await this.beforeAnswer(code);
    await new Promise((resolve) => setImmediate(resolve));
    const request = new DataView(input.buffer, input.byteOffset, input.byteLength);
    const output = new Uint8Array(outputLength);
    const reply = new DataView(output.buffer);
    reply.setUint32(0, outputLength, true);
    reply.setUint16(4, P.CMB_STRUCTURE_VERSION, true);
    switch (code) {
      case P.CMB_IOCTL_HELLO:
        this.lastMaxHeld = request.getUint32(P.CMB_HELLO_REQUEST.MaxHeld, true);
        this.#hello(reply);
        break;
      case P.CMB_IOCTL_REGISTER:
        this.#register(input, request, reply);
        break;
      case P.CMB_IOCTL_UNREGISTER: {
        const cookie = request.getBigInt64(P.CMB_UNREGISTER_REQUEST.Cookie, true);
        const known = this.registered.delete(cookie);
        const { recorded, lost } = this.#accountOf(cookie);
        reply.setUint32(P.CMB_UNREGISTER_REPLY.Status, known ? 0 : STATUS_INVALID_PARAMETER, true);
        reply.setBigUint64(P.CMB_UNREGISTER_REPLY.Recorded, recorded, true);
        reply.setBigUint64(P.CMB_UNREGISTER_REPLY.Lost, lost, true);
        break;
      }
      case P.CMB_IOCTL_SET_RULES:
        this.#setRules(input, request, reply);
        break;
      case P.CMB_IOCTL_STATISTICS:
        this.#statistics(request, reply);
        break;
      default:
        throw nativeError(0xc0000010);
    }
    return output;
  }

  reply(input: Uint8Array): Uint8Array {
    if (this.isClosed) throw nativeError(STATUS_FILE_CLOSED);
    const entries = readReplies(input);
    this.replies.push(entries);
    const A = P.CMB_REPLY_REPLY;
    const output = new DataView(new ArrayBuffer(A.size + 8 * Math.ceil(entries.length / 2)));
    output.setUint32(P.CMB_HEADER.Size, output.byteLength, true);
    output.setUint32(A.Count, entries.length, true);
    entries.forEach((entry, index) => {
      output.setUint32(A.size + 4 * index, this.judge(entry), true);
    });
    return new Uint8Array(output.buffer);
  }

  startReceive(receives: number): void {
    this.#freeReceives = receives;
    this.#pump();
  }

  acknowledge(): void {
    this.#freeReceives++;
    setImmediate(() => {
      this.#pump();
    });
  }

  ref(): void {
    this.isReferenced = true;
  }

  unref(): void {
    this.isReferenced = false;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return this.addon.closeError === null ? Promise.resolve() : Promise.reject(this.addon.closeError);
  }

  /** A notification happens: it is queued, or lost when the queue is full. */
  notify(input: RecordInput | ((sequence: bigint) => Uint8Array) = {}): void {
    const sequence = ++this.sequence;
    const bytes = typeof input === 'function' ? input(sequence) : record({ ...input, sequence });
    const cookie = new DataView(bytes.buffer).getBigInt64(P.CMB_RECORD.Cookie, true);
    const account = this.#accountOf(cookie);
    const gap = this.#gaps.get(cookie);
    if (this.#queue.length >= this.queueLimit || gap !== undefined) {
      this.lost++;
      account.lost++;
      if (gap === undefined) this.#gaps.set(cookie, { first: sequence, last: sequence, count: 1n });
      else {
        gap.last = sequence;
        gap.count++;
      }
      this.#pump();
      return;
    }
    this.recorded++;
    account.recorded++;
    this.#queue.push(bytes);
    this.#pump();
  }

  /** A record that is no notification: it is counted nowhere. */
  tell(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#pump();
  }

  /** Numbers that no record will come for. */
  swallow(cookie: bigint, count: bigint): void {
    this.sequence += count;
    this.#accountOf(cookie).recorded += count;
  }

  #accountOf(cookie: bigint): { recorded: bigint; lost: bigint } {
    const account = this.#accounts.get(cookie) ?? { recorded: 0n, lost: 0n };
    this.#accounts.set(cookie, account);
    return account;
  }

  /** Bytes that no driver would send. */
  sendRaw(bytes: ArrayBuffer): void {
    this.#freeReceives--;
    this.onBatch(bytes);
  }

  #hello(reply: DataView): void {
    const A = P.CMB_HELLO_REPLY;
    reply.setUint32(A.Status, this.addon.helloStatus, true);
    reply.setUint16(A.ProtocolMajor, this.addon.helloMajor, true);
    reply.setUint32(A.CallbackMajor, 1, true);
    reply.setUint32(A.CallbackMinor, 1, true);
    reply.setUint32(A.MaxRegistrations, 64, true);
    reply.setUint32(A.Capabilities, this.addon.capabilities, true);
    reply.setUint32(A.MaxRulesBytes, P.CMB_MAX_RULES_BYTES, true);
    reply.setUint32(A.ControlSet, this.addon.controlSet, true);
    reply.setUint32(A.MaxDataBytes, P.CMB_MAX_DATA_BYTES, true);
    reply.setUint32(A.MaxAltitudeBytes, P.CMB_MAX_ALTITUDE_BYTES, true);
    reply.setUint32(A.ProcessSlots, P.CMB_PROCESS_SLOTS, true);
    reply.setUint32(A.PathSlots, P.CMB_PATH_SLOTS, true);
    reply.setUint32(A.MaxHeld, this.lastMaxHeld === 0 ? P.CMB_DEFAULT_HELD : this.lastMaxHeld, true);
  }

  #register(input: Uint8Array, request: DataView, reply: DataView): void {
    const Q = P.CMB_REGISTER_REQUEST;
    this.lastClassMask = request.getBigUint64(Q.ClassMask, true);
    this.lastOptions = request.getUint32(Q.Options, true);
    this.lastBreaker = [request.getUint32(Q.BreakerMisses, true), request.getUint32(Q.BreakerCoolDown, true)];
    this.lastRate = [request.getUint32(Q.RateLimit, true), request.getUint32(Q.RateBurst, true)];
    const altitude = Buffer.from(input.subarray(Q.size, Q.size + request.getUint16(Q.AltitudeSize, true))).toString(
      'utf16le',
    );
    if ([...this.registered.values()].includes(altitude)) {
      reply.setUint32(P.CMB_REGISTER_REPLY.Status, STATUS_COLLISION, true);
      return;
    }
    const { refusal } = this.addon;
    const programSize = request.getUint32(Q.ProgramSize, true);
    if (programSize > 0 && refusal !== null) {
      reply.setUint32(P.CMB_REGISTER_REPLY.Status, STATUS_BAD_DATA, true);
      reply.setUint32(P.CMB_REGISTER_REPLY.Reason, refusal.reason, true);
      reply.setUint32(P.CMB_REGISTER_REPLY.Offset, refusal.offset, true);
      return;
    }
    this.programs.push(input.slice(input.byteLength - programSize));
    const cookie = this.#nextCookie++;
    this.registered.set(cookie, altitude);
    reply.setBigInt64(P.CMB_REGISTER_REPLY.Cookie, cookie, true);
  }

  #setRules(input: Uint8Array, request: DataView, reply: DataView): void {
    const A = P.CMB_SET_RULES_REPLY;
    const cookie = request.getBigInt64(P.CMB_SET_RULES_REQUEST.Cookie, true);
    const refusal = this.addon.refusal;
    reply.setUint32(
      A.Status,
      this.registered.has(cookie) ? (refusal === null ? 0 : STATUS_BAD_DATA) : STATUS_INVALID_PARAMETER,
      true,
    );
    reply.setUint32(A.Reason, refusal?.reason ?? 0, true);
    reply.setUint32(A.Offset, refusal?.offset ?? 0, true);
    if (refusal !== null) return;
    const size = request.getUint32(P.CMB_SET_RULES_REQUEST.ProgramSize, true);
    this.programs.push(input.slice(P.CMB_SET_RULES_REQUEST.size, P.CMB_SET_RULES_REQUEST.size + size));
    reply.setBigUint64(A.Sequence, this.sequence, true);
  }

  #statistics(request: DataView, reply: DataView): void {
    const A = P.CMB_STATISTICS_REPLY;
    reply.setUint32(A.Scope, request.getUint32(P.CMB_STATISTICS_REQUEST.Scope, true), true);
    reply.setUint32(A.Registrations, this.registered.size, true);
    reply.setBigUint64(A.Recorded, this.recorded, true);
    reply.setBigUint64(A.Lost, this.lost, true);
    reply.setBigUint64(A.LastSequence, this.sequence, true);
    reply.setBigUint64(A.QueueRecords, BigInt(this.#queue.length), true);
    for (const [index, count] of this.decisions.entries()) reply.setBigUint64(A.Decisions + 8 * index, count, true);
  }

  /** As the driver: gaps go behind what is queued, and do not wait for the next notification. */
  #pump(): void {
    while (this.#freeReceives > 0 && !this.isClosed && (this.#queue.length > 0 || this.#gaps.size > 0)) {
      this.#freeReceives--;
      const records = this.#queue.splice(0, 8);
      if (this.#queue.length === 0) {
        for (const [cookie, { first, last, count }] of this.#gaps) {
          records.push(gapRecord(first, last, P.CMB_GAP_QUEUE_FULL, { cookie, count, queueFull: count }));
        }
        this.#gaps.clear();
      }
      const bytes = batch(records);
      setImmediate(() => {
        if (!this.isClosed) this.onBatch(bytes);
      });
    }
  }
}

/** Refuses what the driver would refuse as a whole. */
function readReplies(input: Uint8Array): FakeReply[] {
  const Q = P.CMB_REPLY_REQUEST;
  const E = P.CMB_REPLY_ENTRY;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const count = view.getUint32(Q.Count, true);
  if (view.getUint32(P.CMB_HEADER.Size, true) !== input.byteLength || input.byteLength > P.CMB_MAX_REPLY_BYTES) {
    throw nativeError(STATUS_INVALID_PARAMETER);
  }
  if (count === 0 || count > P.CMB_MAX_REPLY_ENTRIES) throw nativeError(STATUS_INVALID_PARAMETER);
  const entries: FakeReply[] = [];
  let offset: number = Q.size;
  for (let index = 0; index < count; index++) {
    const size = view.getUint32(offset + E.Size, true);
    const span = offset + E.Data;
    const isPresent = view.getUint32(span + P.CMB_SPAN.Flags, true) === P.CMB_SPAN_PRESENT;
    const start = offset + view.getUint32(span + P.CMB_SPAN.Offset, true);
    entries.push({
      ticket: view.getBigUint64(offset + E.Ticket, true),
      decision: view.getUint16(offset + E.Decision, true),
      flags: view.getUint16(offset + E.Flags, true),
      status: view.getUint32(offset + E.Status, true),
      type: view.getUint32(offset + E.Type, true),
      resultLength: view.getUint32(offset + E.ResultLength, true),
      data: isPresent ? input.slice(start, start + view.getUint32(span + P.CMB_SPAN.Size, true)) : null,
    });
    offset += size;
  }
  if (offset !== input.byteLength) throw nativeError(STATUS_INVALID_PARAMETER);
  return entries;
}
