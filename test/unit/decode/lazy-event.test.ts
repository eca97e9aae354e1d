import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectTypeOf } from 'expect-type';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import { LazyEvent } from '../../../lib/decode/lazy-event.js';
import type { BreakerEvent, Event, GapEvent, NotificationFields } from '../../../lib/event/event.js';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, processRecord, record, sidBytes } from '../support/records.js';
import { decodeAll, emptyRecord, fullRecord, sampleProcess } from '../support/samples.js';
import { open, settle } from '../support/session.js';

function decodeLazily(...batches: (readonly Uint8Array[])[]): (LazyEvent | GapEvent | BreakerEvent)[] {
  const decoder = new Decoder(P.CMB_PROCESS_SLOTS, P.CMB_PATH_SLOTS);
  const links = new HopTracker();
  const events: (LazyEvent | GapEvent | BreakerEvent)[] = [];
  for (const records of batches) {
    forEachRecord(
      batch(records),
      (view) => {
        const event = decoder.decodeLazily(view, links);
        if (event !== null) events.push(event);
      },
      assert.ifError,
    );
  }
  return events;
}

function lazy(event: LazyEvent | GapEvent | BreakerEvent | undefined): LazyEvent {
  assert.ok(event instanceof LazyEvent);
  return event;
}

const getters = Object.entries(Object.getOwnPropertyDescriptors(LazyEvent.prototype))
  .filter(([, descriptor]) => 'get' in descriptor)
  .map(([name]) => name as Exclude<keyof LazyEvent, 'toEvent'>);

describe('lazy events', () => {
  it('a lazy event tells of every class what the event tells, in its properties and as a whole', () => {
    assert.ok(getters.length >= 17, getters.join());
    for (const entry of notifyClasses) {
      const records = [sampleProcess, fullRecord(entry), emptyRecord(entry)];
      const events = decodeAll(...records);
      // All of them are read after all have come: none may depend on where the decoder stands.
      const found = decodeLazily(records).map(lazy);
      assert.equal(found.length, 2);
      for (const [index, event] of events.entries()) {
        const one = lazy(found[index]);
        for (const name of getters) assert.deepEqual(one[name], event[name as keyof Event], `${entry.name}.${name}`);
        assert.deepEqual(one.toEvent(), event);
        assert.equal(one.toEvent(), one.toEvent());
      }
    }
  });

  it('a lazy event stays what it was when slots of processes and paths are given to others', () => {
    const path = (pathSerial: number, keyPath: string) => ({ pathSlot: 1, pathSerial, keyPath });
    const by = (key: bigint) => ({ processSlot: 3, processKey: key, processId: 8 });
    const close = {
      notifyClass: 14,
      body: (view: DataView) => {
        view.setBigUint64(P.CMB_BODY_CLOSE.OpenerKey, 100n, true);
        view.setUint32(P.CMB_BODY_CLOSE.OpenerProcessId, 8, true);
        view.setUint32(P.CMB_BODY_CLOSE.OpenerSlot, 3, true);
      },
    };
    const alice = '\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001';
    const found = decodeLazily(
      [
        processRecord({ slot: 3, key: 100n, id: 8, imagePath: 'first.exe', sid: sidBytes(21, 1, 2, 3, 1001) }),
        record({ ...close, ...path(1, alice), ...by(100n) }),
      ],
      [
        processRecord({ slot: 3, key: 200n, id: 8, imagePath: 'second.exe', sid: sidBytes(18) }),
        record({ notifyClass: 30, ...path(2, '\\REGISTRY\\MACHINE'), ...by(200n) }),
      ],
    ).map(lazy);
    const [first, second] = found;
    assert.deepEqual([first?.key, first?.process.imagePath], ['HKCU', 'first.exe']);
    assert.deepEqual([second?.key, second?.process.imagePath], ['HKLM', 'second.exe']);
    const event = first?.toEvent();
    assert.ok(event?.class === 'RegNtPreKeyHandleClose');
    assert.equal(event.opener?.imagePath, 'first.exe');
  });

  it('a lazy event knows the links that an open has followed', () => {
    const open = (input: object) => record({ notifyClass: 28, spans: [[0, '\\REGISTRY\\x']], ...input });
    const post = (input: object) => record({ notifyClass: 29, flags: P.CMB_RECORD_POST, ...input });
    const found = decodeLazily([
      open({ sequence: 1n }),
      post({ sequence: 2n, preSequence: 1n, status: 0x104 }),
      open({ sequence: 3n }),
    ]).map(lazy);
    const event = found[2]?.toEvent();
    assert.ok(event?.class === 'RegNtPreOpenKeyEx');
    assert.deepEqual([event.hop, event.reparsedFrom], [1, 2n]);
  });

  it('a lazy event goes to the callback and the iterators of a registration, and a gap as it is', async () => {
    const [driver, channel] = await open();
    channel.beforeAnswer = (code) => {
      if (code === P.CMB_IOCTL_REGISTER) channel.notify({ cookie: 1000n, processId: 5 });
    };
    const called: unknown[] = [];
    const registration = await driver.registerLazyCallback({ altitude: '1' }, (event, from) => {
      assert.equal(from.cookie, 1000n);
      called.push(event instanceof LazyEvent ? [event.key, event.processId] : event.class);
    });
    channel.beforeAnswer = () => undefined;
    const iterator = registration.events();
    expectTypeOf<Awaited<ReturnType<typeof iterator.next>>>().toEqualTypeOf<
      IteratorResult<LazyEvent | GapEvent | BreakerEvent, undefined>
    >();
    channel.notify({ cookie: 1000n, processId: 6 });
    await settle();
    channel.queueLimit = 0;
    channel.notify({ cookie: 1000n });
    await registration.unregister();
    assert.deepEqual(called, [['HKLM\\Software', 5], ['HKLM\\Software', 6], 'gap']);
    const iterated: string[] = [];
    for await (const event of iterator) iterated.push(event.class);
    assert.deepEqual(iterated, ['RegNtPreDeleteKey', 'gap']);
    await driver.close();
  });

  it('a record that comes before REGISTER is answered is a whole event for an ordinary registration', async () => {
    const [driver, channel] = await open();
    const seen: Event[] = [];
    const errors: unknown[] = [];
    channel.beforeAnswer = (code) => {
      if (code !== P.CMB_IOCTL_REGISTER) return;
      channel.notify({ cookie: 1000n });
      channel.notify((sequence) => record({ cookie: 1000n, sequence, notifyClass: 1, bodySize: 0 }));
    };
    const onError = (error: unknown) => void errors.push((error as { code: string }).code);
    const registration = await driver.registerCallback({ altitude: '1', onError }, (event) => void seen.push(event));
    await registration.unregister();
    assert.deepEqual(
      seen.map((event) => event.class),
      ['RegNtPreDeleteKey'],
    );
    assert.equal(Object.hasOwn(seen[0] ?? {}, 'keyPath'), true);
    assert.deepEqual(errors, ['CMB_PROTOCOL_ERROR']);
    await driver.close();
  });

  it('a lazy event with a damaged body has its key, and throws when it is asked for the whole', () => {
    const [event] = decodeLazily([record({ notifyClass: 1, bodySize: 0 })]).map(lazy);
    assert.equal(event?.key, 'HKLM\\Software');
    assert.throws(() => event.toEvent(), { code: 'CMB_PROTOCOL_ERROR' });
  });
});

it('the properties of a lazy event have the types of the event', () => {
  type Common = Pick<NotificationFields, keyof NotificationFields & keyof LazyEvent>;
  type Lazy = Pick<LazyEvent, keyof Common>;
  expectTypeOf<Exclude<keyof LazyEvent, keyof NotificationFields>>().toEqualTypeOf<'toEvent'>();
  expectTypeOf<Omit<Common, 'class' | 'notifyClass' | 'status' | 'statusName' | 'operation'>>().toExtend<
    Omit<Lazy, 'class' | 'notifyClass' | 'status' | 'statusName' | 'operation'>
  >();
});
