import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { batch, record, setValueRecord } from '../support/records.js';
import { gateway, open, settle, upTo } from '../support/session.js';

describe('delivery', () => {
  it('a session gives every event to the callback and to each iterator, in order', async () => {
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

  it('a session gives each registration its own events and its own gaps', async () => {
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
    assert.deepEqual(seen.sort(), ['1 1', '1 3', '2 2', '2 gap']);
    await driver.close();
  });

  it('a session keeps the events that come before REGISTER is answered', async () => {
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

  it('unregister() delivers everything that was queued before it, then ends the iterators', async () => {
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

  it('unregister() waits for a gap at the very end', async () => {
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

  it('a session tells reads that are the same in a batch once, and counts the others', async () => {
    const [driver, channel] = await open();
    const seen: (readonly [bigint, bigint, bigint | null])[] = [];
    const registration = await driver.registerCallback({ altitude: '1', coalesceReads: true }, (event) => {
      if ('repeats' in event) seen.push([event.sequence, event.repeats, event.lastSequence]);
    });
    const other = await driver.registerCallback({ altitude: '2' }, (event) => {
      if ('repeats' in event) seen.push([event.sequence, event.repeats, event.lastSequence]);
    });
    const reads = [1n, 2n, 3n].map((sequence) => record({ notifyClass: 8, sequence, cookie: registration.cookie }));
    const apart = [4n, 5n].map((sequence) => record({ notifyClass: 8, sequence, cookie: other.cookie }));
    channel.swallow(registration.cookie, 3n);
    channel.swallow(other.cookie, 2n);
    channel.sendRaw(batch([...reads, ...apart]));
    assert.deepEqual(seen, [
      [1n, 2n, 3n],
      [4n, 0n, null],
      [5n, 0n, null],
    ]);
    const statistics = await driver.statistics();
    assert.equal(statistics.coalesced, 2n);
    assert.equal((await driver.statistics({ scope: 'driver' })).coalesced, 0n);
    // What is told by another event has come all the same.
    await registration.unregister();
    await other.unregister();
    await driver.close();
  });

  it('unregister() does not wait for what other registrations have lost', async () => {
    const [driver, channel] = await open();
    const lively = await driver.registerCallback({ altitude: '1' }, () => undefined);
    const stalled = await driver.registerCallback({ altitude: '2' }, () => new Promise(() => undefined));
    channel.notify({ cookie: stalled.cookie });
    await settle();
    channel.queueLimit = 0;
    for (let i = 0; i < 5; i++) channel.notify({ cookie: stalled.cookie });
    await lively.unregister();
    await driver.close();
  });

  it('a callback that unregisters and closes does not wait for itself', async () => {
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

describe('failures', () => {
  it('an error of the callback goes to onError, and the other events go on', async () => {
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

  it('a damaged record is told to onError, and the session goes on', async () => {
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

  it('a damaged record rejects next() of an iterator in its place', async () => {
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

  it('unregister() does not wait for records that a damaged batch has swallowed', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1', onError: () => undefined }, () => undefined);
    channel.swallow(registration.cookie, 5n);
    channel.sendRaw(new ArrayBuffer(3));
    await registration.unregister();
    await driver.close();
  });

  it('a driver that goes away ends iterators with an error, and everything after', async () => {
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

  it('a driver that goes away does not keep close() waiting', async () => {
    const [driver, channel] = await open();
    const registration = await driver.registerCallback({ altitude: '1', onError: () => undefined }, () => undefined);
    channel.swallow(registration.cookie, 5n);
    const closing = driver.close();
    await settle();
    channel.onEnd(0xc0000120);
    await closing;
    assert.equal(registration.active, false);
  });
});
