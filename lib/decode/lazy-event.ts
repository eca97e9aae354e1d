// Events that are decoded when their properties are read.

import type { EventDecision, EventQuestion, NotificationEvent, ProcessInfo, UnknownEvent } from '../event/event.js';
import type { NotificationHeader } from '../event/notification.js';
import {
  notifyClassByNumber,
  type NotifyClass,
  type NotifyClassName,
  type Operation,
} from '../registry/notify-class.js';
import { ntStatusName } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import type { RecordView, Repeats } from '../wire/record.js';
import type { KeyHive } from '../registry/registry-path.js';
import { decodeDecided, type RuleFinder } from './decided.js';
import { classOf, decodeNotification, isPostRecord } from './notification.js';
import type { KeyPath } from './path-table.js';
import { decodeImpersonation } from './process-table.js';

const R = P.CMB_RECORD;

/** The fields of the header that only the whole event has. */
type OnlyInEvent =
  | 'lastSequence'
  | 'preSequence'
  | 'duration'
  | 'previousMode'
  | 'irql'
  | 'impersonation'
  | 'transaction'
  | 'keyPathResolved'
  | 'keyPathLength'
  | 'truncated'
  | 'fault'
  | 'preUnknown';

/**
 * A notification of `registerLazyCallback()`: each property is read from the record when it is asked for, and
 * `toEvent()` makes the whole event. It keeps the memory of all the events that came together with it, so of what is to be kept for
 * long, keep `toEvent()`.
 */
export class LazyEvent implements Omit<NotificationHeader, OnlyInEvent> {
  readonly #view: RecordView;
  readonly #start: number;
  readonly #end: number;
  readonly #repeats: Repeats;
  readonly #path: KeyPath;
  readonly #process: ProcessInfo;
  /** Only of a close: the table of processes will have changed when it is asked for. */
  readonly #opener: ProcessInfo | null;
  readonly #rules: RuleFinder;
  #event: NotificationEvent | UnknownEvent | null;

  /** @internal `view` belongs to all lazy events of a batch together. */
  constructor(
    view: RecordView,
    record: RecordView,
    path: KeyPath,
    process: ProcessInfo,
    opener: ProcessInfo | null,
    rules: RuleFinder,
    event: NotificationEvent | UnknownEvent | null,
  ) {
    this.#view = view;
    this.#start = record.start;
    this.#end = record.start + record.size;
    this.#repeats = record.repeats;
    this.#path = path;
    this.#process = process;
    this.#opener = opener;
    this.#rules = rules;
    this.#event = event;
  }

  get class(): NotifyClassName | 'unknown' {
    return this.#entry?.name ?? 'unknown';
  }

  get notifyClass(): number {
    return this.#record.u32(R.NotifyClass);
  }

  get phase(): NotifyClass['phase'] {
    return this.#entry?.phase ?? (isPostRecord(this.#record) ? 'post' : 'pre');
  }

  get operation(): Operation | null {
    return this.#entry?.operation ?? null;
  }

  get sequence(): bigint {
    return this.#record.u64(R.Sequence);
  }

  get repeats(): bigint {
    return this.#repeats.count;
  }

  get time(): bigint {
    return this.#record.time(R.Time);
  }

  get processId(): number {
    return this.#record.u32(R.ProcessId);
  }

  get threadId(): number {
    return this.#record.u32(R.ThreadId);
  }

  get process(): ProcessInfo {
    return this.#process;
  }

  get user(): string | null {
    const impersonation = decodeImpersonation(this.#record);
    return impersonation === null ? this.#process.user : impersonation.user;
  }

  get status(): number | null {
    const record = this.#record;
    return isPostRecord(record) ? record.u32(R.Status) : null;
  }

  get statusName(): string | null {
    const { status } = this;
    return status === null ? null : ntStatusName(status);
  }

  get keyPath(): string | null {
    return this.#path.text;
  }

  get key(): string | null {
    // Whose keys they are is of no interest elsewhere.
    return this.#path.displayFor(this.#path.hive === 'user' ? this.user : null);
  }

  get hive(): KeyHive | null {
    return this.#path.hive;
  }

  get keyObject(): bigint | null {
    return this.#record.u64OrNull(R.KeyObject);
  }

  get question(): EventQuestion | null {
    return decodeDecided(this.#record, this.#rules).question;
  }

  get decision(): EventDecision | null {
    return decodeDecided(this.#record, this.#rules).decision;
  }

  /** The event as another registration would have got it; the same object each time. Throws CMB_PROTOCOL_ERROR for a record that cannot be read. */
  toEvent(): NotificationEvent | UnknownEvent {
    if (this.#event !== null) return this.#event;
    const record = this.#record;
    const processes = { find: () => this.#opener ?? this.#process };
    const draft = decodeNotification(record, classOf(record), this.#path, this.#process, processes, this.#rules);
    this.#event = draft as unknown as NotificationEvent | UnknownEvent;
    return this.#event;
  }

  get #entry(): NotifyClass | undefined {
    return notifyClassByNumber(this.#record.u32(R.NotifyClass));
  }

  get #record(): RecordView {
    this.#view.moveTo(this.#start, this.#end);
    this.#view.repeats = this.#repeats;
    return this.#view;
  }
}
