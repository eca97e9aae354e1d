import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { collect, inUse, nextAltitude, ofClass, only, requestsPended, scenario, tick, until } from './fixture.js';
import type { ConformanceHost } from './host.js';

const RECEIVES = 3;
const CHANGES = ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] as const;

export function lifetimeSuite(host: ConformanceHost): void {
  describe('lifetime', () => {
    scenario(
      host,
      'unregister() while operations are in flight delivers the posts that are owed, then nothing',
      async ({ driver, actor, key }) => {
        const load = actor.load({ path: key.path, threads: 2, operations: 2000 });
        for (let round = 0; round < 5; round += 1) {
          const { registration, events } = await collect(driver, actor, { classes: CHANGES });
          while (ofClass(events, 'RegNtPostSetValueKey').length === 0 && !(await settled(load))) await tick();
          await registration.unregister();
          const delivered = events.length;
          const pres = ofClass(events, 'RegNtPreSetValueKey').map((event) => event.sequence);
          const lost = ofClass(events, 'gap').length;
          const posts = new Set(ofClass(events, 'RegNtPostSetValueKey').map((event) => event.preSequence));
          if (lost === 0)
            assert.ok(
              pres.every((sequence) => posts.has(sequence)),
              'every pre has its post',
            );
          await tick();
          assert.equal(events.length, delivered, 'no event after unregister resolved');
        }
        await load;
      },
    );

    scenario(host, 'close() of a driver with registrations ends them all', async ({ driver, actor, key }) => {
      const before = await inUse(host, driver);
      const second = await host.openDriver();
      const altitude = nextAltitude();
      const { registration, events } = await collect(second, actor, { altitude });
      const iterated = (async () => {
        let count = 0;
        for await (const event of registration.events()) if (event.class === 'RegNtPostSetValueKey') count += 1;
        return count;
      })();
      await key.setValue('v', { type: 'REG_SZ', data: '' });
      await second.close();
      await second.close();
      assert.equal(second.closed, true);
      assert.equal(registration.active, false);
      assert.equal(await iterated, 1);
      assert.equal(only(events, 'RegNtPostSetValueKey').valueName, 'v');
      await assert.rejects(second.registerCallback({ altitude }), { code: 'CMB_DRIVER_CLOSED' });
      assert.deepEqual(await inUse(host, driver), before);
      await driver.registerCallback({ altitude });
    });

    scenario(host, 'two sessions see the same operation, each with its own numbers', async ({ driver, actor, key }) => {
      await using other = await host.openDriver();
      const altitude = nextAltitude();
      const here = await collect(driver, actor, { classes: CHANGES, altitude });
      await assert.rejects(other.registerCallback({ altitude }), { code: 'CMB_ALTITUDE_COLLISION' });
      const there = await collect(other, actor, { classes: CHANGES });
      assert.notEqual(here.registration.cookie, there.registration.cookie);
      await key.setValue('both', { type: 'REG_SZ', data: '' });
      await there.registration.unregister();
      await other.close();
      await key.setValue('one', { type: 'REG_SZ', data: '' });
      await here.registration.unregister();
      assert.deepEqual(
        ofClass(here.events, 'RegNtPreSetValueKey').map((event) => event.valueName),
        ['both', 'one'],
      );
      assert.equal(only(there.events, 'RegNtPreSetValueKey').valueName, 'both');
      assert.equal(there.events[0]?.sequence, 1n);
    });

    scenario(
      host,
      'a program that is killed leaves no cookie, queue or request behind',
      async ({ driver }) => {
        await requestsPended(driver, RECEIVES);
        const held = async (): Promise<unknown[]> => {
          const { pendedReceives } = await driver.statistics({ scope: 'driver' });
          return [pendedReceives, ...(await inUse(host, driver))];
        };
        const before = await held();
        const altitude = nextAltitude();
        const victim = await host.startVictim(altitude);
        await assert.rejects(driver.registerCallback({ altitude }), { code: 'CMB_ALTITUDE_COLLISION' });
        assert.notDeepEqual(await held(), before);
        await victim.kill();
        await until(async () => isDeepStrictEqual(await held(), before));
        assert.deepEqual(await held(), before);
        await driver.registerCallback({ altitude });
      },
      { receives: RECEIVES },
    );

    scenario(host, 'an iterator that is left detaches; the registration stays', async ({ driver, key }) => {
      const registration = await driver.registerCallback({
        altitude: nextAltitude(),
        classes: ['RegNtPostSetValueKey'],
      });
      const take = async (name: string): Promise<string | null> => {
        const iterator = registration.events();
        const first = iterator.next();
        await key.setValue(name, { type: 'REG_SZ', data: '' });
        await first;
        await key.setValue(`${name} again`, { type: 'REG_SZ', data: '' });
        for await (const event of iterator) if (event.class === 'RegNtPostSetValueKey') return event.valueName;
        return null;
      };
      assert.equal(await take('first'), 'first again');
      assert.equal(registration.active, true);
      assert.equal(await take('second'), 'second again');
      const rest = registration.events();
      await registration.unregister();
      assert.deepEqual(await rest.next(), { done: true, value: undefined });
    });

    scenario(host, 'statistics account for every callback', async ({ driver, key }) => {
      const { registration, events } = await collect(driver, null, { classes: CHANGES });
      for (let i = 0; i < 20; i += 1) await key.setValue('v', { type: 'REG_DWORD', data: i });
      const statistics = await registration.statistics();
      assert.ok(statistics.callbacks >= 40n);
      assert.equal(statistics.callbacks, statistics.recorded + statistics.lost);
      await registration.unregister();
      const session = await driver.statistics({ scope: 'session' });
      assert.equal(session.delivered, BigInt(events.length));
      assert.deepEqual([session.queueRecords, session.queueBytes, session.lost], [0n, 0n, 0n]);
    });
  });
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
