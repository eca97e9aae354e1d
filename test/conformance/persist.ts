import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Driver, Rule } from '../../lib/index.js';
import { set } from './decision-asking.js';
import { STATUS_ACCESS_DENIED, STATUS_CANCELLED, STATUS_SUCCESS } from './decision-fixture.js';
import { nextAltitude, scenario, until, type Fixture } from './fixture.js';
import type { ActorKey, ConformanceHost } from './host.js';

const LONG = 10_000;

const policy = (key: ActorKey): Rule[] => {
  const about = (valueName: string) => ({ keys: `${key.path}\\**`, valueNames: valueName, operations: 'SetValueKey' });
  return [
    { ...about('blocked'), action: 'block' },
    { ...about('bypassed'), action: 'bypass' },
    { ...about('closed'), action: 'ask', deadline: LONG, onTimeout: 'block', status: 'STATUS_CANCELLED' },
    { ...about('open'), action: 'ask', deadline: LONG },
  ] as Rule[];
};

/** The rules hold, and those that ask have their default without a deadline that passes. */
async function assertKept({ driver, key }: Fixture): Promise<void> {
  const deadlinesPassed = async () => (await driver.statistics({ scope: 'driver' })).decisions.timedOut;
  const before = await deadlinesPassed();
  for (const [name, expected] of [
    ['blocked', STATUS_ACCESS_DENIED],
    ['bypassed', STATUS_SUCCESS],
    ['closed', STATUS_CANCELLED],
    ['open', STATUS_SUCCESS],
    ['other', STATUS_SUCCESS],
  ] as const)
    assert.equal(await set(key, name), expected, name);
  assert.equal(await deadlinesPassed(), before, 'somebody was held');
}

async function assertGone(key: ActorKey): Promise<void> {
  for (const name of ['blocked', 'closed']) assert.equal(await set(key, name), STATUS_SUCCESS, name);
}

/** Whatever stays at the altitude makes room for this, which then goes. */
async function clear(driver: Driver, altitude: string): Promise<void> {
  const last = await driver.registerCallback({ altitude, classes: ['RegNtPreFlushKey'] });
  await last.unregister();
}

export function persistSuite(host: ConformanceHost): void {
  describe('registrations that persist', () => {
    const keeping = (name: string, body: (fixture: Fixture, altitude: string) => Promise<void>): void => {
      scenario(host, name, async (fixture) => {
        const altitude = nextAltitude();
        try {
          await body(fixture, altitude);
        } finally {
          // With injected faults the first try may fail.
          await clear(fixture.driver, altitude).catch(() => clear(fixture.driver, altitude));
        }
      });
    };
    const keep = async ({ key }: Fixture, altitude: string): Promise<bigint> => {
      const owner = await host.openDriver();
      try {
        const rules = policy(key);
        const { cookie } = await owner.registerCallback({ altitude, rules, persist: 'until-unload' }, () => undefined);
        assert.equal(await set(key, 'blocked'), STATUS_ACCESS_DENIED);
        return cookie;
      } finally {
        await owner.close();
      }
    };

    keeping('a registration that persists outlives its session, and records nothing', async (fixture, altitude) => {
      const { driver } = fixture;
      const before = await driver.statistics({ scope: 'driver' });
      await keep(fixture, altitude);
      const kept = await driver.statistics({ scope: 'driver' });
      await assertKept(fixture);
      const after = await driver.statistics({ scope: 'driver' });
      assert.deepEqual([after.sessions, after.registrations], [before.sessions, before.registrations + 1]);
      assert.equal(after.queueBytesLimit, before.queueBytesLimit);
      assert.equal(after.recorded, kept.recorded);
      const [{ decisions: now }, { decisions: then }] = [after, kept];
      assert.deepEqual(
        [now.byKind.block - then.byKind.block, now.byKind.bypass - then.byKind.bypass, now.held],
        [2n, 1n, 0n],
      );
      assert.deepEqual([now.asked - then.asked, now.released - then.released], [2n, 2n]);
    });

    keeping('a registration that persists makes room for another at its altitude', async (fixture, altitude) => {
      const { driver, key } = fixture;
      await keep(fixture, altitude);
      const rules: Rule[] = [{ keys: `${key.path}\\**`, valueNames: 'new', action: 'block' }];
      const taken = await driver.registerCallback({ altitude: `0${altitude}0`, rules });
      assert.equal(await set(key, 'new'), STATUS_ACCESS_DENIED);
      await assertGone(key);
      await assert.rejects(driver.registerCallback({ altitude }), { code: 'CMB_ALTITUDE_COLLISION' });
      await taken.unregister();
      assert.equal(await set(key, 'new'), STATUS_SUCCESS);
    });

    keeping('a registration that persists ends by its cookie, whoever gives it', async (fixture, altitude) => {
      const { driver, key } = fixture;
      const cookie = await keep(fixture, altitude);
      await assertKept(fixture);
      assert.equal(await driver.unregisterCookie(cookie), STATUS_SUCCESS);
      await assertGone(key);
      assert.notEqual(await driver.unregisterCookie(cookie), STATUS_SUCCESS);
    });

    keeping('a registration that persists outlives a program that is killed', async (fixture, altitude) => {
      const { driver, key } = fixture;
      const held = async () => (await driver.statistics({ scope: 'driver' })).decisions.held;
      const victim = await host.startVictim(altitude, { rules: policy(key), persists: true });
      const waiting = set(key, 'closed');
      await until(async () => (await held()) === 1n);
      assert.equal(await held(), 1n);
      await victim.kill();
      assert.equal(await waiting, STATUS_CANCELLED);
      await assertKept(fixture);
    });
  });
}
