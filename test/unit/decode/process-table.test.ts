import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import type { CmBridgeError } from '../../../lib/base/errors.js';
import type { Event, ProcessInfo } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, epoch1970, processRecord, record, sidBytes, type ProcessInput } from '../support/records.js';
import { decodeAll } from '../support/samples.js';
import { open, settle } from '../support/session.js';

const first: ProcessInput = { slot: 3, key: 100n, id: 8, imagePath: 'first.exe' };
const by = (processSlot: number, processKey: bigint, processId = 8) =>
  record({ notifyClass: 30, processSlot, processKey, processId });

function processesOf(...records: Uint8Array[]): ProcessInfo[] {
  return decodeAll(...records).map((event) => (event as Extract<Event, { class: 'RegNtPreFlushKey' }>).process);
}

describe('processes', () => {
  it('a process is one frozen object for all its events', () => {
    const [a, b] = processesOf(processRecord(first), by(3, 100n), by(3, 100n));
    assert.equal(a, b);
    assert.equal(Object.isFrozen(a), true);
    assert.deepEqual(a, {
      id: 8,
      startKey: 100n,
      parentId: null,
      sessionId: null,
      imagePath: 'first.exe',
      commandLine: null,
      createTime: 0n,
      user: null,
      integrityLevel: null,
      integrityRid: null,
      elevated: null,
      wow64: false,
      isSystem: false,
      known: true,
    });
  });

  it('a process tells everything that the driver has told of it', () => {
    const [process] = processesOf(
      processRecord({
        ...first,
        processFlags: P.CMB_PROCESS_SYSTEM | P.CMB_PROCESS_PARENT | P.CMB_PROCESS_WOW64,
        parentId: 4,
        createTime: epoch1970 + 5n,
        commandLine: 'first -x',
        flags: P.CMB_TOKEN_INTEGRITY | P.CMB_TOKEN_ELEVATION | P.CMB_TOKEN_SESSION,
        integrity: 0x4000,
        session: 2,
        sid: sidBytes(18),
      }),
      by(3, 100n),
    );
    assert.deepEqual(
      [process?.parentId, process?.createTime, process?.commandLine, process?.wow64, process?.isSystem],
      [4, 500n, 'first -x', true, true],
    );
    assert.deepEqual(
      [process?.user, process?.integrityLevel, process?.integrityRid, process?.elevated, process?.sessionId],
      ['S-1-5-18', 'system', 0x4000, false, 2],
    );
  });

  it('a process has the integrity level at or below its number', () => {
    const names = [0, 0xfff, 0x1000, 0x2000, 0x20ff, 0x2100, 0x3000, 0x4000, 0x5000, 0xffff_ffff].map((integrity) => {
      const flags = P.CMB_TOKEN_INTEGRITY;
      return processesOf(processRecord({ ...first, flags, integrity }), by(3, 100n))[0]?.integrityLevel;
    });
    assert.deepEqual(names, [
      'untrusted',
      'untrusted',
      'low',
      'medium',
      'medium',
      'medium-plus',
      'high',
      'system',
      'protected',
      'protected',
    ]);
  });

  it('a process is told from another by its start key when a process id or a slot is used again', () => {
    const [old, next, late] = processesOf(
      processRecord(first),
      by(3, 100n),
      processRecord({ ...first, key: 101n, imagePath: 'second.exe' }),
      by(3, 101n),
      by(3, 100n),
    );
    assert.deepEqual([old?.imagePath, next?.imagePath], ['first.exe', 'second.exe']);
    assert.deepEqual([late?.known, late?.id, late?.startKey, late?.imagePath], [false, 8, 100n, null]);
  });

  it('a process that is not known is one object for its events, too', () => {
    const [a, b, c, d] = processesOf(by(0, 0n, 5), by(9, 77n, 6), by(9, 77n, 6), by(0xffff_ffff, 77n, 6));
    assert.deepEqual([a?.id, a?.known, b?.id], [5, false, 6]);
    assert.equal(b, c);
    assert.equal(c, d);
  });

  it('a process record that is damaged is refused, and its slot is then empty', () => {
    const decoder = new Decoder(4, P.CMB_PATH_SLOTS);
    const links = new HopTracker();
    const errors: string[] = [];
    const events: Event[] = [];
    const damaged = processRecord({ ...first, key: 100n });
    new DataView(damaged.buffer).setUint32(P.CMB_RECORD.size + P.CMB_BODY_PROCESS.ImagePath, 0xffff_fff0, true);
    forEachRecord(
      batch([processRecord(first), damaged, by(3, 100n), processRecord({ ...first, slot: 4 })]),
      (view) => {
        try {
          const event = decoder.decode(view, links);
          if (event !== null) events.push(event);
        } catch (error) {
          errors.push((error as CmBridgeError).message);
        }
      },
      assert.ifError,
    );
    assert.match(errors[0] ?? '', /the image path of a record lies at/);
    assert.match(errors[1] ?? '', /a process record is for slot 4 of 4/);
    assert.equal((events[0] as Extract<Event, { class: 'RegNtPreFlushKey' }>).process.known, false);
  });
});

describe('process records in a session', () => {
  it('a process record reaches no consumer, and is not counted as an event', async () => {
    const [driver, channel] = await open();
    const events: Event[] = [];
    const registration = await driver.registerCallback({ altitude: '1' }, (event) => void events.push(event));
    const iterator = registration.events();
    const { cookie } = registration;
    channel.sendRaw(batch([processRecord(first)]));
    channel.notify({ cookie, processSlot: 3, processKey: 100n });
    channel.notify({ cookie, processSlot: 3, processKey: 100n });
    await registration.unregister();
    assert.deepEqual(
      events.map((event) => [event.sequence, 'process' in event && event.process.imagePath]),
      [
        [1n, 'first.exe'],
        [2n, 'first.exe'],
      ],
    );
    let iterated = 0;
    for await (const event of iterator) iterated += event.class === 'gap' ? 0 : 1;
    assert.equal(iterated, 2);
    await driver.close();
  });

  it('a process record is learnt while nothing is registered, and its batch is acknowledged', async () => {
    const [driver, channel] = await open();
    let acknowledged = 0;
    const acknowledge = channel.acknowledge.bind(channel);
    channel.acknowledge = () => {
      acknowledged++;
      acknowledge();
    };
    channel.sendRaw(batch([processRecord(first)]));
    assert.equal(acknowledged, 1);
    const seen: (string | null)[] = [];
    const registration = await driver.registerCallback({ altitude: '1' }, (event) => {
      if ('process' in event) seen.push(event.process.imagePath);
    });
    channel.notify({ cookie: registration.cookie, processSlot: 3, processKey: 100n });
    await registration.unregister();
    assert.deepEqual(seen, ['first.exe']);
    await driver.close();
  });

  it('a process record that is damaged is told to the registration, and the session goes on', async () => {
    const [driver, channel] = await open();
    const errors: string[] = [];
    const seen: bigint[] = [];
    const onError = (error: unknown) => void errors.push((error as CmBridgeError).message);
    const registration = await driver.registerCallback({ altitude: '1', onError }, (event) => {
      seen.push(event.sequence);
    });
    channel.sendRaw(batch([processRecord({ ...first, slot: P.CMB_PROCESS_SLOTS })]));
    channel.notify({ cookie: registration.cookie });
    await settle();
    await registration.unregister();
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /slot 1024 of 1024/);
    assert.deepEqual(seen, [1n]);
    await driver.close();
  });
});
