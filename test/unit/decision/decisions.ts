import assert from 'node:assert/strict';
import { DecisionError } from '../../../lib/decision/decision.js';
import { encodeDecision, type EncodeOptions } from '../../../lib/decision/encode.js';
import type { NotificationEvent, NotificationOf } from '../../../lib/event/event.js';
import { notifyClasses, type NotifyClassName } from '../../../lib/registry/notify-class.js';
import { decodeAll, fullRecord, sampleProcess } from '../support/samples.js';

const events = new Map<string, NotificationEvent>();
for (const entry of notifyClasses) {
  const [event] = decodeAll(sampleProcess, fullRecord(entry));
  assert.ok(event?.class === entry.name);
  events.set(entry.name, event);
}

/** An event of the class as it comes out of a full record, with other values in some fields. */
export function eventOf<N extends NotifyClassName>(
  name: N,
  fields: Partial<NotificationOf<N>> = {},
): NotificationOf<N> {
  return { ...events.get(name), ...fields } as NotificationOf<N>;
}

export const eventNames: readonly NotifyClassName[] = notifyClasses.map(({ name }) => name);

/** Message of the DecisionError that the decision causes; null when there is none. */
export function refusal(decision: unknown, event: NotificationEvent, options?: EncodeOptions): string | null {
  return messageOf(() => encodeDecision(decision, event, options));
}

export function messageOf(body: () => unknown): string | null {
  try {
    body();
    return null;
  } catch (error) {
    assert.ok(error instanceof DecisionError, String(error));
    assert.deepEqual([error.code, error.name], ['CMB_INVALID_DECISION', 'DecisionError']);
    return error.message;
  }
}
