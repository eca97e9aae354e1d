import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Driver } from '../../lib/driver.js';
import type { Event } from '../../lib/event.js';
import { openDriverWith } from '../../lib/open-driver.js';
import * as P from '../../lib/protocol.js';
import { FakeAddon, type FakeChannel } from './support/fake-addon.js';
import { batch, record, setValueRecord } from './support/records.js';

async function open(receives = 1): Promise<[Driver, FakeChannel]> {
  const addon = new FakeAddon();
  const driver = await openDriverWith(() => addon, { receives });
  return [driver, addon.channel];
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await tick();
}

function gateway(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const sequenceOf = (event: Event): bigint => event.sequence;
const upTo = (n: number): bigint[] => Array.from({ length: n }, (_, i) => BigInt(i + 1));

describe('delivery', () => {
  it('gives every event to the callback and to each iterator, in order', async () => {
    const [driver, channel] = await open();
    const called: bigint[] = [];
    const registration = await driver.registerCallback({ altitude: '1' }, (event, from) => {
      assert.equal(from.cookie, registration.cookie);
      called.push(event.sequence);
    });
    const iterators = [registration.events(), registration.events()];
    for (let i = 0; i < 30; i++) channel.notify({ cookie: registration.cookie });
    await registration.unregister();
    assert.deepEqual(called, upTo(30));
    for (const iterator of iterators) {
      const seen: bigint[] = [];
      for await (const event of iterator) seen.push(event.sequence);
      assert.deepEqual(seen, upTo(30));
    }
    await driver.close();
  });

  it('gives each registration its own events, and gaps to all', async () => {
    const [driver, channel] = await open();
    const seen: string[] = [];
    const register = (altitude: string) =>
      driver.registerCallback({ altitude }, (event) => {
        seen.push(`${altitude} ${event.class === 'gap' ? 'gap' : event.sequence}`);
      });
    const first = await register('1');
    const second = await register('2');
    channel.queueLimit = 2;
    for (const { cookie } of [first, second, first, second]) channel.notify({ cookie });
    channel.notify({ cookie: 999_999n });
    await first.unregister();
    await second.unregister();
    assert.deepEqual(seen.sort(), ['1 1', '1 3', '1 gap', '2 2', '2 gap']);
    await driver.close();
  });

  it('keeps events that come before REGISTER is answered', async () => {
    const [driver, channel] = await open();
    channel.beforeAnswer = (code) => {
      if (code !== P.CMB_IOCTL_REGISTER) return;
      for (let i = 0; i < 3; i++) channel.notify({ cookie: 1000n });
      channel.notify({ cookie: 1n });
    };
    const seen: bigint[] = [];
    const registration = await driver.registerCallback({ altitude: '1' }, (event) => void seen.push(event.sequence));
    assert.equal(registration.cookie, 1000n);
    channel.beforeAnswer = () => undefined;
    channel.notify({ cookie: 1000n });
    await registration.unregister();
    assert.deepEqual(seen, [1n, 2n, 3n, 5n]);
    await driver.close();
  });

  it('delivers everything that was queued before UNREGISTER returned, then ends the iterators', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    const iterator = registration.events({ highWaterMark: 1 });
    for (let i = 0; i < 200; i++) channel.notify({ cookie: registration.cookie });
    await registration.unregister();
    assert.equal(registration.active, false);
    const seen: bigint[] = [];
    for await (const event of iterator) seen.push(event.sequence);
    assert.deepEqual(seen, upTo(200));
    assert.deepEqual(await registration.events().next(), { done: true, value: undefined });
    await driver.close();
  });

  it('waits for a gap at the very end', async () => {
    const [driver, channel] = await open();
    const events: Event[] = [];
    channel.queueLimit = 4;
    const registration = await driver.registerCallback({ altitude: '1' }, (event) => void events.push(event));
    for (let i = 0; i < 20; i++) channel.notify({ cookie: registration.cookie });
    await registration.unregister();
    const gap = events.at(-1);
    assert.equal(gap?.class, 'gap');
    assert.equal(gap.lastSequence, 20n);
    assert.equal(BigInt(events.length - 1) + gap.count, 20n);
    await driver.close();
  });

  it('does not wait for itself when a callback unregisters or closes', async () => {
    const [driver, channel] = await open();
    let calls = 0;
    const done = gateway();
    const registration = await driver.registerCallback({ altitude: '1' }, async () => {
      calls++;
      if (calls > 1) return;
      await registration.unregister();
      await driver.close();
      done.resolve();
    });
    for (let i = 0; i < 50; i++) channel.notify({ cookie: registration.cookie });
    await done.promise;
    assert.equal(calls, 50);
    assert.equal(channel.isClosed, true);
  });
});

describe('backpressure', () => {
  it('holds batches back until the promises of the callback settle', async () => {
    const [driver, channel] = await open();
    const gate = gateway();
    let calls = 0;
    const registration = await driver.registerCallback({ altitude: '1' }, () => {
      calls++;
      return gate.promise;
    });
    for (let i = 0; i < 100; i++) channel.notify({ cookie: registration.cookie });
    await settle();
    const held = calls;
    assert.ok(held <= 16, `${held} calls without an acknowledgement`);
    gate.resolve();
    for (let i = 0; i < 500 && calls < 100; i++) await tick();
    assert.equal(calls, 100);
    await driver.close();
  });

  it('holds batches back while an iterator is full, and what the driver drops is a gap', async () => {
    const [driver, channel] = await open();
    channel.queueLimit = 16;
    const registration = await driver.registerCallback({ altitude: '1' });
    const iterator = registration.events({ highWaterMark: 2 });
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < 10; j++) channel.notify({ cookie: registration.cookie });
      await settle();
    }
    assert.ok(channel.lost > 0n);
    let next = 1n;
    const reading = (async () => {
      for await (const event of iterator) {
        assert.equal(event.sequence, next);
        next = event.class === 'gap' ? event.lastSequence + 1n : next + 1n;
      }
    })();
    await registration.unregister();
    await reading;
    assert.equal(next, 101n);
    await driver.close();
  });

  it('keeps the events of a registration without a callback until somebody iterates, up to a bound', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    for (let i = 0; i < 5; i++) channel.notify({ cookie: registration.cookie });
    await settle();
    const seen: bigint[] = [];
    for await (const event of registration.events()) {
      seen.push(event.sequence);
      if (seen.length === 2) break;
    }
    for await (const event of registration.events()) {
      seen.push(event.sequence);
      if (seen.length === 5) break;
    }
    assert.deepEqual(seen, upTo(5));
    for (let i = 0; i < 3000; i++) channel.notify({ cookie: registration.cookie });
    for (let i = 0; i < 400; i++) await tick();
    const { queueRecords } = await driver.statistics();
    assert.ok(queueRecords > 1900n && queueRecords < 2000n, String(queueRecords));
    await registration.unregister();
    const rest: Event[] = [];
    for await (const event of registration.events()) rest.push(event);
    assert.deepEqual(rest.map(sequenceOf), upTo(3005).slice(5));
    await driver.close();
  });

  it('of a consumer that has gone does not keep another from unregistering', async () => {
    const [driver, channel] = await open();
    const silent = await driver.registerCallback({ altitude: '1' });
    let calls = 0;
    const lively = await driver.registerCallback({ altitude: '2' }, () => {
      calls++;
    });
    for (let i = 0; i < 2000; i++) channel.notify({ cookie: silent.cookie });
    channel.notify({ cookie: lively.cookie });
    await lively.unregister();
    assert.equal(calls, 1);
    await driver.close();
  });
});

describe('iterators', () => {
  it('end with AbortError when their signal is aborted; the registration goes on', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    const controller = new AbortController();
    const waiting = registration.events({ signal: controller.signal }).next();
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError', code: 'CMB_ABORTED' });
    const late = registration.events({ signal: AbortSignal.abort() });
    await assert.rejects(late.next(), { code: 'CMB_ABORTED' });
    assert.equal((await late.next()).done, true);
    channel.notify({ cookie: registration.cookie });
    assert.equal((await registration.events().next()).done, false);
    assert.equal(registration.active, true);
    await driver.close();
  });

  it('detach when the loop is left, also while a next() is pending', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1' }, () => undefined);
    const iterator = registration.events();
    const pending = iterator.next();
    await iterator.return();
    assert.deepEqual(await pending, { done: true, value: undefined });
    channel.notify({ cookie: registration.cookie });
    await settle();
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    assert.equal(registration.active, true);
    await driver.close();
  });

  it('check their options', async () => {
    const [driver] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    assert.throws(() => registration.events({ highWaterMark: 0 }), { code: 'CMB_INVALID_ARGUMENT' });
    assert.throws(() => registration.events({ highwaterMark: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
    await driver.close();
  });
});

describe('failures', () => {
  it('of the callback go to onError, and the other events go on', async () => {
    const [driver, channel] = await open();
    const errors: unknown[] = [];
    const seen: bigint[] = [];
    const registration = await driver.registerCallback(
      { altitude: '1', onError: (error, event) => errors.push([(error as Error).message, event?.sequence]) },
      (event) => {
        seen.push(event.sequence);
        if (event.sequence === 2n) throw new Error('thrown');
        return event.sequence === 3n ? Promise.reject(new Error('rejected')) : undefined;
      },
    );
    for (let i = 0; i < 20; i++) channel.notify({ cookie: registration.cookie });
    await registration.unregister();
    await settle();
    assert.deepEqual(seen, upTo(20));
    assert.deepEqual(errors, [
      ['thrown', 2n],
      ['rejected', 3n],
    ]);
    await driver.close();
  });

  it('of a record are told, and the session goes on', async () => {
    const [driver, channel] = await open();
    const errors: string[] = [];
    const seen: bigint[] = [];
    const onError = (error: unknown) => void errors.push((error as { code: string }).code);
    const registration = await driver.registerCallback(
      { altitude: '1', onError },
      (event) => void seen.push(event.sequence),
    );
    const { cookie } = registration;
    channel.notify({ cookie });
    channel.notify((sequence) => {
      const damaged = setValueRecord('name', 1, new Uint8Array(8), { cookie, sequence });
      new DataView(damaged.buffer).setUint32(P.CMB_RECORD.KeyPath, 0xffff_fff0, true);
      return damaged;
    });
    channel.notify({ cookie });
    await settle();
    channel.sendRaw(new ArrayBuffer(7));
    const cut = batch([
      record({ cookie, sequence: ++channel.sequence }),
      record({ cookie, sequence: ++channel.sequence }),
    ]);
    channel.sendRaw(cut.slice(0, cut.byteLength - 8));
    channel.sendRaw(batch([record({ cookie, sequence: ++channel.sequence })]));
    await registration.unregister();
    assert.deepEqual(errors, ['CMB_PROTOCOL_ERROR', 'CMB_PROTOCOL_ERROR', 'CMB_PROTOCOL_ERROR']);
    assert.deepEqual(seen, [1n, 3n, 6n]);
    await driver.close();
  });

  it('of a record reject next() of an iterator in their place', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    const { cookie } = registration;
    channel.notify({ cookie });
    channel.notify((sequence) => {
      const damaged = record({ cookie, sequence });
      new DataView(damaged.buffer).setUint32(P.CMB_RECORD.KeyPath, 0xffff_fff0, true);
      return damaged;
    });
    channel.notify({ cookie });
    const iterator = registration.events();
    assert.equal((await iterator.next()).value?.sequence, 1n);
    await assert.rejects(iterator.next(), { code: 'CMB_PROTOCOL_ERROR' });
    assert.equal((await registration.events().next()).value?.sequence, 3n);
    await driver.close();
  });

  it('do not keep unregister() waiting for records that a damaged batch has swallowed', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1', onError: () => undefined }, () => undefined);
    channel.sequence += 5n;
    channel.sendRaw(new ArrayBuffer(3));
    await registration.unregister();
    await driver.close();
  });

  it('of the driver end iterators with an error, and everything after', async () => {
    const [driver, channel] = await open();
    const errors: unknown[] = [];
    const registration = await driver.registerCallback(
      { altitude: '1', onError: (error) => errors.push(error) },
      () => undefined,
    );
    const next = registration.events().next();
    channel.onEnd(0xc00002b6);
    await assert.rejects(next, { code: 'CMB_DRIVER_GONE', ntStatus: 0xc00002b6 });
    assert.equal(errors.length, 1);
    assert.equal(registration.active, false);
    assert.equal(driver.closed, true);
    await assert.rejects(driver.statistics(), { code: 'CMB_DRIVER_GONE' });
    await assert.rejects(driver.registerCallback({ altitude: '1' }), { code: 'CMB_DRIVER_GONE' });
    await registration.unregister();
    await driver.close();
  });

  it('of the driver do not keep a drain waiting', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1', onError: () => undefined }, () => undefined);
    channel.sequence += 5n;
    const closing = driver.close();
    await settle();
    channel.onEnd(0xc0000120);
    await closing;
    assert.equal(registration.active, false);
  });
});
