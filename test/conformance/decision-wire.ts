// Questions and replies below the typed layer.
import { compileRules, type Rule } from '../../lib/index.js';
import type { NativeChannel } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import { nextAltitude, until } from './fixture.js';
import type { ConformanceHost } from './host.js';
import { hello, registerWithRules, request } from './wire.js';

export interface RawQuestion {
  readonly ticket: bigint;
  readonly deadline: number;
  readonly notifyClass: number;
}

function questionsOf(batch: ArrayBuffer): RawQuestion[] {
  const view = new DataView(batch);
  const questions: RawQuestion[] = [];
  const end = view.getUint32(P.CMB_BATCH.Size, true);
  for (let at = view.getUint16(P.CMB_BATCH.HeaderSize, true); at < end; at += view.getUint32(at, true)) {
    const flags = view.getUint32(at + P.CMB_RECORD.Flags, true);
    if ((flags & P.CMB_RECORD_DECIDED) === 0) continue;
    const decided = at + view.getUint16(at + P.CMB_RECORD.HeaderSize, true) - P.CMB_DECIDED.size;
    const ticket = view.getBigUint64(decided + P.CMB_DECIDED.Ticket, true);
    if (ticket === 0n) continue;
    questions.push({
      ticket,
      deadline: view.getUint32(decided + P.CMB_DECIDED.Deadline, true),
      notifyClass: view.getUint32(at + P.CMB_RECORD.NotifyClass, true),
    });
  }
  return questions;
}

export interface RawReply {
  readonly ticket: bigint;
  readonly decision: number;
  readonly flags?: number;
  readonly status?: number;
  readonly type?: number;
  readonly resultLength?: number;
  readonly reserved?: number;
  readonly data?: Uint8Array;
  /** In place of the span of the data as it is. */
  readonly span?: {
    readonly offset?: number;
    readonly size?: number;
    readonly fullSize?: number;
    readonly flags?: number;
  };
}

function entryOf(reply: RawReply): Uint8Array {
  const E = P.CMB_REPLY_ENTRY;
  const { data } = reply;
  const bytes = new Uint8Array(E.size + Math.ceil((data?.length ?? 0) / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(E.Size, bytes.length, true);
  view.setUint16(E.Decision, reply.decision, true);
  view.setUint16(E.Flags, reply.flags ?? 0, true);
  view.setBigUint64(E.Ticket, reply.ticket, true);
  view.setUint32(E.Status, reply.status ?? 0, true);
  view.setUint32(E.Type, reply.type ?? 0, true);
  view.setUint32(E.ResultLength, reply.resultLength ?? 0, true);
  view.setUint32(E.Reserved, reply.reserved ?? 0, true);
  if (data === undefined) return bytes;
  const { offset = E.size, size = data.length, fullSize = size, flags = P.CMB_SPAN_PRESENT } = reply.span ?? {};
  view.setUint32(E.Data + P.CMB_SPAN.Offset, offset, true);
  view.setUint32(E.Data + P.CMB_SPAN.Size, size, true);
  view.setUint32(E.Data + P.CMB_SPAN.FullSize, fullSize, true);
  view.setUint32(E.Data + P.CMB_SPAN.Flags, flags, true);
  bytes.set(data, E.size);
  return bytes;
}

export function replyRequest(replies: readonly RawReply[]): Uint8Array {
  const entries = Buffer.concat(replies.map(entryOf));
  const bytes = request(P.CMB_REPLY_REQUEST.size + entries.length, (view) => {
    view.setUint32(P.CMB_REPLY_REQUEST.Count, replies.length, true);
  });
  bytes.set(entries, P.CMB_REPLY_REQUEST.size);
  return bytes;
}

/** A session without the typed layer that asks about what it is told to. */
export class RawSession {
  readonly channel: NativeChannel;
  readonly #questions: RawQuestion[];

  static async open(host: ConformanceHost): Promise<RawSession> {
    const questions: RawQuestion[] = [];
    const channel: NativeChannel = await host.openChannel((batch) => {
      questions.push(...questionsOf(batch));
      channel.acknowledge();
    });
    await hello(channel);
    channel.startReceive(2, P.CMB_MIN_RECEIVE_BYTES);
    return new RawSession(channel, questions);
  }

  private constructor(channel: NativeChannel, questions: RawQuestion[]) {
    this.channel = channel;
    this.#questions = questions;
  }

  /** The cookie of a registration with these rules. */
  async register(rules: readonly Rule[]): Promise<bigint> {
    const { bytes, classMask } = compileRules(rules);
    const reply = await registerWithRules(this.channel, nextAltitude(), bytes, classMask);
    if (reply.status !== 0) throw new Error(`REGISTER ended with ${reply.status.toString(16)}`);
    return reply.cookie;
  }

  /** The next question that nobody has taken. */
  async question(): Promise<RawQuestion> {
    await until(() => Promise.resolve(this.#questions.length > 0));
    const question = this.#questions.shift();
    if (!question) throw new Error('nothing was asked');
    return question;
  }

  /** CMB_REPLY_* of each entry. */
  async reply(...replies: readonly RawReply[]): Promise<number[]> {
    const size = P.CMB_REPLY_REPLY.size + Math.ceil(replies.length / 2) * 8;
    const bytes = await this.channel.control(P.CMB_IOCTL_REPLY, replyRequest(replies), size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return replies.map((_, index) => view.getUint32(P.CMB_REPLY_REPLY.size + index * 4, true));
  }
}
