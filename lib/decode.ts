import { decodeBody } from './decode/bodies.js';
import type { Body } from './decode/body.js';
import { decodeHeader, type Draft } from './decode/header.js';
import { HopTracker } from './decode/hops.js';
import { ProcessTable } from './decode/process-table.js';
import type { CreateFields, Event, GapCause, GapEvent } from './event.js';
import { notifyClassByNumber } from './notify-class.js';
import { NtStatus } from './nt-status.js';
import { toUnixNanoseconds } from './nt-time.js';
import * as P from './protocol.js';
import { protocolError, type RecordView } from './record.js';

const R = P.CMB_RECORD;

export function recordCookie({ view }: RecordView): bigint {
  return view.getBigInt64(R.Cookie, true);
}

/** The highest sequence number that the record accounts for. */
export function recordLastSequence(record: RecordView): bigint {
  const { view } = record;
  const isGap = view.getUint16(R.Kind, true) === P.CMB_RECORD_GAP && record.bodySize >= P.CMB_BODY_GAP.size;
  return isGap ? record.u64(record.body + P.CMB_BODY_GAP.LastSequence) : record.u64(R.Sequence);
}

/** Turns the records of one session into events. It must see them in the driver's order, and the process records among them. */
export class Decoder {
  readonly #processes: ProcessTable;
  /** By cookie; only registrations of which a link was met are here. */
  readonly #hops = new Map<bigint, HopTracker>();

  constructor(processSlots: number) {
    this.#processes = new ProcessTable(processSlots);
  }

  /** Null for a record that is no event: one about a process, or one of a kind that a newer driver has added. */
  decode(record: RecordView): Event | null {
    switch (record.view.getUint16(R.Kind, true)) {
      case P.CMB_RECORD_NOTIFICATION:
        return this.#notification(record);
      case P.CMB_RECORD_GAP:
        for (const hops of this.#hops.values()) hops.clear();
        return decodeGap(record);
      case P.CMB_RECORD_PROCESS:
        this.#processes.update(record);
        return null;
      default:
        return null;
    }
  }

  /** A registration has ended. */
  forget(cookie: bigint): void {
    this.#hops.delete(cookie);
  }

  #notification(record: RecordView): Event {
    const entry = notifyClassByNumber(record.u32(R.NotifyClass));
    const isPost = (record.u32(R.Flags) & P.CMB_RECORD_POST) !== 0;
    if (entry !== undefined && (entry.phase === 'post') !== isPost) {
      throw protocolError(`a record of ${entry.name} is marked as ${isPost ? 'post' : 'pre'}`);
    }
    const event = decodeHeader(record, entry, isPost, this.#processes);
    const kind = entry?.body ?? 'plain';
    decodeBody(record, event, kind, isPost, this.#processes);
    event.truncated = record.truncated;
    event.fault = record.fault;
    this.#followLinks(recordCookie(record), event, kind === 'create');
    // The union cannot be followed through the table; notify-class.ts ties the names to the bodies that were decoded.
    return event as unknown as Event;
  }

  #followLinks(cookie: bigint, event: Draft, isRequest: boolean): void {
    let hops = this.#hops.get(cookie);
    if (!isRequest) {
      hops?.other(event.threadId);
      return;
    }
    if (hops === undefined) {
      if (event.status !== NtStatus.STATUS_REPARSE) return;
      hops = new HopTracker();
      this.#hops.set(cookie, hops);
    }
    hops.request(event as Draft & Body<CreateFields>);
  }
}

function decodeGap(record: RecordView): GapEvent {
  const B = P.CMB_BODY_GAP;
  record.requireBody(B.size, 'gap');
  const { view, body } = record;
  const bits = record.u32(body + B.Causes);
  const causes: GapCause[] = [];
  if ((bits & P.CMB_GAP_QUEUE_FULL) !== 0) causes.push('queue-full');
  if ((bits & P.CMB_GAP_NO_MEMORY) !== 0) causes.push('no-memory');
  if ((bits & P.CMB_GAP_CAPTURE_FAULT) !== 0) causes.push('capture-fault');
  return {
    class: 'gap',
    sequence: record.u64(R.Sequence),
    time: toUnixNanoseconds(view.getBigInt64(R.Time, true)),
    count: record.u64(body + B.Count),
    firstSequence: record.u64(body + B.FirstSequence),
    lastSequence: record.u64(body + B.LastSequence),
    causes,
  };
}
