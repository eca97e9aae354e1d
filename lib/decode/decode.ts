// The decoder of the records of one session, whole or lazily.

import { decodeBreaker, type RuleFinder } from './decided.js';
import type { Body, Draft } from './header.js';
import type { HopTracker } from './hops.js';
import { LazyEvent } from './lazy-event.js';
import { classOf, decodeNotification } from './notification.js';
import { PathTable, type KeyPath } from './path-table.js';
import { ProcessTable } from './process-table.js';
import type {
  BreakerEvent,
  CreateFields,
  Event,
  GapCause,
  GapEvent,
  NotificationEvent,
  ProcessInfo,
  UnknownEvent,
} from '../event/event.js';
import type { NotifyClass } from '../registry/notify-class.js';
import { NtStatus } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import type { RecordView } from '../wire/record.js';

const R = P.CMB_RECORD;

/** For records of whoever's rules are not known. */
const noRules: RuleFinder = { find: () => null };

/** Turns the records of one session into events. It must see them all, in the driver's order: they refer to what came before. */
export class Decoder {
  readonly #processes: ProcessTable;
  readonly #paths: PathTable;
  /** What the lazy events of the present batch read with. */
  #lazyView: RecordView | null = null;
  #lazyOf: RecordView | null = null;

  constructor(processSlots: number, pathSlots: number) {
    this.#processes = new ProcessTable(processSlots);
    this.#paths = new PathTable(pathSlots);
  }

  /**
   * Null for a record that is no event: one about a process, or one of a kind that a newer driver has added. `links` are those of the
   * record's registration; without them nobody wants the event. `rules` are its rules.
   */
  decode(record: RecordView, links: HopTracker | null, rules: RuleFinder = noRules): Event | null {
    if (record.kind !== P.CMB_RECORD_NOTIFICATION) return this.#other(record, links);
    const path = this.#paths.take(record);
    if (links === null) return null;
    return this.#whole(record, links, rules, classOf(record), path, this.#processOf(record));
  }

  /** Null where decode() gives null; a notification becomes an event that is decoded when it is looked at. */
  decodeLazily(
    record: RecordView,
    links: HopTracker,
    rules: RuleFinder = noRules,
  ): LazyEvent | GapEvent | BreakerEvent | null {
    if (record.kind !== P.CMB_RECORD_NOTIFICATION) return this.#other(record, links);
    const path = this.#paths.take(record);
    const entry = classOf(record);
    const process = this.#processOf(record);
    let event: NotificationEvent | UnknownEvent | null = null;
    if (entry?.body !== 'create') links.other(record.u32(R.ThreadId));
    // What the links of an open say depends on what comes now.
    else if (!links.isEmpty || record.u32(R.Status) === NtStatus.STATUS_REPARSE)
      event = this.#whole(record, links, rules, entry, path, process);
    return new LazyEvent(this.#viewFor(record), record, path, process, this.#openerOf(record, entry), rules, event);
  }

  /** Passes over a read that another event stands for. */
  skip(record: RecordView, links: HopTracker): void {
    this.#paths.take(record);
    links.other(record.u32(R.ThreadId));
  }

  #other(record: RecordView, links: HopTracker | null): GapEvent | BreakerEvent | null {
    if (record.kind === P.CMB_RECORD_PROCESS) this.#processes.update(record);
    if (links === null) return null;
    if (record.kind === P.CMB_RECORD_BREAKER) return decodeBreaker(record);
    if (record.kind !== P.CMB_RECORD_GAP) return null;
    links.clear();
    return decodeGap(record);
  }

  #whole(
    record: RecordView,
    links: HopTracker,
    rules: RuleFinder,
    entry: NotifyClass | undefined,
    path: KeyPath,
    process: ProcessInfo,
  ): NotificationEvent | UnknownEvent {
    const event = decodeNotification(record, entry, path, process, this.#processes, rules);
    if (entry?.body === 'create') links.request(event as Draft & Body<CreateFields>);
    else links.other(event.threadId);
    // The union cannot be followed through the table; notify-class.ts ties the names to the bodies that were decoded.
    return event as unknown as NotificationEvent | UnknownEvent;
  }

  #processOf(record: RecordView): ProcessInfo {
    return this.#processes.find(record, R.ProcessSlot, R.ProcessKey, record.u32(R.ProcessId));
  }

  #openerOf(record: RecordView, entry: NotifyClass | undefined): ProcessInfo | null {
    const B = P.CMB_BODY_CLOSE;
    if (entry?.body !== 'close') return null;
    record.requireBody(B.size, 'close');
    const id = record.u32(record.body + B.OpenerProcessId);
    return this.#processes.find(record, record.body + B.OpenerSlot, record.body + B.OpenerKey, id);
  }

  #viewFor(record: RecordView): RecordView {
    if (this.#lazyView === null || this.#lazyOf !== record) {
      this.#lazyView = record.fork();
      this.#lazyOf = record;
    }
    return this.#lazyView;
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
