import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Event } from '../../lib/index.js';
import { nextAltitude, ofClass, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const SMALL = { queueRecords: 64, receives: 1 } as const;

/** Every number from 1 to `last` must be an event or lie in a gap, once. */
function account(events: readonly Event[], last: bigint): { received: bigint; lost: bigint } {
  let next = 1n;
  let lost = 0n;
  for (const event of events) {
    assert.equal(event.sequence, next, 'the stream continues where it stopped');
    if (event.class === 'gap') {
      assert.equal(event.firstSequence, next);
      assert.equal(event.count, event.lastSequence - event.firstSequence + 1n);
      lost += event.count;
      next = event.lastSequence + 1n;
    } else {
      next += 1n;
    }
  }
  assert.equal(next, last + 1n, 'nothing is missing at the end');
  return { received: last - lost, lost };
}

export function overflowSuite(host: ConformanceHost): void {
  describe('overflow', () => {
    scenario(
      host,
      'a consumer that stalls loses records, and learns exactly which',
      async ({ driver, actor, key }) => {
        const registration = await driver.registerCallback({
          altitude: nextAltitude(),
          classes: ['RegNtPostSetValueKey'],
        });
        const iterator = registration.events({ highWaterMark: 1 });
        const first = iterator.next();
        await actor.load({ path: key.path, threads: 2, operations: 500 });
        const middle = await registration.statistics();
        assert.equal(middle.callbacks, 1000n);
        assert.ok(middle.lost > 0n, 'the queue was too small for the load');
        assert.equal(middle.lostQueueFull, middle.lost);

        const events: Event[] = [];
        const start = await first;
        assert.equal(start.done, false);
        events.push(start.value);
        const reading = (async () => {
          for await (const event of iterator) events.push(event);
        })();
        // Room again: what follows the gap is recorded once more.
        while ((await driver.statistics({ scope: 'session' })).queueRecords > 0n) {
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        await key.setValue('after', { type: 'REG_SZ', data: '' });
        await registration.unregister();
        await reading;

        const session = await driver.statistics({ scope: 'session' });
        const { received, lost } = account(events, session.lastSequence);
        assert.equal(lost, session.lost);
        assert.equal(received, session.recorded);
        const gaps = ofClass(events, 'gap');
        assert.ok(gaps.length > 0);
        assert.ok(gaps.every((gap) => gap.causes.includes('queue-full')));
        const last = ofClass(events, 'RegNtPostSetValueKey').at(-1);
        assert.equal(last?.valueName, 'after');
      },
      SMALL,
    );

    scenario(
      host,
      'a gap at the very end of the stream is reported too',
      async ({ driver, actor, key }) => {
        const registration = await driver.registerCallback({
          altitude: nextAltitude(),
          classes: ['RegNtPostSetValueKey'],
        });
        const iterator = registration.events({ highWaterMark: 1 });
        await actor.load({ path: key.path, threads: 1, operations: 500 });
        const events: Event[] = [];
        const reading = (async () => {
          for await (const event of iterator) events.push(event);
        })();
        await registration.unregister();
        await reading;
        const session = await driver.statistics({ scope: 'session' });
        assert.ok(account(events, session.lastSequence).lost > 0n);
        assert.equal(events.at(-1)?.class, 'gap');
      },
      SMALL,
    );

    scenario(
      host,
      'a load that the queue can hold loses nothing',
      async ({ driver, actor, key }) => {
        const events: Event[] = [];
        const registration = await driver.registerCallback(
          { altitude: nextAltitude(), classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
          (event) => void events.push(event),
        );
        await actor.load({ path: key.path, threads: 2, operations: 1000 });
        await registration.unregister();
        const session = await driver.statistics({ scope: 'session' });
        assert.equal(session.lastSequence, 4000n);
        assert.deepEqual(account(events, session.lastSequence), { received: 4000n, lost: 0n });
        assert.ok(session.queueBytesPeak <= session.queueBytesLimit);
      },
      { queueBytes: 4_194_304 },
    );
  });
}
