import type { NotifyClass, NotifyClassName, Operation } from './notify-class.js';
import type { RegistryValue } from './registry-value.js';

/** What every notification tells. Fields that do not apply are null, never absent. */
export interface NotificationFields<C extends NotifyClass = NotifyClass> {
  readonly class: C['name'];
  /** The number in REG_NOTIFY_CLASS. */
  readonly notifyClass: number;
  readonly phase: C['phase'];
  readonly operation: C['operation'];
  /** Ascends by one per notification of the session, lost ones included. */
  readonly sequence: bigint;
  /** Post: `sequence` of the same operation's pre event, if that was relayed. */
  readonly preSequence: bigint | null;
  /** Nanoseconds since 1970-01-01 UTC, in steps of 100. */
  readonly time: bigint;
  readonly processId: number;
  readonly threadId: number;
  readonly previousMode: 'user' | 'kernel';
  /** Post: the NTSTATUS of the operation, unsigned. */
  readonly status: number | null;
  readonly statusName: string | null;
  /** `\REGISTRY\MACHINE\...` */
  readonly keyPath: string | null;
  /** True when `keyPath` is the configuration manager's name of the key; false when it was put together from the request. */
  readonly keyPathResolved: boolean;
  /** Length of the whole path in UTF-16 units, captured or not. */
  readonly keyPathLength: number;
  /** `HKLM\...` or `HKU\...` */
  readonly key: string | null;
  /** Some variable-length field was cut because of a limit. */
  readonly truncated: boolean;
  /** Some variable-length field could not be read from the memory of whoever called the registry. */
  readonly fault: boolean;
  /** Post: the pre phase was not seen or could not be kept, so what only pre knows is missing. */
  readonly preUnknown: boolean;
}

export interface CreateFields {
  /** The name as the caller gave it: absolute, or relative to a key that it held open. */
  readonly requestedName: string | null;
  readonly className: string | null;
  readonly desiredAccess: number;
  /** Post, when the operation succeeded. */
  readonly grantedAccess: number | null;
  /** REG_OPTION_* */
  readonly options: number;
  /** Post create, when the operation succeeded. */
  readonly disposition: 'created' | 'opened' | null;
  /** OBJ_* */
  readonly attributes: number;
  readonly wow64Flags: number;
  readonly checkAccessMode: number;
}

export interface SetValueFields {
  /** Empty for the default value, null when it could not be captured. */
  readonly valueName: string | null;
  readonly value: RegistryValue;
}

export interface DeleteValueFields {
  readonly valueName: string | null;
}

export interface RenameFields {
  readonly newName: string | null;
}

type BodyFields<C extends NotifyClass> = C['body'] extends 'create'
  ? CreateFields
  : C['body'] extends 'setValue'
    ? SetValueFields
    : C['body'] extends 'deleteValue'
      ? DeleteValueFields
      : C['body'] extends 'rename'
        ? RenameFields
        : unknown;

/** The event of one notification class. */
export type NotificationOf<N extends NotifyClassName> = NotificationFields<Extract<NotifyClass, { name: N }>> &
  BodyFields<Extract<NotifyClass, { name: N }>>;

/** A notification of a class that this version of the package knows. */
export type NotificationEvent = { [N in NotifyClassName]: NotificationOf<N> }[NotifyClassName];

/** A notification of a class that a newer Windows has added. */
export interface UnknownEvent extends Omit<NotificationFields, 'class' | 'phase' | 'operation'> {
  readonly class: 'unknown';
  readonly phase: 'pre' | 'post';
  readonly operation: null;
}

export type GapCause = 'queue-full' | 'no-memory' | 'capture-fault';

/** Stands where notifications are missing: every number from `firstSequence` to `lastSequence` was lost. */
export interface GapEvent {
  readonly class: 'gap';
  /** The same as `firstSequence`. */
  readonly sequence: bigint;
  readonly time: bigint;
  readonly count: bigint;
  readonly firstSequence: bigint;
  readonly lastSequence: bigint;
  readonly causes: readonly GapCause[];
}

/** Narrow it by `class`. */
export type Event = NotificationEvent | UnknownEvent | GapEvent;

export type EventClass = Event['class'];
export type EventOperation = Operation | null;
