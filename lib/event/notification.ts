// The header that all notifications have in common, the events of unknown classes, and gaps.

import type { NotifyClass } from '../registry/notify-class.js';
import type { KeyHive } from '../registry/registry-path.js';
import type { EventDecision, EventQuestion } from './decision.js';
import type { Impersonation, InPost, ProcessInfo, TransactionInfo } from './parts.js';

/** What a header needs to know of its class. */
interface HeaderClass {
  readonly name: NotifyClass['name'] | 'unknown';
  readonly number: number;
  readonly phase: NotifyClass['phase'];
  readonly operation: NotifyClass['operation'] | null;
}

/** What every notification tells. Fields that do not apply are null, never absent. */
export interface NotificationFields<C extends HeaderClass = NotifyClass> {
  readonly class: C['name'];
  /** The number in REG_NOTIFY_CLASS. */
  readonly notifyClass: C['number'];
  readonly phase: C['phase'];
  /** The same for the pre and the post class of an operation. */
  readonly operation: C['operation'];
  /** Ascends by one per notification of the session, those that are lost or counted as repeats included; starts at 1. */
  readonly sequence: bigint;
  /** With `coalesceReads`: how many more reads were like this one in everything but `sequence`, `time` and `duration`, and are told by it. */
  readonly repeats: bigint;
  /** Number of the last of these reads; null when there was none. */
  readonly lastSequence: bigint | null;
  /** Post: `sequence` of the same operation's pre event; null if that was not relayed. */
  readonly preSequence: InPost<C['phase'], bigint | null>;
  /** Nanoseconds since 1970-01-01 UTC, in steps of 100 (KeQuerySystemTimePrecise). */
  // @json time
  readonly time: bigint;
  /** Post: nanoseconds since the pre callback began; null if that was not seen. */
  readonly duration: InPost<C['phase'], bigint | null>;
  /** The process of the thread. A close can run in another one than that which opened the key; see `opener`. */
  readonly processId: number;
  readonly threadId: number;
  /** Who called: a program, or the kernel and its drivers (ExGetPreviousMode). */
  readonly previousMode: 'user' | 'kernel';
  /** IRQL of the callback. At `apc`, what can be read at PASSIVE_LEVEL only is missing. */
  readonly irql: 'passive' | 'apc';
  readonly process: ProcessInfo;
  /** Null when the thread acts as its own process. */
  readonly impersonation: Impersonation | null;
  /** SID of the user that the operation is done as: that of `impersonation`, else that of `process`. */
  // @json sid
  readonly user: string | null;
  /** Null outside of transactions. A plain call through a key that was opened in a transaction is part of it. */
  readonly transaction: TransactionInfo | null;
  /** Post: the NTSTATUS of the operation, unsigned (REG_POST_OPERATION_INFORMATION.Status). */
  readonly status: InPost<C['phase'], number>;
  /** `STATUS_...`; null for a status that this package has no name for. */
  // @json statusName
  readonly statusName: InPost<C['phase'], string | null>;
  /** `\REGISTRY\MACHINE\...`: the key that the operation is about. */
  readonly keyPath: string | null;
  /** True when `keyPath` is the configuration manager's name of the key; false when it was put together from the request. */
  readonly keyPathResolved: boolean;
  /** Length of the whole path in UTF-16 units, captured or not. */
  readonly keyPathLength: number;
  /** `HKLM\...`, `HKU\<SID>\...`, or `HKCU\...` for keys of `user`; null where people have no other name for the key. */
  readonly key: string | null;
  readonly hive: KeyHive | null;
  /** One number per open of a key, within the registration and as long as the driver is loaded. It is no address. */
  readonly keyObject: bigint | null;
  /** Some variable-length field was cut because of a limit. */
  readonly truncated: boolean;
  /** Some variable-length field could not be read from the memory of whoever called the registry. */
  readonly fault: boolean;
  /** Post: the pre phase was not seen or could not be kept, so what only pre knows is missing. */
  readonly preUnknown: boolean;
  /** Not null: a rule asks. The operation waits until the callback has returned, or its promise has settled, or the deadline passes. */
  readonly question: EventQuestion | null;
  /** Post: what was decided about the operation before it was performed. Null if no rule asks, blocks or bypasses there. */
  readonly decision: EventDecision | null;
}

/** The header of any notification, of a class that is known or not. */
export type NotificationHeader = NotificationFields<HeaderClass>;

interface UnknownClass<P extends 'pre' | 'post'> extends HeaderClass {
  readonly name: 'unknown';
  readonly phase: P;
  readonly operation: null;
}

/** A notification of a class that a newer Windows has added: `notifyClass` is 51 to 63, or 10 to 13. */
export type UnknownEventOf<P extends 'pre' | 'post'> = NotificationFields<UnknownClass<P>>;

/** A notification of a class that a newer Windows has added. */
export type UnknownEvent = UnknownEventOf<'pre'> | UnknownEventOf<'post'>;

/**
 * `queue-full`: the program was too slow; `no-memory`, `capture-fault`: a rule could not be applied, as there was no memory to find
 * out what it asks for, or as the caller's memory could not be read; `rate-limit`: there were more than the registration wants.
 */
export type GapCause = 'queue-full' | 'no-memory' | 'capture-fault' | 'rate-limit';

/** How many notifications were lost for which cause. */
export interface GapLosses {
  readonly queueFull: bigint;
  readonly noMemory: bigint;
  readonly captureFault: bigint;
  readonly rateLimit: bigint;
}

/**
 * Stands where notifications of its registration are missing: `count` of them, with numbers from `firstSequence` to `lastSequence`. Others
 * in between may belong to other registrations.
 */
export interface GapEvent {
  readonly class: 'gap';
  /** The same as `firstSequence`. */
  readonly sequence: bigint;
  /** Nanoseconds since 1970-01-01 UTC, when the first of them was lost. */
  // @json time
  readonly time: bigint;
  readonly count: bigint;
  readonly firstSequence: bigint;
  readonly lastSequence: bigint;
  readonly causes: readonly GapCause[];
  /** `count` by cause. */
  readonly lost: GapLosses;
}
