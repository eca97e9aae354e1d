import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, ofClass, only, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const STATUS_OBJECT_NAME_NOT_FOUND = 0xc0000034;

export function valueSuite(host: ConformanceHost): void {
  describe('values', () => {
    scenario(host, 'set and delete value events tell what was there before', async ({ driver, actor, key }) => {
      await key.setValue('v', { type: 'REG_SZ', data: 'one' });
      const { registration, events } = await collect(driver, actor, { oldValues: true });
      await key.setValue('v', { type: 'REG_SZ', data: 'two' });
      await key.setValue('v', { type: 'REG_SZ', data: 'two' });
      await key.setValue('v', { type: 'REG_EXPAND_SZ', data: 'two' });
      await key.setValue('fresh', { type: 'REG_DWORD', data: 5 });
      await key.deleteValue('fresh');
      await assert.rejects(key.deleteValue('fresh'), { ntStatus: STATUS_OBJECT_NAME_NOT_FOUND });
      await registration.unregister();
      for (const name of ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] as const) {
        assert.deepEqual(
          ofClass(events, name).map(({ previous, changed }) => [
            previous?.exists,
            previous?.value?.type ?? null,
            previous?.value?.data ?? null,
            changed,
          ]),
          [
            [true, 'REG_SZ', 'one', true],
            [true, 'REG_SZ', 'two', false],
            [true, 'REG_SZ', 'two', true],
            [false, null, null, true],
          ],
        );
      }
      for (const name of ['RegNtPreDeleteValueKey', 'RegNtPostDeleteValueKey'] as const) {
        assert.deepEqual(
          ofClass(events, name).map(({ previous }) => [previous?.exists, previous?.value?.data, previous?.statusName]),
          [
            [true, 5, 'STATUS_SUCCESS'],
            [false, undefined, 'STATUS_OBJECT_NAME_NOT_FOUND'],
          ],
        );
      }
      assert.equal(ofClass(events, 'RegNtPreQueryValueKey').length, 0, 'the registration sees its own reads');
    });

    scenario(host, 'only registrations of lower altitude see the old value being read', async (fixture) => {
      const { driver, actor, key } = fixture;
      await key.setValue('v', { type: 'REG_SZ', data: 'one' });
      const classes = ['RegNtPreQueryValueKey', 'RegNtPreSetValueKey'] as const;
      const high = await collect(driver, actor, { altitude: '389990.1', classes });
      const reader = await collect(driver, actor, { altitude: '389980.1', classes, oldValues: true });
      const low = await collect(driver, actor, { altitude: '389970.1', classes });
      await key.setValue('v', { type: 'REG_SZ', data: 'two' });
      for (const { registration } of [low, reader, high]) await registration.unregister();
      const counts = [high, reader, low].map(({ events }) => ofClass(events, 'RegNtPreQueryValueKey').length);
      assert.deepEqual(counts.slice(0, 2), [0, 0]);
      assert.ok((counts[2] ?? 0) >= 1);
      for (const event of ofClass(low.events, 'RegNtPreQueryValueKey')) assert.equal(event.previousMode, 'kernel');
    });

    scenario(host, 'an old value beyond the limit is cut, its length known', async ({ driver, actor, key }) => {
      const [first, second] = [new Uint8Array(5000).fill(1), new Uint8Array(5000).fill(1)];
      second[4999] = 2;
      await key.setValue('v', { type: 'REG_BINARY', data: first });
      const cut = await collect(driver, actor, { oldValues: true, maxDataBytes: 100 });
      const nothing = await collect(driver, actor, { oldValues: true, maxDataBytes: 0 });
      const whole = await collect(driver, actor, { oldValues: true, maxDataBytes: 65_536 });
      await key.setValue('v', { type: 'REG_BINARY', data: second });
      await key.setValue('v', { type: 'REG_BINARY', data: second.subarray(1) });
      for (const { registration } of [cut, nothing, whole]) await registration.unregister();
      const [same, shorter] = ofClass(cut.events, 'RegNtPostSetValueKey');
      assert.deepEqual(
        [same?.previous?.value?.size, same?.previous?.value?.bytes.length, same?.previous?.value?.truncated],
        [5000, 100, true],
      );
      assert.deepEqual([same?.changed, shorter?.changed], [null, true], 'what is beyond the limit cannot be known');
      const [unread] = ofClass(nothing.events, 'RegNtPostSetValueKey');
      assert.deepEqual(
        [unread?.previous?.value?.size, unread?.previous?.value?.bytes.length, unread?.value.bytes.length],
        [5000, 0, 0],
      );
      assert.deepEqual(
        ofClass(whole.events, 'RegNtPostSetValueKey').map((event) => event.changed),
        [true, true],
      );
    });

    scenario(host, 'set value events carry up to 64 KiB, and the length of more', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, {
        classes: ['RegNtPreSetValueKey'],
        maxDataBytes: 65_536,
      });
      const data = new Uint8Array(65_537).map((_, index) => index % 251);
      await key.setValue('fits', { type: 'REG_BINARY', data: data.subarray(1) });
      await key.setValue('more', { type: 'REG_BINARY', data });
      await registration.unregister();
      const [fits, more] = ofClass(events, 'RegNtPreSetValueKey');
      assert.deepEqual([fits?.value.truncated, more?.value.truncated], [false, true]);
      assert.deepEqual(fits?.value.bytes, data.slice(1));
      assert.deepEqual([more?.value.size, more?.value.bytes.length], [65_537, 65_536]);
    });

    scenario(host, 'data that is no value of its type is kept as bytes and marked', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPreSetValueKey'] });
      const raw = async (type: number, ...bytes: number[]): Promise<void> => {
        const name = `REG_TYPE_0x${type.toString(16).padStart(8, '0')}`;
        await key.setValue('v', { type: name, data: new Uint8Array(bytes) });
      };
      await raw(4, 1, 2, 3);
      await raw(1, 0x41, 0, 0x42);
      await raw(1, 0x41, 0, 0x42, 0);
      await raw(11, 1, 2, 3, 4);
      await raw(0xffff_0000, 9);
      await raw(8, 1, 2);
      await registration.unregister();
      const values = ofClass(events, 'RegNtPreSetValueKey').map((event) => event.value);
      assert.deepEqual(
        values.map((value) => [value.type, value.malformed, value.flaws]),
        [
          ['REG_DWORD', true, ['wrong-length']],
          ['REG_SZ', true, ['odd-length']],
          ['REG_SZ', false, ['unterminated']],
          ['REG_QWORD', true, ['wrong-length']],
          ['REG_TYPE_0xFFFF0000', false, []],
          ['REG_RESOURCE_LIST', false, []],
        ],
      );
      assert.deepEqual(values[0]?.data, new Uint8Array([1, 2, 3]));
      assert.equal(values[2]?.data, 'AB');
    });

    scenario(host, 'events carry the longest names that Windows allows', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      const valueName = 'v'.repeat(16_383);
      const keyName = 'k'.repeat(255);
      await key.setValue(valueName, { type: 'REG_DWORD', data: 1 });
      const child = await key.createKey(keyName);
      await child.delete();
      await child.close();
      await registration.unregister();
      const set = only(events, 'RegNtPreSetValueKey');
      assert.deepEqual([set.valueName, set.truncated], [valueName, false]);
      assert.ok(only(events, 'RegNtPostCreateKeyEx').keyPath?.endsWith(`\\${keyName}`));
    });

    scenario(host, 'a path beyond 32 K characters is cut and marked, its length told', async (fixture) => {
      const { driver, actor, key } = fixture;
      const keys = [key];
      const name = 'n'.repeat(255);
      let depth = key;
      for (let i = 0; i < 100; i += 1) {
        depth = await depth.createKey(name);
        keys.push(depth);
      }
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPostOpenKeyEx'] });
      const rest = Array.from({ length: 60 }, () => name).join('\\');
      await assert.rejects(depth.openKey(rest));
      await registration.unregister();
      for (const made of keys.slice(1).reverse()) {
        await made.delete();
        await made.close();
      }
      const missed = only(events, 'RegNtPostOpenKeyEx');
      assert.equal(missed.requestedName, rest);
      assert.equal(missed.truncated, true);
      assert.equal(missed.keyPathLength, depth.path.length + 1 + rest.length);
      assert.equal(missed.keyPath?.length, 32_767);
      assert.ok(`${depth.path}\\${rest}`.toUpperCase().startsWith(missed.keyPath.toUpperCase()));
    });
  });
}
