import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Event } from '../../lib/index.js';
import { collect, nextAltitude, ofClass, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

export function orderSuite(host: ConformanceHost): void {
  describe('order', () => {
    scenario(host, 'pre events go from high to low altitude, post events from low to high', async ({ driver, key }) => {
      const calls: { name: string; event: Event }[] = [];
      const register = (name: string, altitude: string) =>
        driver.registerCallback(
          { altitude, classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
          (event) => void calls.push({ name, event }),
        );
      // As text, '99999' would come first and '385210.9' before '385210.10'.
      const registrations = [
        await register('low', '99999'),
        await register('high', '385210.9'),
        await register('middle', '385210.10'),
      ];
      await key.setValue('v', { type: 'REG_SZ', data: '' });
      for (const registration of registrations) await registration.unregister();
      calls.sort((a, b) => Number(a.event.sequence - b.event.sequence));
      assert.deepEqual(
        calls.map(({ name, event }) => `${name} ${event.class}`),
        [
          'high RegNtPreSetValueKey',
          'middle RegNtPreSetValueKey',
          'low RegNtPreSetValueKey',
          'low RegNtPostSetValueKey',
          'middle RegNtPostSetValueKey',
          'high RegNtPostSetValueKey',
        ],
      );
    });

    scenario(
      host,
      'one callback sees the events of a thread in the order they happened',
      async ({ driver, actor, key }) => {
        const { registration, events } = await collect(driver, actor, { classes: ['RegNtPreSetValueKey'] });
        for (let i = 0; i < 100; i += 1) await key.setValue(`v${String(i)}`, { type: 'REG_DWORD', data: i });
        await registration.unregister();
        assert.deepEqual(
          ofClass(events, 'RegNtPreSetValueKey').map((event) => event.value.data),
          Array.from({ length: 100 }, (_, i) => i),
        );
        for (const [index, event] of events.entries()) assert.ok(event.sequence > (events[index - 1]?.sequence ?? 0n));
      },
    );

    scenario(host, 'a callback may use the registry itself', async ({ driver, actor, key }) => {
      const helper = await host.createActor(driver);
      const helperKey = await helper.createKeyPath(`${key.path}\\Helper`);
      const seen: string[] = [];
      const registration = await driver.registerCallback(
        { altitude: nextAltitude(), classes: ['RegNtPostSetValueKey'] },
        async (event) => {
          if (event.class !== 'RegNtPostSetValueKey') return;
          const who = event.processId === actor.id ? 'actor' : 'helper';
          seen.push(`${who} ${event.valueName ?? ''}`);
          if (who === 'actor')
            await helperKey.setValue(`copy of ${event.valueName ?? ''}`, { type: 'REG_SZ', data: '' });
        },
      );
      for (const name of ['a', 'b', 'c']) await key.setValue(name, { type: 'REG_SZ', data: '' });
      // The copies are made while the first events are delivered, so they may come later than unregister starts.
      while (seen.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
      await registration.unregister();
      assert.deepEqual(
        seen.filter((entry) => entry.startsWith('actor')),
        ['actor a', 'actor b', 'actor c'],
      );
      assert.deepEqual(
        seen.filter((entry) => entry.startsWith('helper')),
        ['helper copy of a', 'helper copy of b', 'helper copy of c'],
      );
      await helperKey.delete();
      await helperKey.close();
      await helper.exit();
    });
  });
}
