// The shape of every event as JSON: the generated shapes of its fields, put together by notification class.

import { literal, u32 } from '../../base/shape.js';
import { notifyClasses, type NotifyClass } from '../../registry/notify-class.js';
import { record, tagged } from './formats.js';
import { BreakerEvent, GapEvent, NotificationFields, PostFields, PreFields, bodyShapes } from './shapes.js';

function unknownShape(phase: 'pre' | 'post') {
  const own = { class: literal('unknown'), notifyClass: u32, phase: literal(phase), operation: literal(null) };
  return record(`UnknownEvent_${phase}`, own, NotificationFields, phaseFields(phase));
}

function notificationShape({ name, number, phase, operation, body }: NotifyClass) {
  const own = {
    class: literal(name),
    notifyClass: literal(number),
    phase: literal(phase),
    operation: literal(operation),
  };
  return record(name, own, NotificationFields, phaseFields(phase), bodyShapes[body]);
}

function phaseFields(phase: NotifyClass['phase']) {
  return phase === 'post' ? PostFields : PreFields;
}

/** @internal */
export const eventShape = tagged(
  'Event',
  'class',
  ...notifyClasses.map(notificationShape),
  tagged('UnknownEvent', 'phase', unknownShape('pre'), unknownShape('post')),
  GapEvent,
  BreakerEvent,
);
