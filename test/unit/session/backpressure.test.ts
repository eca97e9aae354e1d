import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Event } from '../../../lib/event/event.js';
import { block } from '../../../lib/decision/decision.js';
import { ask, asking, openAsking } from './asking.js';
import { gateway, open, sequenceOf, settle, upTo } from '../support/session.js';

describe('backpressure', () => {
  it('a session holds batches back until the promises of the callback settle', async () => {
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

  it('a session holds batches back while an iterator is full, and what the driver drops is a gap', async () => {
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

  it('a stalled iterator bounds what the program holds, whatever happens meanwhile', async () => {
    const receives = 2;
    const recordsPerBatch = 8;
    const highWaterMark = 10;
    const [driver, channel] = await open(receives);
    channel.queueLimit = 50;
    const registration = await driver.registerCallback({ altitude: '1' });
    const iterator = registration.events({ highWaterMark });
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 100; i++) channel.notify({ cookie: registration.cookie });
      await settle();
      const { queueRecords } = await driver.statistics();
      const held = Number(channel.recorded - queueRecords);
      assert.ok(held <= highWaterMark + receives * recordsPerBatch, `${held} events held in round ${round}`);
    }
    assert.equal(channel.sequence, 5000n);
    let told = 0n;
    const reading = (async () => {
      for await (const event of iterator) told += event.class === 'gap' ? event.count : 1n;
    })();
    await registration.unregister();
    await reading;
    assert.equal(told, 5000n);
    await driver.close();
  });

  it('a registration without a callback keeps its events until somebody iterates, up to a bound', async () => {
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

  it('a registration that nobody reads does not keep another from unregistering', async () => {
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
  it('an iterator ends with AbortError when its signal is aborted, and the registration goes on', async () => {
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

  it('an iterator is detached when the loop is left, also while a next() is pending', async () => {
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

  it('an iterator checks its options', async () => {
    const [driver] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    assert.throws(() => registration.events({ highWaterMark: 0 }), { code: 'CMB_INVALID_ARGUMENT' });
    assert.throws(() => registration.events({ highwaterMark: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
    await driver.close();
  });
});

describe('backpressure where questions are asked', () => {
  it('a session that asks does not let stalled readers keep questions from being asked', async () => {
    const [driver, channel] = await openAsking(2);
    await driver.registerCallback(asking, () => block());
    const stalled = await driver.registerCallback({ altitude: '1' });
    const iterator = stalled.events({ highWaterMark: 10 });
    const gate = gateway();
    let slow = 0;
    await driver.registerCallback({ altitude: '2' }, () => {
      slow++;
      return gate.promise;
    });
    for (let round = 1n; round <= 5n; round++) {
      for (let i = 0; i < 100; i++) channel.notify({ cookie: stalled.cookie });
      for (let i = 0; i < 100; i++) channel.notify({ cookie: 1002n });
      ask(channel, round);
      for (let i = 0; i < 5; i++) await settle();
      assert.equal(channel.replies.flat().length, Number(round), `question ${round}`);
    }
    assert.equal(slow, 500);
    for (let i = 0; i < 2000; i++) channel.notify({ cookie: 1002n });
    for (let i = 0; i < 20; i++) await settle();
    // Callbacks that do not settle are not called without bound.
    assert.ok(slow >= 1024 && slow <= 1024 + 2 * 8, `${slow} callbacks`);
    gate.resolve();
    for (let i = 0; i < 20; i++) await settle();
    assert.equal(slow, 2500);
    await iterator.return();
    await driver.close();
  });

  it('a session that asks gives a stalled reader a gap with an exact count', async () => {
    const [driver, channel] = await openAsking(2);
    const deciding = await driver.registerCallback(asking, () => undefined);
    const watching = await driver.registerCallback({ altitude: '1' });
    const iterator = watching.events({ highWaterMark: 10 });
    const unread = await driver.registerCallback({ altitude: '2' });
    const events = 12_000;
    for (let i = 0; i < events; i++) {
      channel.notify({ cookie: watching.cookie });
      channel.notify({ cookie: unread.cookie });
    }
    for (let i = 0; i < 200; i++) await settle();
    for (const [read, mark] of [
      [iterator, 10],
      [unread.events(), 1024],
    ] as const) {
      const sequences: bigint[] = [];
      let lost = 0n;
      for await (const event of read) {
        if (event.class !== 'gap') {
          sequences.push(event.sequence);
          continue;
        }
        assert.deepEqual([event.causes, event.lost.queueFull], [['queue-full'], event.count]);
        assert.ok(event.firstSequence > (sequences.at(-1) ?? 0n));
        lost = event.count;
        break;
      }
      assert.equal(sequences.length, mark + 8192);
      assert.equal(BigInt(sequences.length) + lost, BigInt(events));
    }
    await deciding.unregister();
    await driver.close();
  });

  it('a session holds batches back again when no rule of it asks any more', async () => {
    const [driver, channel] = await openAsking(1);
    const deciding = await driver.registerCallback(asking, () => undefined);
    const gate = gateway();
    let called = 0;
    await driver.registerCallback({ altitude: '1' }, () => {
      called++;
      return gate.promise;
    });
    const happen = async () => {
      for (let i = 0; i < 24; i++) channel.notify({ cookie: 1001n });
      await settle();
      return called;
    };
    assert.equal(await happen(), 24);
    await deciding.setRules([]);
    const held = await happen();
    assert.ok(held < 40, `${held} called`);
    await deciding.setRules(asking.rules);
    await settle();
    assert.equal(called, 48);
    gate.resolve();
    await driver.close();
  });
});
