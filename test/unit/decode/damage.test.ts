import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import { CmBridgeError } from '../../../lib/base/errors.js';
import type { Event } from '../../../lib/event/event.js';
import { parseEvent } from '../../../lib/event/json/parse.js';
import { stringifyEvent } from '../../../lib/event/json/write.js';
import { notifyClasses, type NotifyClass } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, breakerRecord, held, record } from '../support/records.js';
import { fullRecord, sampleProcess } from '../support/samples.js';

/** A post class of each body, and the rest. */
const representatives = new Map<string, NotifyClass>();
for (const entry of notifyClasses) {
  if (!representatives.has(entry.body) || entry.phase === 'post') representatives.set(entry.body, entry);
}

function decodeDamaged(buffer: ArrayBuffer): { events: Event[]; refused: number } {
  const decoder = new Decoder(P.CMB_PROCESS_SLOTS, P.CMB_PATH_SLOTS);
  const links = new HopTracker();
  const events: Event[] = [];
  let refused = 0;
  const refuse = (error: unknown) => {
    assert.ok(error instanceof CmBridgeError, String(error));
    assert.equal(error.code, 'CMB_PROTOCOL_ERROR');
    refused++;
  };
  forEachRecord(
    buffer,
    (view) => {
      try {
        const event = decoder.decode(view, links);
        if (event !== null) events.push(event);
      } catch (error) {
        refuse(error);
      }
    },
    refuse,
  );
  return { events, refused };
}

describe('a damaged record', () => {
  const decided = { decision: P.CMB_DECISION_BLOCK, by: P.CMB_DECIDED_BY_TIMEOUT, latency: 5n };
  const samples = [
    ...[...representatives].map(([body, entry]) => [body, fullRecord(entry)] as const),
    ['a decision', record({ notifyClass: 16, flags: P.CMB_RECORD_POST, decided })] as const,
    ['a question', record({ notifyClass: 1, decided: held(7n) })] as const,
    ['a breaker', breakerRecord({ cookie: 1n, state: P.CMB_BREAKER_OPEN })] as const,
  ];
  for (const [name, sample] of samples) {
    it(`a damaged record, ${name}, is refused or read within its bounds, into something of the shape of an event`, () => {
      const whole = batch([sampleProcess, sample]);
      assert.deepEqual(decodeDamaged(whole).events.length, 1);
      let refused = 0;
      for (let offset = P.CMB_BATCH.size; offset < whole.byteLength; offset++) {
        for (const value of [0, 1, 0x80, 0xff]) {
          const bytes = new Uint8Array(whole.slice(0));
          if (bytes[offset] === value) continue;
          bytes[offset] = value;
          const result = decodeDamaged(bytes.buffer);
          refused += result.refused;
          if (value !== 0xff) continue;
          for (const event of result.events) assert.deepEqual(parseEvent(stringifyEvent(event)), event);
        }
      }
      assert.ok(refused > 100, `${refused} refused`);
    });
  }

  it('a record with a body that is too short for its class is refused', () => {
    for (const [body, entry] of representatives) {
      if (body === 'plain') continue;
      const record = fullRecord(entry);
      new DataView(record.buffer).setUint32(P.CMB_RECORD.BodySize, 4, true);
      const { events, refused } = decodeDamaged(batch([record]));
      assert.deepEqual([events.length, refused], [0, 1], body);
    }
  });
});
