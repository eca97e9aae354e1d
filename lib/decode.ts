import { decodeBody } from './decode/bodies.js';
import type { Body } from './decode/body.js';
import { decodeHeader } from './decode/header.js';
import type { HopTracker } from './decode/hops.js';
import { PathTable } from './decode/path-table.js';
import { ProcessTable } from './decode/process-table.js';
import type { CreateFields, Event, GapCause, GapEvent } from './event.js';
import { notifyClassByNumber } from './notify-class.js';
import * as P from './protocol.js';
import { protocolError, type RecordView } from './record.js';

const R = P.CMB_RECORD;

/** Turns the records of one session into events. It must see them all, in the driver's order: they refer to what came before. */
export class Decoder {
  readonly #processes: ProcessTable;
  readonly #paths: PathTable;

  constructor(processSlots: number, pathSlots: number) {
    this.#processes = new ProcessTable(processSlots);
    this.#paths = new PathTable(pathSlots);
  }

  /**
   * Null for a record that is no event: one about a process, or one of a kind that a newer driver has added. `links` are those of the
   * record's registration; without them nobody wants the event.
   */
  decode(record: RecordView, links: HopTracker | null): Event | null {
    switch (record.kind) {
      case P.CMB_RECORD_NOTIFICATION:
        return this.#notification(record, links);
      case P.CMB_RECORD_GAP:
        links?.clear();
        return links === null ? null : decodeGap(record);
      case P.CMB_RECORD_PROCESS:
        this.#processes.update(record);
        return null;
      default:
        return null;
    }
  }

  #notification(record: RecordView, links: HopTracker | null): Event | null {
    const path = this.#paths.take(record);
    if (links === null) return null;
    const entry = notifyClassByNumber(record.u32(R.NotifyClass));
    const isPost = (record.u32(R.Flags) & P.CMB_RECORD_POST) !== 0;
    if (entry !== undefined && (entry.phase === 'post') !== isPost) {
      throw protocolError(`a record of ${entry.name} is marked as ${isPost ? 'post' : 'pre'}`);
    }
    const event = decodeHeader(record, entry, isPost, path, this.#processes);
    const kind = entry?.body ?? 'plain';
    decodeBody(record, event, kind, isPost, this.#processes);
    event.truncated = record.truncated;
    event.fault = record.fault;
    if (kind === 'create') links.request(event as typeof event & Body<CreateFields>);
    else links.other(event.threadId);
    // The union cannot be followed through the table; notify-class.ts ties the names to the bodies that were decoded.
    return event as unknown as Event;
  }
}

const causesByBit: readonly (readonly [number, GapCause])[] = [
  [P.CMB_GAP_QUEUE_FULL, 'queue-full'],
  [P.CMB_GAP_NO_MEMORY, 'no-memory'],
  [P.CMB_GAP_CAPTURE_FAULT, 'capture-fault'],
  [P.CMB_GAP_RATE_LIMIT, 'rate-limit'],
];

function decodeGap(record: RecordView): GapEvent {
  const B = P.CMB_BODY_GAP;
  record.requireBody(B.size, 'gap');
  const { body } = record;
  const bits = record.u32(body + B.Causes);
  return {
    class: 'gap',
    sequence: record.u64(R.Sequence),
    time: record.time(R.Time),
    count: record.u64(body + B.Count),
    firstSequence: record.u64(body + B.FirstSequence),
    lastSequence: record.u64(body + B.LastSequence),
    causes: causesByBit.filter(([bit]) => (bits & bit) !== 0).map(([, cause]) => cause),
    lost: {
      queueFull: record.u64(body + B.QueueFull),
      noMemory: record.u64(body + B.NoMemory),
      captureFault: record.u64(body + B.CaptureFault),
      rateLimit: record.u64(body + B.RateLimit),
    },
  };
}
