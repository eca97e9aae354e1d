import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, ofClass, only, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const STATUS_OBJECT_NAME_NOT_FOUND = 0xc0000034;
const HUNDRED_YEARS_NS = 100n * 365n * 86_400n * 1_000_000_000n;

// Every class that a current Windows delivers.
const DELIVERED = [...Array(10).keys(), ...Array.from({ length: 37 }, (_, i) => i + 14)];

export function eventSuite(host: ConformanceHost): void {
  describe('events', () => {
    scenario(host, 'set value events have the same fields in pre and post', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      await key.setValue('Überwachung', { type: 'REG_SZ', data: 'C:\\Programme\\日本' });
      await registration.unregister();
      const pre = only(events, 'RegNtPreSetValueKey');
      const post = only(events, 'RegNtPostSetValueKey');
      for (const event of [pre, post]) {
        assert.equal(event.operation, 'SetValueKey');
        assert.equal(event.valueName, 'Überwachung');
        assert.equal(event.value.type, 'REG_SZ');
        assert.equal(event.value.data, 'C:\\Programme\\日本');
        assert.equal(event.value.size, 32);
        assert.equal(event.value.truncated, false);
        assert.equal(event.keyPath?.toUpperCase(), key.path.toUpperCase());
        assert.equal(event.key?.toUpperCase(), key.path.toUpperCase().replace('\\REGISTRY\\MACHINE', 'HKLM'));
        assert.equal(event.processId, actor.id);
        assert.ok(event.threadId > 0);
        assert.equal(event.previousMode, 'user');
        assert.ok(event.time > 0n && event.time < HUNDRED_YEARS_NS);
      }
      assert.deepEqual([pre.phase, pre.status, pre.preSequence], ['pre', null, null]);
      assert.deepEqual([post.phase, post.status, post.statusName], ['post', 0, 'STATUS_SUCCESS']);
      assert.equal(post.preSequence, pre.sequence);
      assert.ok(post.sequence > pre.sequence);
    });

    scenario(host, 'create and open events carry the request, and post the result', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, {
        classes: ['RegNtPreCreateKeyEx', 'RegNtPostCreateKeyEx', 'RegNtPreOpenKeyEx', 'RegNtPostOpenKeyEx'],
      });
      const child = await key.createKey('Child');
      const again = await actor.openKey(`${key.path}\\CHILD`);
      await again.close();
      await assert.rejects(actor.openKey(`${key.path}\\Missing`), { ntStatus: STATUS_OBJECT_NAME_NOT_FOUND });
      await child.delete();
      await child.close();
      await registration.unregister();

      const preCreate = only(events, 'RegNtPreCreateKeyEx');
      const postCreate = only(events, 'RegNtPostCreateKeyEx');
      assert.equal(preCreate.requestedName, 'Child');
      assert.equal(preCreate.keyPath?.toUpperCase(), `${key.path}\\Child`.toUpperCase());
      assert.equal(preCreate.keyPathResolved, false);
      assert.deepEqual([preCreate.disposition, preCreate.grantedAccess], [null, null]);
      assert.ok(preCreate.desiredAccess.value !== 0);
      assert.equal(postCreate.disposition, 'created');
      assert.ok((postCreate.grantedAccess?.value ?? 0) !== 0);
      assert.equal(postCreate.keyPathResolved, true);

      const [opened, missing] = ofClass(events, 'RegNtPostOpenKeyEx');
      assert.ok(opened && missing);
      assert.equal(opened.status, 0);
      assert.equal(opened.requestedName?.toUpperCase(), `${key.path}\\CHILD`.toUpperCase());
      assert.ok(opened.keyPath?.endsWith('\\Child'), 'the name as it is stored, not as it was asked for');
      assert.equal(missing.statusName, 'STATUS_OBJECT_NAME_NOT_FOUND');
      assert.ok(missing.keyPath?.endsWith('\\Missing'));
      assert.equal(missing.grantedAccess, null);
    });

    scenario(
      host,
      'delete value, rename and delete key events have the path also when the key is gone',
      async ({ driver, actor, key }) => {
        const { registration, events } = await collect(driver, actor);
        const child = await key.createKey('Old');
        await child.setValue('v', { type: 'REG_BINARY', data: new Uint8Array([1, 2, 3]) });
        await child.deleteValue('v');
        await assert.rejects(child.deleteValue('v'), { ntStatus: STATUS_OBJECT_NAME_NOT_FOUND });
        await child.rename('New');
        await child.delete();
        await child.close();
        await registration.unregister();

        assert.deepEqual(
          ofClass(events, 'RegNtPostDeleteValueKey').map((event) => [event.valueName, event.statusName]),
          [
            ['v', 'STATUS_SUCCESS'],
            ['v', 'STATUS_OBJECT_NAME_NOT_FOUND'],
          ],
        );
        const rename = only(events, 'RegNtPreRenameKey');
        assert.equal(rename.newName, 'New');
        assert.ok(rename.keyPath?.endsWith('\\Old'));
        const deleted = only(events, 'RegNtPostDeleteKey');
        assert.ok(deleted.keyPath?.endsWith('\\New'));
        assert.equal(deleted.status, 0);
        assert.ok(ofClass(events, 'RegNtPostKeyHandleClose').some((event) => event.processId === actor.id));
      },
    );

    scenario(host, 'set value events have every type, and data up to the limit', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, {
        classes: ['RegNtPreSetValueKey'],
        maxDataBytes: 64,
      });
      await key.setValue('', { type: 'REG_DWORD', data: 0xfedcba98 });
      await key.setValue('q', { type: 'REG_QWORD', data: 0xfedcba9876543210n });
      await key.setValue('m', { type: 'REG_MULTI_SZ', data: ['a', 'bc'] });
      await key.setValue('x', { type: 'REG_EXPAND_SZ', data: '%PATH%' });
      await key.setValue('empty', { type: 'REG_NONE', data: new Uint8Array() });
      await key.setValue('long', { type: 'REG_BINARY', data: new Uint8Array(1000).fill(7) });
      await registration.unregister();
      const values = ofClass(events, 'RegNtPreSetValueKey').map(({ valueName, value }) => [
        valueName,
        value.type,
        value.data,
      ]);
      assert.deepEqual(values.slice(0, 4), [
        ['', 'REG_DWORD', 0xfedcba98],
        ['q', 'REG_QWORD', 0xfedcba9876543210n],
        ['m', 'REG_MULTI_SZ', ['a', 'bc']],
        ['x', 'REG_EXPAND_SZ', '%PATH%'],
      ]);
      const [empty, long] = ofClass(events, 'RegNtPreSetValueKey').slice(4);
      assert.deepEqual([empty?.value.size, empty?.value.bytes.length, empty?.value.truncated], [0, 0, false]);
      assert.deepEqual([long?.value.size, long?.value.bytes.length, long?.value.truncated], [1000, 64, true]);
    });

    scenario(
      host,
      'names with embedded NULs and unpaired surrogates arrive as they are',
      async ({ driver, actor, key }) => {
        const { registration, events } = await collect(driver, actor, { classes: ['RegNtPreSetValueKey'] });
        const names = ['a\0b', '\ud800x', 'x\udc00', '\u{1f600}'];
        for (const name of names) await key.setValue(name, { type: 'REG_DWORD', data: 1 });
        await registration.unregister();
        assert.deepEqual(
          ofClass(events, 'RegNtPreSetValueKey').map((event) => event.valueName),
          names,
        );
      },
    );

    scenario(host, 'a registration gets only the classes and phases it asked for', async ({ driver, actor, key }) => {
      const classes = await collect(driver, actor, { classes: ['RegNtPostSetValueKey', 'RegNtPreDeleteValueKey'] });
      const posts = await collect(driver, actor, { phases: ['post'] });
      await key.setValue('v', { type: 'REG_SZ', data: '' });
      await key.deleteValue('v');
      await classes.registration.unregister();
      await posts.registration.unregister();
      assert.deepEqual(
        classes.events.map((event) => event.class),
        ['RegNtPostSetValueKey', 'RegNtPreDeleteValueKey'],
      );
      assert.ok(posts.events.length >= 2);
      assert.ok(posts.events.every((event) => 'phase' in event && event.phase !== 'pre'));
      const post = only(posts.events, 'RegNtPostSetValueKey');
      assert.deepEqual(
        [post.valueName, post.preSequence, post.keyPath?.toUpperCase()],
        ['v', null, key.path.toUpperCase()],
      );
    });

    scenario(host, 'sequence numbers ascend by one, over all registrations of a session', async ({ driver, key }) => {
      const sequences: bigint[] = [];
      const take = (event: { sequence: bigint }): void => void sequences.push(event.sequence);
      const high = await driver.registerCallback({ altitude: '389999.1' }, take);
      const low = await driver.registerCallback({ altitude: '389999.05' }, take);
      for (let i = 0; i < 50; i += 1) await key.setValue(`v${String(i)}`, { type: 'REG_DWORD', data: i });
      await low.unregister();
      await high.unregister();
      assert.ok(sequences.length >= 200);
      assert.deepEqual(
        sequences,
        sequences.map((_, index) => BigInt(index + 1)),
      );
    });

    if (host.abilities.has('injection')) {
      scenario(
        host,
        'every notification class arrives under its name, unknown ones as unknown',
        async ({ driver, key }) => {
          const seen = new Set<number>();
          const registration = await driver.registerCallback({ altitude: '389998' }, (event) => {
            if ('notifyClass' in event) seen.add(event.notifyClass);
          });
          for (const notifyClass of DELIVERED) await key.injectNotification(notifyClass);
          await registration.unregister();
          assert.deepEqual(
            [...seen].sort((a, b) => a - b),
            DELIVERED,
          );
        },
      );
    }
  });
}
