// The union of all events, made of the header and the body of each notification class.

import type {
  CloseFields,
  CreateFields,
  DeleteKeyFields,
  DeleteValueFields,
  LoadFields,
  QueryNameFields,
  RenameFields,
  ReplaceFields,
  RestoreFields,
  SaveFields,
  SaveMergedFields,
  SecurityFields,
  SetValueFields,
  UnloadFields,
} from './bodies.js';
import type { BreakerEvent } from './decision.js';
import type { GapEvent, NotificationFields, UnknownEvent } from './notification.js';
import type {
  EnumerateKeyFields,
  EnumerateValueFields,
  QueryKeyFields,
  QueryMultipleFields,
  QueryValueFields,
  SetInformationFields,
} from './queries.js';
import type { BodyKind, NotifyClass, NotifyClassName, Operation } from '../registry/notify-class.js';

export type * from './bodies.js';
export type * from './decision.js';
export type {
  GapCause,
  GapEvent,
  GapLosses,
  NotificationFields,
  UnknownEvent,
  UnknownEventOf,
} from './notification.js';
export type * from './parts.js';
export type * from './queries.js';

/** The fields that only some classes have, by what notify-class.ts calls them. */
export interface BodyFields {
  plain: unknown;
  create: CreateFields;
  deleteKey: DeleteKeyFields;
  setValue: SetValueFields;
  deleteValue: DeleteValueFields;
  setInformation: SetInformationFields;
  rename: RenameFields;
  enumerateKey: EnumerateKeyFields;
  enumerateValue: EnumerateValueFields;
  queryKey: QueryKeyFields;
  queryValue: QueryValueFields;
  queryMultiple: QueryMultipleFields;
  close: CloseFields;
  load: LoadFields;
  unload: UnloadFields;
  security: SecurityFields;
  restore: RestoreFields;
  save: SaveFields;
  saveMerged: SaveMergedFields;
  replace: ReplaceFields;
  queryName: QueryNameFields;
}

/** The event of one notification class. */
export type NotificationOf<N extends NotifyClassName> = NotificationFields<Extract<NotifyClass, { name: N }>> &
  BodyFields[Extract<NotifyClass, { name: N }>['body'] & BodyKind];

/** A notification of a class that this version of the package knows. */
export type NotificationEvent = { [N in NotifyClassName]: NotificationOf<N> }[NotifyClassName];

/** Narrow it by `class`, or by `operation` and `phase`. */
export type Event = NotificationEvent | UnknownEvent | GapEvent | BreakerEvent;

export type EventClass = Event['class'];
export type EventOperation = Operation | null;
