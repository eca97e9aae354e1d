import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Event } from '../../lib/index.js';
import { collect, nextAltitude, ofClass, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const empty = { type: 'REG_SZ', data: '' } as const;
const SMALL = { queueRecords: 64, receives: 1 } as const;

const lostOf = (events: readonly Event[]): bigint => ofClass(events, 'gap').reduce((sum, { count }) => sum + count, 0n);

export function flowSuite(host: ConformanceHost): void {
  describe('flow', () => {
    scenario(
      host,
      'a registration is told of its own losses, and of no others',
      async ({ driver, actor, key }) => {
        const busy = await driver.registerCallback({ altitude: nextAltitude(), classes: ['RegNtPostSetValueKey'] });
        const quiet = await collect(driver, actor, { classes: ['RegNtPostDeleteValueKey'] });
        const iterator = busy.events({ highWaterMark: 1 });
        await actor.load({ path: key.path, threads: 1, operations: 500 });
        const events: Event[] = [];
        const reading = (async () => {
          for await (const event of iterator) events.push(event);
        })();
        while ((await driver.statistics()).queueRecords > 0n) await new Promise((resolve) => setTimeout(resolve, 2));
        await key.setValue('v', empty);
        await key.deleteValue('v');
        const statistics = await busy.statistics();
        await busy.unregister();
        await quiet.registration.unregister();
        await reading;
        assert.ok(statistics.lost > 0n);
        assert.equal(lostOf(events), statistics.lost);
        assert.equal(statistics.lostQueueFull, statistics.lost);
        assert.equal(BigInt(ofClass(events, 'RegNtPostSetValueKey').length), statistics.callbacks - statistics.lost);
        for (const { lost, count, causes } of ofClass(events, 'gap')) {
          assert.deepEqual([lost.queueFull, causes], [count, ['queue-full']]);
        }
        assert.deepEqual(
          quiet.events.map(({ class: name }) => name),
          ['RegNtPostDeleteValueKey'],
        );
      },
      SMALL,
    );

    scenario(host, 'a rate limit lets a burst through and counts the rest', async ({ driver, actor, key }) => {
      const limited = await collect(driver, null, {
        classes: ['RegNtPostSetValueKey'],
        rateLimit: { perSecond: 1, burst: 7 },
      });
      const free = await collect(driver, null, { classes: ['RegNtPostSetValueKey'] });
      await actor.load({ path: key.path, threads: 1, operations: 400 });
      const statistics = await limited.registration.statistics();
      await limited.registration.unregister();
      await free.registration.unregister();
      assert.equal(statistics.callbacks, 400n);
      assert.equal(statistics.lostRateLimit, statistics.lost);
      assert.ok(statistics.lost > 0n && statistics.lost <= 393n);
      const passed = ofClass(limited.events, 'RegNtPostSetValueKey');
      assert.equal(BigInt(passed.length) + statistics.lost, 400n);
      assert.equal(lostOf(limited.events), statistics.lost);
      const [first] = ofClass(limited.events, 'gap');
      assert.deepEqual(first?.causes, ['rate-limit']);
      assert.equal(limited.events.indexOf(first), 7, 'the burst comes before the first loss');
      assert.equal(ofClass(free.events, 'RegNtPostSetValueKey').length, 400);
      assert.equal(ofClass(free.events, 'gap').length, 0);
    });

    scenario(
      host,
      'reads that repeat while they wait are one event with a count',
      async ({ driver, actor, key }) => {
        const registration = await driver.registerCallback({
          altitude: nextAltitude(),
          rules: [{ keys: `${key.path}\\**`, classes: ['RegNtPostQueryValueKey'], action: 'notify' }],
          coalesceReads: true,
        });
        const iterator = registration.events({ highWaterMark: 1 });
        await actor.load({ path: key.path, threads: 1, operations: 1000, kind: 'query' });
        const events: Event[] = [];
        const reading = (async () => {
          for await (const event of iterator) events.push(event);
        })();
        const { callbacks, lost } = await registration.statistics();
        await registration.unregister();
        await reading;
        const reads = ofClass(events, 'RegNtPostQueryValueKey');
        const repeats = reads.reduce((sum, event) => sum + event.repeats, 0n);
        assert.deepEqual([callbacks, lost], [1000n, 0n]);
        assert.equal(repeats, (await driver.statistics()).coalesced);
        assert.ok(repeats > 0n, 'most of the reads waited');
        assert.equal(BigInt(reads.length) + repeats, 1000n);
      },
      { receives: 1 },
    );

    scenario(
      host,
      'reads that differ, and writes, are never taken together',
      async ({ driver, actor, key }) => {
        await key.setValue('a', empty);
        await key.setValue('b', { type: 'REG_DWORD', data: 1 });
        const registration = await driver.registerCallback({
          altitude: nextAltitude(),
          rules: [
            {
              keys: key.path,
              process: { id: actor.id },
              classes: ['RegNtPostQueryValueKey', 'RegNtPostSetValueKey'],
              action: 'notify',
            },
          ],
          coalesceReads: true,
        });
        const iterator = registration.events({ highWaterMark: 1 });
        for (let turn = 0; turn < 10; turn += 1) {
          await key.queryValue('a');
          await key.setValue('b', { type: 'REG_DWORD', data: 2 });
          await key.queryValue('b');
          await key.setValue('b', { type: 'REG_DWORD', data: 1 });
          await key.queryValue('b');
        }
        const events: Event[] = [];
        const reading = (async () => {
          for await (const event of iterator) events.push(event);
        })();
        await registration.unregister();
        await reading;
        const values = ofClass(events, 'RegNtPostQueryValueKey').map((event) => {
          const { information } = event;
          assert.ok(information !== null && 'value' in information);
          return [event.valueName, information.value?.data, event.repeats] as const;
        });
        const count = (name: string, data: unknown) =>
          values
            .filter(([valueName, value]) => valueName === name && value === data)
            .reduce((sum, [, , repeats]) => sum + 1n + repeats, 0n);
        assert.deepEqual([count('a', ''), count('b', 2), count('b', 1)], [10n, 10n, 10n]);
        const writes = ofClass(events, 'RegNtPostSetValueKey');
        assert.equal(writes.length, 20);
        assert.ok(writes.every(({ repeats }) => repeats === 0n));
      },
      { receives: 1 },
    );

    scenario(host, 'events have their paths where there are more than are kept', async ({ driver, actor, key }) => {
      const count = driver.limits.pathSlots + 50;
      const { registration, events } = await collect(driver, actor, {
        rules: [{ keys: `${key.path}\\**`, classes: ['RegNtPostSetValueKey'], action: 'notify' }],
      });
      for (let index = 0; index < count; index += 1) {
        const child = await actor.createKey(`${key.path}\\${String(index)}`);
        await child.setValue('v', { type: 'REG_DWORD', data: index });
        if (index % 16 === 0) await key.setValue('v', { type: 'REG_DWORD', data: index });
        await child.delete();
        await child.close();
      }
      await registration.unregister();
      const sets = ofClass(events, 'RegNtPostSetValueKey');
      const [again, children] = [0, 1].map((rest) =>
        sets.filter(({ keyPath }) => Number(keyPath?.length !== key.path.length) === rest),
      );
      assert.equal(children?.length, count);
      assert.equal(again?.length, Math.ceil(count / 16));
      for (const event of children) sameKey(event.keyPath, `${key.path}\\${String(event.value.data)}`);
      for (const event of again) sameKey(event.keyPath, key.path);
    });
  });
}
