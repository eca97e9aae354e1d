import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { CmGetCallbackVersion, CmRegisterCallbackEx, CmUnRegisterCallback, type Event } from '../../lib/index.js';
import { collect, inUse, nextAltitude, only, requestsPended, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const STATUS_INVALID_PARAMETER = 0xc000000d;
const STATUS_FLT_INSTANCE_ALTITUDE_COLLISION = 0xc01c0011;

export function registrationSuite(host: ConformanceHost): void {
  describe('registration', () => {
    scenario(host, 'registering succeeds, and every registration has a cookie of its own', async ({ driver }) => {
      const cookies = new Set<bigint>();
      for (let i = 0; i < 8; i += 1)
        cookies.add((await driver.registerCallback({ altitude: nextAltitude() }, () => undefined)).cookie);
      assert.equal(cookies.size, 8);
      assert.ok(!cookies.has(0n));
      assert.equal([...driver.registrations].length, 8);
    });

    scenario(host, 'registering never gives a cookie twice', async ({ driver }) => {
      const altitude = nextAltitude();
      const first = await driver.registerCallback({ altitude });
      await first.unregister();
      const second = await driver.registerCallback({ altitude });
      assert.notEqual(second.cookie, first.cookie);
    });

    scenario(host, 'registering refuses equal altitudes, however they are written', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, {
        altitude: '385100',
        classes: ['RegNtPreSetValueKey'],
      });
      for (const same of ['385100', '0385100.0', '385100.000', '00385100']) {
        await assert.rejects(driver.registerCallback({ altitude: same }), {
          code: 'CMB_ALTITUDE_COLLISION',
          ntStatus: STATUS_FLT_INSTANCE_ALTITUDE_COLLISION,
        });
      }
      const tenth = await driver.registerCallback({ altitude: '385100.10' });
      await assert.rejects(driver.registerCallback({ altitude: '385100.1' }), { code: 'CMB_ALTITUDE_COLLISION' });
      await driver.registerCallback({ altitude: '385100.09' });
      await tenth.unregister();
      await driver.registerCallback({ altitude: '385100.1' });

      await key.setValue('still', { type: 'REG_SZ', data: 'here' });
      await registration.unregister();
      assert.equal(only(events, 'RegNtPreSetValueKey').valueName, 'still');
    });

    scenario(host, 'registering compares altitudes beyond the precision of any machine number', async ({ driver }) => {
      const digits = '0123456789'.repeat(20);
      await driver.registerCallback({ altitude: `385101.${digits}1` });
      await driver.registerCallback({ altitude: `385101.${digits}2` });
      await assert.rejects(driver.registerCallback({ altitude: `385101.${digits}20` }), {
        code: 'CMB_ALTITUDE_COLLISION',
      });
    });

    scenario(host, 'registering refuses malformed altitudes before the kernel is asked', async ({ driver }) => {
      const before = await driver.statistics({ scope: 'driver' });
      for (const altitude of ['', ' ', 'abc', '-1', '385100.', '.5', '1e5', '385100,5', '385 100', '1'.repeat(256)]) {
        await assert.rejects(driver.registerCallback({ altitude }), { code: 'CMB_INVALID_ALTITUDE' }, altitude);
      }
      const after = await driver.statistics({ scope: 'driver' });
      assert.equal(after.registrations, before.registrations);
    });

    scenario(host, 'a registration ends once: a second unregister() does nothing', async ({ driver }) => {
      const registration = await driver.registerCallback({ altitude: nextAltitude() });
      assert.equal(registration.active, true);
      await Promise.all([registration.unregister(), registration.unregister()]);
      await registration.unregister();
      assert.equal(registration.active, false);
      assert.equal((await driver.statistics({ scope: 'session' })).registrations, 0);
    });

    scenario(host, 'a session holds at least 64 registrations, and says when it has too many', async ({ driver }) => {
      const { maxRegistrations } = driver.limits;
      assert.ok(maxRegistrations >= 64);
      for (let i = 0; i < maxRegistrations; i += 1) await driver.registerCallback({ altitude: nextAltitude() });
      await assert.rejects(driver.registerCallback({ altitude: nextAltitude() }), {
        code: 'CMB_INSUFFICIENT_RESOURCES',
        message: /limits/,
      });
    });

    const { simulator } = host.addon;
    if (simulator) {
      scenario(
        host,
        'registering fails with STATUS_INSUFFICIENT_RESOURCES when memory is short, and leaves nothing',
        async ({ driver }) => {
          const altitude = nextAltitude();
          await requestsPended(driver, 1);
          const before = await inUse(host, driver);
          simulator.failAllocation(1);
          await assert.rejects(driver.registerCallback({ altitude }), {
            code: 'CMB_INSUFFICIENT_RESOURCES',
            ntStatus: 0xc000009a,
          });
          assert.deepEqual(await inUse(host, driver), before);
          await driver.registerCallback({ altitude });
        },
        { receives: 1 },
      );
    }
  });

  describe("the kernel's own routines", () => {
    scenario(host, 'CmUnRegisterCallback() ends what CmRegisterCallbackEx() began', async ({ driver, actor, key }) => {
      const seen: [unknown, number, Event][] = [];
      const context = { name: 'context' };
      const cookie = { QuadPart: 0n };
      const routine = (callbackContext: unknown, notifyClass: number, event: Event): number => {
        if ('processId' in event && event.processId === actor.id) seen.push([callbackContext, notifyClass, event]);
        return 0;
      };
      assert.equal(await CmRegisterCallbackEx(routine, nextAltitude(), driver, context, cookie, null), 0);
      assert.notEqual(cookie.QuadPart, 0n);
      await key.setValue('v', { type: 'REG_DWORD', data: 7 });
      assert.equal(await CmUnRegisterCallback(cookie), 0);
      assert.equal(await CmUnRegisterCallback(cookie), STATUS_INVALID_PARAMETER);
      const set = seen.find(([, notifyClass]) => notifyClass === 1);
      assert.ok(set);
      assert.equal(set[0], context);
      assert.equal(set[2].class, 'RegNtPreSetValueKey');
    });

    scenario(host, 'CmRegisterCallbackEx() and CmUnRegisterCallback() fail as documented', async ({ driver }) => {
      const altitude = nextAltitude();
      const cookie = { QuadPart: 0n };
      assert.equal(await CmRegisterCallbackEx(() => 0, altitude, driver, null, cookie, null), 0);
      const second = { QuadPart: 0n };
      assert.equal(
        await CmRegisterCallbackEx(() => 0, `0${altitude}0`, driver, null, second, null),
        STATUS_FLT_INSTANCE_ALTITUDE_COLLISION,
      );
      assert.equal(await CmRegisterCallbackEx(() => 0, nextAltitude(), null as never, null, second, null), 0xc00000f1);
      assert.equal(await CmRegisterCallbackEx(() => 0, nextAltitude(), driver, null, second, {} as never), 0xc00000f4);
      assert.equal(await CmUnRegisterCallback({ QuadPart: cookie.QuadPart + 1_000_000n }), STATUS_INVALID_PARAMETER);
      assert.equal(await CmUnRegisterCallback(cookie), 0);
    });

    scenario(host, 'CmGetCallbackVersion() gives the version that the driver tells', async ({ driver }) => {
      const major = { value: 0 };
      const minor = { value: 0 };
      CmGetCallbackVersion(major, minor);
      assert.deepEqual({ major: major.value, minor: minor.value }, driver.callbackVersion);
      assert.deepEqual(driver.callbackVersion, { major: 1, minor: 1 });
      CmGetCallbackVersion(null, null);
      return Promise.resolve();
    });

    scenario(host, "a session cannot unregister another session's cookie", async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPreSetValueKey'] });
      const channel = await host.openChannel(() => undefined);
      try {
        const { hello, unregister } = await import('./wire.js');
        assert.equal((await hello(channel)).status, 0);
        assert.equal(await unregister(channel, registration.cookie), STATUS_INVALID_PARAMETER);
      } finally {
        await channel.close();
      }
      await key.setValue('alive', { type: 'REG_SZ', data: '' });
      await registration.unregister();
      assert.equal(only(events, 'RegNtPreSetValueKey').valueName, 'alive');
    });
  });
}
