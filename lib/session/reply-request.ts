// REPLY as bytes.

import type { EncodedDecision } from '../decision/encode.js';
import * as P from '../wire/protocol.js';
import { protocolError } from '../wire/record.js';
import { replyView, requestBytes } from './requests.js';

export interface ReplyEntry {
  readonly ticket: bigint;
  readonly decision: EncodedDecision;
}

/** Bytes of an entry with its data. */
export function replyEntrySize({ decision: { data } }: ReplyEntry): number {
  return P.CMB_REPLY_ENTRY.size + Math.ceil((data?.byteLength ?? 0) / 8) * 8;
}

/** In requests that the driver takes: each has at most CMB_MAX_REPLY_ENTRIES and CMB_MAX_REPLY_BYTES. */
export function splitReplies<E extends ReplyEntry>(entries: readonly E[]): E[][] {
  const parts: E[][] = [];
  let room = 0;
  for (const entry of entries) {
    const size = replyEntrySize(entry);
    const last = parts.at(-1);
    if (last === undefined || size > room || last.length === P.CMB_MAX_REPLY_ENTRIES) {
      parts.push([entry]);
      room = P.CMB_MAX_REPLY_BYTES - P.CMB_REPLY_REQUEST.size - size;
    } else {
      last.push(entry);
      room -= size;
    }
  }
  return parts;
}

export function replyRequest(entries: readonly ReplyEntry[]): Uint8Array {
  const Q = P.CMB_REPLY_REQUEST;
  const { bytes, view } = requestBytes(entries.reduce<number>((size, entry) => size + replyEntrySize(entry), Q.size));
  view.setUint32(Q.Count, entries.length, true);
  let offset = Q.size;
  for (const entry of entries) {
    writeEntry(bytes, view, offset, entry);
    offset += replyEntrySize(entry);
  }
  return bytes;
}

function writeEntry(bytes: Uint8Array, view: DataView, offset: number, entry: ReplyEntry): void {
  const E = P.CMB_REPLY_ENTRY;
  const { kind, flags, status, type, resultLength, data } = entry.decision;
  view.setUint32(offset + E.Size, replyEntrySize(entry), true);
  view.setUint16(offset + E.Decision, kind, true);
  view.setUint16(offset + E.Flags, flags, true);
  view.setBigUint64(offset + E.Ticket, entry.ticket, true);
  view.setUint32(offset + E.Status, status, true);
  view.setUint32(offset + E.Type, type, true);
  view.setUint32(offset + E.ResultLength, resultLength, true);
  if (data === null) return;
  const span = offset + E.Data;
  view.setUint32(span + P.CMB_SPAN.Offset, E.size, true);
  view.setUint32(span + P.CMB_SPAN.Size, data.byteLength, true);
  view.setUint32(span + P.CMB_SPAN.FullSize, data.byteLength, true);
  view.setUint32(span + P.CMB_SPAN.Flags, P.CMB_SPAN_PRESENT, true);
  bytes.set(data, offset + E.size);
}

/** What became of each of `count` entries: CMB_REPLY_*. */
export function replyResults(bytes: Uint8Array, count: number): number[] {
  const A = P.CMB_REPLY_REPLY;
  const view = replyView(bytes, A.size + 4 * count, 'REPLY');
  const told = view.getUint32(A.Count, true);
  if (told !== count) throw protocolError(`a reply to REPLY with ${told} results for ${count} decisions`);
  return Array.from({ length: count }, (_, index) => view.getUint32(A.size + 4 * index, true));
}
