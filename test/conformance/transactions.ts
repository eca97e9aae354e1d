import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, ofClass, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const GUID = /^\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}$/i;

export function transactionSuite(host: ConformanceHost): void {
  if (!host.abilities.has('transactions')) return;
  describe('transactions', () => {
    scenario(host, 'the events of what is done in a transaction carry its id', async ({ driver, actor, key }) => {
      const transaction = await actor.createTransaction();
      const { registration, events } = await collect(driver, actor);
      const plain = await key.createKey('Plain');
      const inside = await actor.createKey(`${key.path}\\Inside`, { transaction });
      await inside.setValue('v', { type: 'REG_DWORD', data: 1 });
      const below = await inside.createKey('Below');
      await below.setValue('v', { type: 'REG_DWORD', data: 1 });
      await plain.setValue('v', { type: 'REG_DWORD', data: 1 });
      await below.close();
      await inside.close();
      await transaction.commit();
      await transaction.close();
      await registration.unregister();
      await plain.delete();

      const tell = (event: { transaction: { id: string | null } | null }): boolean => event.transaction !== null;
      assert.deepEqual(ofClass(events, 'RegNtPreCreateKeyEx').map(tell), [false, true, true]);
      assert.deepEqual(ofClass(events, 'RegNtPostCreateKeyEx').map(tell), [false, true, true]);
      assert.deepEqual(ofClass(events, 'RegNtPostSetValueKey').map(tell), [true, true, false]);
      assert.deepEqual(ofClass(events, 'RegNtPostKeyHandleClose').map(tell), [true, true]);
      const ids = new Set(
        events.flatMap((event) => ('transaction' in event && event.transaction ? [event.transaction.id] : [])),
      );
      assert.equal(ids.size, 1);
      assert.match([...ids][0] ?? '', GUID);
    });

    scenario(host, 'a rollback undoes what was reported, and is no event', async ({ driver, actor, key }) => {
      const transaction = await actor.createTransaction();
      const { registration, events } = await collect(driver, actor);
      const inside = await actor.createKey(`${key.path}\\Gone`, { transaction });
      await inside.close();
      const { callbacks } = await registration.statistics();
      await transaction.rollback();
      await transaction.close();
      assert.equal((await registration.statistics()).callbacks, callbacks);
      await registration.unregister();
      assert.equal(ofClass(events, 'RegNtPostCreateKeyEx')[0]?.disposition, 'created');
      await assert.rejects(key.openKey('Gone'), { ntStatus: 0xc0000034 });
    });
  });
}
