import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Event } from '../../lib/index.js';
import { collect, ofClass, only, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const KeyBasicInformation = 0;
const KeyNodeInformation = 1;
const KeyFullInformation = 2;
const KeyNameInformation = 3;
const KeyValueFullInformation = 1;
const KeyValuePartialInformation = 2;

function last<C extends Event['class']>(events: readonly Event[], name: C): Extract<Event, { class: C }> {
  const event = ofClass(events, name).at(-1);
  assert.ok(event, `no ${name}`);
  return event;
}

export function querySuite(host: ConformanceHost): void {
  describe('queries', () => {
    scenario(host, 'query key events tell class, length, and what the caller got', async ({ driver, actor, key }) => {
      const child = await key.createKey('Child', { className: 'Klasse' });
      await key.setValue('v', { type: 'REG_SZ', data: 'x' });
      const { registration, events } = await collect(driver, actor);
      const name = await child.raw.queryKey(KeyNameInformation, 1024);
      const node = await child.raw.queryKey(KeyNodeInformation, 1024);
      const full = await key.raw.queryKey(KeyFullInformation, 512);
      const cut = await child.raw.queryKey(KeyNodeInformation, 28);
      const small = await child.raw.queryKey(KeyFullInformation, 4);
      await registration.unregister();
      await child.delete();
      assert.deepEqual([name.status, node.status, full.status], [0, 0, 0]);

      for (const event of ofClass(events, 'RegNtPreQueryKey')) {
        assert.deepEqual([event.resultLength, event.information, event.bytes], [null, null, null]);
      }
      const [named, noded, filled, short, none] = ofClass(events, 'RegNtPostQueryKey');
      assert.deepEqual([named?.informationClass, named?.informationClassNumber], ['KeyNameInformation', 3]);
      assert.ok(named?.information?.class === 'KeyNameInformation');
      sameKey(named.information.name, child.path);
      assert.ok(noded?.information?.class === 'KeyNodeInformation');
      assert.deepEqual([noded.information.name, noded.information.className], ['Child', 'Klasse']);
      assert.deepEqual([noded.length, noded.resultLength], [1024, node.length]);
      assert.deepEqual(noded.bytes, new Uint8Array(node.data));
      assert.ok(filled?.information?.class === 'KeyFullInformation');
      assert.deepEqual([filled.information.subKeys, filled.information.values], [1, 1]);
      assert.deepEqual([short?.status, short?.length, short?.resultLength], [cut.status, 28, cut.length]);
      assert.equal(short?.statusName, 'STATUS_BUFFER_OVERFLOW');
      assert.equal(short.bytes?.length, 28);
      assert.ok(short.information?.truncated);
      assert.equal(none?.statusName, 'STATUS_BUFFER_TOO_SMALL');
      assert.deepEqual([none.status, none.bytes, none.information], [small.status, null, null]);
    });

    scenario(host, 'query value events tell values that are whole, cut or missing', async ({ driver, actor, key }) => {
      await key.setValue('v', { type: 'REG_MULTI_SZ', data: ['eins', 'zwei'] });
      const { registration, events } = await collect(driver, actor);
      await key.raw.queryValue('v', KeyValuePartialInformation, 1024);
      await key.raw.queryValue('v', KeyValueFullInformation, 1024);
      const cut = await key.raw.queryValue('v', KeyValuePartialInformation, 16);
      await key.raw.queryValue('missing', KeyValuePartialInformation, 16);
      await registration.unregister();
      assert.equal(cut.status, 0x80000005);
      const [partial, full, overflow, missing] = ofClass(events, 'RegNtPostQueryValueKey');
      assert.ok(partial?.information?.class === 'KeyValuePartialInformation');
      assert.deepEqual(partial.information.value?.data, ['eins', 'zwei']);
      assert.equal(partial.valueName, 'v');
      assert.ok(full?.information?.class === 'KeyValueFullInformation');
      assert.deepEqual([full.information.name, full.information.value?.data], ['v', ['eins', 'zwei']]);
      assert.deepEqual([overflow?.statusName, overflow?.bytes?.length], ['STATUS_BUFFER_OVERFLOW', 16]);
      assert.equal(overflow?.resultLength, cut.length);
      assert.deepEqual(
        [missing?.statusName, missing?.information, missing?.valueName],
        ['STATUS_OBJECT_NAME_NOT_FOUND', null, 'missing'],
      );
    });

    scenario(host, 'enumeration events come index by index to the end', async ({ driver, actor, key }) => {
      const made = [await key.createKey('B'), await key.createKey('A')];
      await key.setValue('x', { type: 'REG_DWORD', data: 7 });
      const { registration, events } = await collect(driver, actor);
      const names = await key.enumerateKeys();
      const values = await key.enumerateValues();
      await key.raw.enumerateKey(0, KeyBasicInformation, 1024);
      await registration.unregister();
      for (const child of made) await child.delete();

      const keys = ofClass(events, 'RegNtPostEnumerateKey');
      assert.deepEqual(
        keys.slice(0, 3).map((event) => event.index),
        [0, 1, 2],
      );
      assert.deepEqual(
        keys.slice(0, 2).map(({ information }) => information?.class === 'KeyBasicInformation' && information.name),
        names,
      );
      assert.equal(keys[2]?.statusName, 'STATUS_NO_MORE_ENTRIES');
      const enumerated = ofClass(events, 'RegNtPostEnumerateValueKey');
      assert.equal(values.length, 1);
      const [first] = enumerated;
      assert.ok(first?.information?.class === 'KeyValueFullInformation');
      assert.deepEqual([first.index, first.information.name, first.information.value?.data], [0, 'x', 7]);
      assert.equal(enumerated.at(-1)?.statusName, 'STATUS_NO_MORE_ENTRIES');
    });

    scenario(host, 'query multiple value events tell each value after a success', async ({ driver, actor, key }) => {
      await key.setValue('a', { type: 'REG_SZ', data: 'erster' });
      await key.setValue('b', { type: 'REG_DWORD', data: 42 });
      const { registration, events } = await collect(driver, actor);
      await key.raw.queryMultipleValues(['a', 'b'], 512);
      await key.raw.queryMultipleValues(['a', 'missing'], 512);
      await key.raw.queryMultipleValues(['a', 'b'], 4);
      await registration.unregister();
      const [pre] = ofClass(events, 'RegNtPreQueryMultipleValueKey');
      assert.deepEqual(
        [pre?.entryCount, pre?.bufferLength, pre?.requiredLength, pre?.entries],
        [
          2,
          512,
          null,
          [
            { valueName: 'a', value: null },
            { valueName: 'b', value: null },
          ],
        ],
      );
      const [post, missing, small] = ofClass(events, 'RegNtPostQueryMultipleValueKey');
      assert.deepEqual(
        post?.entries.map(({ valueName, value }) => [valueName, value?.type, value?.data]),
        [
          ['a', 'REG_SZ', 'erster'],
          ['b', 'REG_DWORD', 42],
        ],
      );
      assert.ok(post.bufferLength >= 18 && post.bufferLength < 64);
      assert.ok((missing?.status ?? 0) >= 0xc0000000);
      assert.ok(missing?.entries.every(({ value }) => value === null));
      assert.equal(small?.statusName, 'STATUS_BUFFER_OVERFLOW');
    });

    scenario(host, 'query key name events tell the name of a key handle', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      const name = await key.queryName();
      await registration.unregister();
      const pre = only(events, 'RegNtPreQueryKeyName');
      assert.deepEqual([pre.name, pre.returnLength], [null, null]);
      const post = last(events, 'RegNtPostQueryKeyName');
      assert.equal(post.name, name);
      sameKey(post.name, key.path);
      assert.ok(post.returnLength !== null && post.returnLength <= post.length);
    });

    scenario(host, 'the answer of a query is cut at the limit of the registration', async ({ driver, actor, key }) => {
      await key.setValue('v', { type: 'REG_BINARY', data: new Uint8Array(3000).fill(5) });
      const { registration, events } = await collect(driver, actor, { maxDataBytes: 20 });
      await key.queryValue('v');
      await registration.unregister();
      const post = last(events, 'RegNtPostQueryValueKey');
      assert.deepEqual([post.bytes?.length, post.truncated, post.resultLength], [20, true, 3012]);
      assert.ok(post.information?.class === 'KeyValuePartialInformation');
      assert.deepEqual([post.information.value?.size, post.information.value?.bytes.length], [3000, 8]);
    });

    if (host.abilities.has('hostile memory')) {
      scenario(host, 'buffers that vanish or change during a query do no harm', async ({ driver, actor, key }) => {
        await key.setValue('v', { type: 'REG_SZ', data: 'x'.repeat(100) });
        const child = await key.createKey('Child');
        const queries = [
          (options: object) => key.raw.queryKey(KeyFullInformation, 512, options),
          (options: object) => key.raw.queryValue('v', KeyValuePartialInformation, 512, options),
          (options: object) => key.raw.enumerateKey(0, KeyBasicInformation, 512, options),
          (options: object) => key.raw.enumerateValue(0, KeyValueFullInformation, 512, options),
          (options: object) => key.raw.queryMultipleValues(['v'], 512, options),
          (options: object) => key.raw.queryName(512, options),
          (options: object) => key.raw.querySecurity(7, 512, options),
        ];
        const { registration, events } = await collect(driver, actor);
        let calls = 0;
        for (const query of queries) {
          for (const hostile of ['vanish', 'change'] as const) {
            const { touches } = await query({ hostile, after: 0xffff });
            for (let after = 0; after < (touches ?? 0); after += 1) {
              await query({ hostile, after });
              calls += 1;
            }
          }
        }
        await key.setValue('after', { type: 'REG_DWORD', data: 1 });
        await registration.unregister();
        await child.delete();
        assert.ok(calls > 20, `only ${String(calls)} hostile calls`);
        assert.ok(
          events.some((event) => 'fault' in event && event.fault),
          'no event tells of a fault',
        );
        assert.equal(only(events, 'RegNtPostSetValueKey').status, 0);
      });
    }
  });
}
