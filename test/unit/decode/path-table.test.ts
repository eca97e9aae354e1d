import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import type { CmBridgeError } from '../../../lib/base/errors.js';
import type { NotificationEvent } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, processRecord, record, sidBytes, type RecordInput } from '../support/records.js';
import { open } from '../support/session.js';

const machine = '\\REGISTRY\\MACHINE\\SOFTWARE\\終';
const kept = { data: '', flags: P.CMB_SPAN_KEPT };
const keeps = (pathSlot: number, pathSerial: number, keyPath: string): RecordInput => ({
  pathSlot,
  pathSerial,
  keyPath,
});
const refers = (pathSlot: number, pathSerial: number): RecordInput => ({ pathSlot, pathSerial, keyPath: kept });

/** What comes of each record: an event, or the message of an error. */
function decode(inputs: readonly (RecordInput | Uint8Array)[], slots = 4): (NotificationEvent | string)[] {
  const decoder = new Decoder(4, slots);
  const links = new HopTracker();
  const results: (NotificationEvent | string)[] = [];
  const records = inputs.map((input) => (input instanceof Uint8Array ? input : record({ notifyClass: 30, ...input })));
  forEachRecord(
    batch(records),
    (view) => {
      try {
        const event = decoder.decode(view, links);
        if (event !== null) results.push(event as NotificationEvent);
      } catch (error) {
        results.push((error as CmBridgeError).message);
      }
    },
    assert.ifError,
  );
  return results;
}

function refused(result: NotificationEvent | string | undefined, message: RegExp): void {
  assert.ok(typeof result === 'string');
  assert.match(result, message);
}

const paths = (results: (NotificationEvent | string)[]) =>
  results.map((result) => (typeof result === 'string' ? result : result.keyPath));

describe('kept key paths', () => {
  it('a kept key path gives the records that refer to it everything that the path itself gives', () => {
    const results = decode([keeps(3, 7, machine), refers(3, 7), { keyPath: machine }]);
    const facts = results.map((event) => {
      assert.ok(typeof event !== 'string');
      return [event.keyPath, event.key, event.hive, event.keyPathLength, event.truncated, event.fault];
    });
    assert.deepEqual(facts[0], [machine, 'HKLM\\SOFTWARE\\終', 'machine', machine.length, false, false]);
    assert.deepEqual(facts[1], facts[0]);
    assert.deepEqual(facts[2], facts[0]);
  });

  it('a kept key path is shown as a key of whoever acts', () => {
    const alice = sidBytes(21, 1, 2, 3, 1001);
    const path = '\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software';
    const by = (processSlot: number, processKey: bigint) => ({ processSlot, processKey });
    const results = decode([
      processRecord({ slot: 0, key: 1n, id: 4, sid: alice }),
      processRecord({ slot: 1, key: 2n, id: 8, sid: sidBytes(18) }),
      { ...keeps(0, 1, path), ...by(0, 1n) },
      { ...refers(0, 1), ...by(1, 2n) },
      { ...refers(0, 1), ...by(0, 1n) },
    ]);
    assert.deepEqual(
      results.map((event) => typeof event !== 'string' && event.key),
      ['HKCU\\Software', 'HKU\\S-1-5-21-1-2-3-1001\\Software', 'HKCU\\Software'],
    );
  });

  it('a kept key path gives its slot to the next one', () => {
    const results = decode([
      keeps(0, 1, 'a'),
      keeps(1, 2, 'b'),
      keeps(0, 3, 'c'),
      refers(1, 2),
      refers(0, 3),
      refers(0, 1),
    ]);
    assert.deepEqual(paths(results).slice(0, 5), ['a', 'b', 'c', 'b', 'c']);
    refused(results[5], /refers to key path 1 in slot 0, which holds 3/);
  });

  it('a kept key path needs a slot that exists and a serial number', () => {
    const results = decode([keeps(4, 1, 'a'), refers(0xffff_ffff, 1), refers(2, 1), refers(0, 0)]);
    refused(results[0], /kept in slot 4 of 4/);
    refused(results[1], /kept in slot 4294967295 of 4/);
    refused(results[2], /refers to key path 1 in slot 2, which holds none/);
    refused(results[3], /refers to a key path without a serial number/);
  });

  it('a kept key path that is damaged leaves its slot empty', () => {
    const damaged = record({ notifyClass: 30, ...keeps(0, 2, 'b') });
    new DataView(damaged.buffer).setUint32(P.CMB_RECORD.KeyPath, 0xffff_fff0, true);
    const results = decode([keeps(0, 1, 'a'), damaged, refers(0, 1), refers(0, 2)]);
    refused(results[1], /the key path of a record lies at/);
    refused(results[2], /refers to key path 1 in slot 0, which holds none/);
    refused(results[3], /refers to key path 2 in slot 0, which holds none/);
  });

  it('a kept key path is learnt from a record whose body is damaged, and from one of no registration', async () => {
    const [first, second] = decode([{ ...keeps(0, 1, 'a'), notifyClass: 1, bodySize: 0 }, refers(0, 1)]);
    refused(first, /the body of a set value record/);
    assert.ok(second !== undefined && typeof second !== 'string');
    assert.equal(second.keyPath, 'a');

    const [driver, channel] = await open();
    const seen: unknown[] = [];
    const registration = await driver.registerCallback({ altitude: '1' }, (event) => {
      if (event.class !== 'gap' && event.class !== 'breaker') seen.push(event.keyPath);
    });
    channel.notify({ cookie: 5n, ...keeps(9, 1, machine) });
    channel.notify({ cookie: registration.cookie, ...refers(9, 1) });
    await registration.unregister();
    assert.deepEqual(seen, [machine]);
    await driver.close();
  });
});
