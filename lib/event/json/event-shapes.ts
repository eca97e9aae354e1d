import { notifyClasses, type NotifyClass } from '../../registry/notify-class.js';
import { bodyShapes } from './body-shapes.js';
import { breakerShape, decision, question } from './decision-shapes.js';
import { impersonation, ntStatusNameShape, processInfo, sid, time, transaction } from './part-shapes.js';
import {
  boolean,
  list,
  literal,
  nullable,
  record,
  tagged,
  text,
  u32,
  u64,
  type BigShape,
  type BooleanShape,
  type BytesShape,
  type Fields,
  type IntegerShape,
  type ListShape,
  type LiteralShape,
  type NullableShape,
  type RecordShape,
  type TaggedShape,
  type TextShape,
} from '../../base/shape.js';

/** @internal The part of the language of shapes that events are described in. */
export type EventShape =
  | TextShape
  | BytesShape
  | BigShape
  | IntegerShape
  | BooleanShape
  | LiteralShape
  | NullableShape<EventShape>
  | ListShape<EventShape>
  | RecordShape<Fields<EventShape>>
  | TaggedShape<EventShape>;

/** @internal The fields of every notification whose types do not depend on its class. */
export const commonFields = record('NotificationFields', {
  sequence: u64,
  repeats: u64,
  lastSequence: nullable(u64),
  time,
  processId: u32,
  threadId: u32,
  previousMode: literal('user', 'kernel'),
  irql: literal('passive', 'apc'),
  process: processInfo,
  impersonation: nullable(impersonation),
  user: nullable(sid),
  transaction: nullable(transaction),
  keyPath: nullable(text),
  keyPathResolved: boolean,
  keyPathLength: u32,
  key: nullable(text),
  hive: nullable(literal('machine', 'user', 'application', 'silo')),
  keyObject: nullable(u64),
  truncated: boolean,
  fault: boolean,
  preUnknown: boolean,
  question: nullable(question),
  decision: nullable(decision),
});

const nothing = literal(null);

/** @internal What only a post notification has. */
export const phaseFields = {
  post: record('PostFields', {
    preSequence: nullable(u64),
    duration: nullable(u64),
    status: u32,
    statusName: ntStatusNameShape,
  }),
  pre: record('PreFields', { preSequence: nothing, duration: nothing, status: nothing, statusName: nothing }),
};

/** @internal */
export const gapShape = record('GapEvent', {
  class: literal('gap'),
  sequence: u64,
  time,
  count: u64,
  firstSequence: u64,
  lastSequence: u64,
  causes: list(literal('queue-full', 'no-memory', 'capture-fault', 'rate-limit')),
  lost: record('GapLosses', { queueFull: u64, noMemory: u64, captureFault: u64, rateLimit: u64 }),
});

function unknownShape<P extends 'pre' | 'post'>(phase: P) {
  const own = { class: literal('unknown'), notifyClass: u32, phase: literal(phase), operation: literal(null) };
  return record(`UnknownEvent_${phase}`, own, commonFields, phaseFields[phase]);
}

/** @internal */
export const unknownEvent = tagged('UnknownEvent', 'phase', unknownShape('pre'), unknownShape('post'));

function notificationShape({ name, number, phase, operation, body }: NotifyClass): RecordShape<Fields<EventShape>> {
  const own = {
    class: literal(name),
    notifyClass: literal(number),
    phase: literal(phase),
    operation: literal(operation),
  };
  return record(name, own, commonFields, phaseFields[phase === 'post' ? 'post' : 'pre'], bodyShapes[body]);
}

/** @internal Every event. That its parts agree with the TypeScript types is proved in test/unit/event/types.test.ts. */
export const eventShape: TaggedShape<EventShape> = tagged(
  'Event',
  'class',
  ...notifyClasses.map(notificationShape),
  unknownEvent,
  gapShape,
  breakerShape,
);
