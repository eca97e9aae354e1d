import assert from 'node:assert/strict';
import { emulate, type QueryAnswer } from '../../../lib/index.js';
import { encodeDecision } from '../../../lib/decision/encode.js';
import type { NotificationEvent } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';

export const success = 0;
export const overflow = 0x8000_0005;
export const tooSmall = 0xc000_0023;

/** What the caller of `event` gets. */
export function output(answer: QueryAnswer, event: NotificationEvent) {
  const { kind, flags, status, type, resultLength, data } = encodeDecision(emulate(answer), event);
  assert.deepEqual([kind, flags, type], [P.CMB_DECISION_EMULATE, P.CMB_REPLY_OUTPUT, 0]);
  assert.ok(data);
  return { status, resultLength, data: new Uint8Array(data) };
}

/** Every length up to more than enough: the status and the bytes follow from the whole answer and the size of its fixed part. */
export function checkLengths(
  fixed: number,
  whole: Uint8Array,
  ask: (length: number) => ReturnType<typeof output>,
): void {
  for (let length = 0; length <= whole.byteLength + 8; length++) {
    const { status, resultLength, data } = ask(length);
    const expected = length < fixed ? tooSmall : length < whole.byteLength ? overflow : success;
    assert.equal(status, expected, `length ${length}`);
    assert.equal(resultLength, whole.byteLength);
    assert.deepEqual(data, whole.slice(0, length < fixed ? 0 : length), `length ${length}`);
  }
}
