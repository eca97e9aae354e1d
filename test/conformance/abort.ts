import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextAltitude, scenario, until } from './fixture.js';
import type { ConformanceHost } from './host.js';

const ABORTED = { name: 'AbortError', code: 'CMB_ABORTED' };

export function abortSuite(host: ConformanceHost): void {
  describe('abort signals', () => {
    it('openDriver() that is aborted rejects with AbortError and the reason as its cause', async () => {
      await assert.rejects(host.openDriver({ signal: AbortSignal.abort() }), ABORTED);
      const controller = new AbortController();
      const opening = host.openDriver({ signal: controller.signal });
      controller.abort(new Error('changed my mind'));
      await assert.rejects(opening, (error: Error) => {
        assert.equal(error.name, 'AbortError');
        assert.equal((error.cause as Error).message, 'changed my mind');
        return true;
      });
    });

    scenario(host, 'registerCallback() that is aborted leaves nothing registered', async ({ driver }) => {
      const altitude = nextAltitude();
      await assert.rejects(driver.registerCallback({ altitude, signal: AbortSignal.abort() }), ABORTED);
      const controller = new AbortController();
      const registering = driver.registerCallback({ altitude, signal: controller.signal });
      controller.abort();
      await assert.rejects(registering, ABORTED);
      await until(async () => (await driver.statistics({ scope: 'session' })).registrations === 0);
      assert.equal((await driver.statistics({ scope: 'session' })).registrations, 0);
      await driver.registerCallback({ altitude });
    });

    scenario(host, 'a signal that is aborted later unregisters the registration', async ({ driver }) => {
      const controller = new AbortController();
      const registration = await driver.registerCallback({ altitude: nextAltitude(), signal: controller.signal });
      const reading = (async () => {
        for await (const event of registration.events()) assert.ok(event);
      })();
      controller.abort();
      await reading;
      await registration.unregister();
      assert.equal(registration.active, false);
      assert.equal((await driver.statistics({ scope: 'session' })).registrations, 0);
    });

    scenario(host, 'an iterator ends with AbortError, and its registration goes on', async ({ driver, key }) => {
      const registration = await driver.registerCallback({
        altitude: nextAltitude(),
        classes: ['RegNtPostSetValueKey'],
      });
      const controller = new AbortController();
      const next = registration.events({ signal: controller.signal }).next();
      controller.abort();
      await assert.rejects(next, ABORTED);
      const alive = registration.events().next();
      await key.setValue('v', { type: 'REG_SZ', data: '' });
      assert.equal((await alive).done, false);
    });

    scenario(host, 'statistics(), unregister() and close() reject when they are aborted', async ({ driver }) => {
      const registration = await driver.registerCallback({ altitude: nextAltitude() });
      await assert.rejects(driver.statistics({ signal: AbortSignal.abort() }), ABORTED);
      await assert.rejects(registration.unregister({ signal: AbortSignal.abort() }), ABORTED);
      await assert.rejects(driver.close({ signal: AbortSignal.abort() }), ABORTED);
    });
  });
}
