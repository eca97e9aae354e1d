// How operations have got past other policies: a decision kept for the key without the name of the value, long paths, operations
// that take a key with them, a breaker that stays open, and the second name of a control set.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { allow, block, type Rule } from '../../lib/index.js';
import { mountPoint } from './deed.js';
import {
  LONG,
  Policy,
  SHORT,
  STATUS_ACCESS_DENIED,
  STATUS_CANCELLED,
  STATUS_SUCCESS,
  statusOf,
  text,
} from './decision-fixture.js';
import { never, set } from './decision-asking.js';
import { nextAltitude, scenario, until, type Fixture } from './fixture.js';
import type { ActorKey, ConformanceHost } from './host.js';

const FORCE_RESTORE = 8;
const blocking = { action: 'block', status: 'STATUS_CANCELLED' } as const;

export function slipSuite(host: ConformanceHost): void {
  describe('slips', () => {
    scenario(host, 'a second value of the same key is asked about by itself', async (fixture) => {
      const { driver, actor, key } = fixture;
      const rules: Rule[] = [{ keys: key.path, operations: 'SetValueKey', action: 'ask', deadline: LONG }];
      const policy = await Policy.set(driver, actor, { rules }, (event) =>
        event.class === 'RegNtPreSetValueKey' && event.valueName === 'bad' ? block('STATUS_CANCELLED') : allow(),
      );
      for (let turn = 0; turn < 5; turn += 1) {
        assert.equal(await set(key, 'good'), STATUS_SUCCESS);
        assert.equal(await set(key, 'bad'), STATUS_CANCELLED);
        assert.equal(await set(key, ''), STATUS_SUCCESS);
        const again = await actor.openKey(key.path);
        assert.equal(await set(again, 'bad'), STATUS_CANCELLED);
        await again.close();
      }
      await policy.end();
      assert.equal(policy.questions.length, 20);
      assert.equal(await statusOf(key.queryValue('bad')), 0xc000_0034);
    });

    scenario(host, 'the same value with other data is asked about by itself', async ({ driver, actor, key }) => {
      const rules: Rule[] = [{ keys: key.path, operations: 'SetValueKey', action: 'ask', deadline: LONG }];
      const policy = await Policy.set(driver, actor, { rules }, (event) =>
        event.class === 'RegNtPreSetValueKey' && event.value.data === 'bad' ? block('STATUS_CANCELLED') : allow(),
      );
      for (const data of ['good', 'bad', 'good', 'bad'])
        assert.equal(await statusOf(key.setValue('v', text(data))), data === 'bad' ? STATUS_CANCELLED : STATUS_SUCCESS);
      await policy.end();
      assert.equal((await key.queryValue('v')).data, 'good');
    });

    for (const [action, decide] of [
      ['block', undefined],
      ['ask', () => block('STATUS_CANCELLED')],
    ] as const) {
      scenario(host, `a rule to ${action} holds for the longest paths there are`, async ({ driver, actor, key }) => {
        const keys = await descend(key);
        assert.ok((keys.at(-1)?.path.length ?? 0) > 30_000, 'the keys reach far down');
        const more = action === 'ask' ? { action, deadline: LONG } : blocking;
        const operations = ['SetValueKey', 'DeleteKey', 'RenameKey'] as const;
        const rules: Rule[] = [{ ...more, keys: `${key.path}\\**`, operations }];
        const policy = await Policy.set(driver, actor, { rules }, decide);
        const ends: number[] = [];
        for (const each of keys) ends.push(await set(each));
        const last = keys.at(-1);
        assert.ok(last);
        for (const operation of [last.delete(), last.rename('other')]) ends.push(await statusOf(operation));
        await policy.end();
        for (const made of keys.toReversed()) {
          await made.delete();
          await made.close();
        }
        assert.deepEqual(ends, Array(keys.length + 2).fill(STATUS_CANCELLED));
        assert.equal(policy.decided.length, ends.length);
      });

      scenario(host, `a rule to ${action} holds for the longest value names`, async ({ driver, actor, key }) => {
        const more = action === 'ask' ? { action, deadline: LONG } : blocking;
        const rules: Rule[] = [{ ...more, keys: key.path, operations: 'SetValueKey', valueNames: 'long*' }];
        const policy = await Policy.set(driver, actor, { rules }, decide);
        for (const length of [4, 255, 256, 4096, 16_383]) {
          const name = 'long'.padEnd(length, 'x');
          assert.equal(await statusOf(key.setValue(name, text(''))), STATUS_CANCELLED, String(length));
          assert.equal(await statusOf(key.setValue(name.slice(1), text(''))), STATUS_SUCCESS, String(length));
        }
        await policy.end();
      });
    }

    ancestors(host);

    scenario(
      host,
      'a breaker that fails open comes to an end: after the cool-down it asks again',
      async ({ driver, actor, key }) => {
        const ruled = (deadline: number): Rule[] => [
          { keys: key.path, operations: 'SetValueKey', action: 'ask', deadline },
        ];
        let isAwake = false;
        const options = { rules: ruled(SHORT), breaker: { missedDeadlines: 1, coolDown: 100 } };
        const policy = await Policy.set(driver, actor, options, () => (isAwake ? block('STATUS_CANCELLED') : never));
        for (const round of ['once', 'and again']) {
          isAwake = false;
          await policy.registration.setRules(ruled(SHORT));
          for (let turn = 0; turn < 3; turn += 1)
            assert.equal(await set(key), STATUS_SUCCESS, `it fails open: ${round}`);
          isAwake = true;
          await policy.registration.setRules(ruled(LONG));
          await until(async () => (await set(key)) === STATUS_CANCELLED);
          for (let turn = 0; turn < 3; turn += 1) assert.equal(await set(key), STATUS_CANCELLED, round);
        }
        await policy.end();
      },
    );

    if (!host.abilities.has('control sets')) return;
    scenario(host, 'a rule to block or ask knows both names of the current control set', async ({ driver, actor }) => {
      const name = `CmBridgeSlip${String(process.pid)}`;
      const sets = ['CurrentControlSet', `ControlSet${String(driver.limits.controlSet).padStart(3, '0')}`];
      for (const [action, decide] of [
        ['block', undefined],
        ['ask', () => block('STATUS_CANCELLED')],
      ] as const) {
        for (const rule of sets) {
          const more = action === 'ask' ? { action, deadline: LONG } : blocking;
          const keys = `HKLM\\SYSTEM\\${rule}\\${name}\\**`;
          for (const used of sets) {
            const path = `\\REGISTRY\\MACHINE\\SYSTEM\\${used}\\${name}`;
            const made = await actor.createKey(path);
            const operations = ['SetValueKey', 'CreateKey'] as const;
            const policy = await Policy.set(driver, actor, { rules: [{ ...more, keys, operations }] }, decide);
            assert.equal(await set(made), STATUS_CANCELLED, `${action} ${rule} for ${used}`);
            assert.equal(await statusOf(made.createKey('below')), STATUS_CANCELLED);
            assert.equal(await statusOf(actor.createKey(`${path}\\below`)), STATUS_CANCELLED);
            await policy.end();
            await made.delete();
            await made.close();
          }
        }
      }
    });
  });
}

/** Keys one below the other until no path can be longer. */
async function descend(key: ActorKey): Promise<ActorKey[]> {
  const keys: ActorKey[] = [];
  let last = key;
  for (let depth = 0; depth < 200; depth += 1) {
    // Most of the way in long steps; then in short ones, so that the very end is reached.
    const room = 32_767 - last.path.length - 1;
    if (room < 1) break;
    const next = await last.createKey('n'.repeat(Math.min(255, room))).catch(() => null);
    if (next === null) break;
    keys.push(next);
    last = next;
  }
  return keys;
}

function ancestors(host: ConformanceHost): void {
  /** `HKLM\...\parent\protected`, which nobody may change, and what `attack` ended with. */
  const protect = (
    name: string,
    attack: (fixture: Fixture, parent: ActorKey, folder: string) => Promise<number>,
  ): void => {
    scenario(host, name, async (fixture) => {
      const { driver, actor, key } = fixture;
      const folder = await mkdtemp(join(tmpdir(), 'cmbridge-slip-'));
      const parent = await key.createKey('parent');
      const child = await parent.createKey('protected');
      await child.setValue('v', text('safe'));
      try {
        const rules: Rule[] = [{ ...blocking, keys: `${child.path}\\**`, ancestors: true }];
        // What only reads is not meant.
        rules.unshift({ operations: ['OpenKey', 'SaveKey', 'CreateKey', 'QueryValueKey'], action: 'ignore' });
        const policy = await Policy.set(driver, actor, { rules });
        const status = await attack(fixture, parent, folder);
        await policy.end();
        assert.equal(status, STATUS_CANCELLED);
        assert.equal((await child.queryValue('v')).data, 'safe');
        assert.equal(await statusOf(actor.openKey(child.path).then((each) => each.close())), STATUS_SUCCESS);
      } finally {
        await child.close();
        await parent.close();
        await actor.deleteTree(`${key.path}\\parent`);
        await rm(folder, { recursive: true });
      }
    });
  };

  protect('a protected key keeps its parent from being renamed', (_, parent) => statusOf(parent.rename('elsewhere')));

  if (host.abilities.has('restore')) {
    protect('a protected key is not overwritten when the key above is restored', async ({ key }, parent, folder) => {
      const file = join(folder, 'other.hiv');
      const other = await key.createKey('other');
      await other.save(file);
      await other.delete();
      await other.close();
      return statusOf(parent.restore(file, { flags: FORCE_RESTORE }));
    });
  }

  scenario(host, 'a hive with a protected key in it is neither loaded nor unloaded', async ({ driver, actor, key }) => {
    const folder = await mkdtemp(join(tmpdir(), 'cmbridge-slip-'));
    const [file, mount] = [join(folder, 'hive.hiv'), mountPoint()];
    try {
      await key.save(file);
      const rules: Rule[] = [{ ...blocking, keys: `${mount}\\Software\\protected\\**`, ancestors: true }];
      const policy = await Policy.set(driver, actor, { rules });
      assert.equal(await statusOf(actor.loadKey(mount, file)), STATUS_CANCELLED);
      await policy.registration.setRules([]);
      assert.equal(await statusOf(actor.loadKey(mount, file)), STATUS_SUCCESS);
      await policy.registration.setRules(rules);
      assert.equal(await statusOf(actor.unloadKey(mount)), STATUS_CANCELLED);
      await policy.end();
      assert.equal(await statusOf(actor.openKey(mount).then((each) => each.close())), STATUS_SUCCESS);
      assert.equal(await statusOf(actor.unloadKey(mount)), STATUS_SUCCESS);
    } finally {
      await statusOf(actor.unloadKey(mount));
      await rm(folder, { recursive: true });
    }
  });

  scenario(host, 'a guard holds the renaming of the key above its own by itself', async ({ driver, key }) => {
    const parent = await key.createKey('parent');
    const child = await parent.createKey('protected');
    const registration = await driver.guard(
      { altitude: nextAltitude(), keys: `${child.path}\\**`, deadline: LONG },
      () => block(),
    );
    assert.equal(await set(child), STATUS_ACCESS_DENIED);
    assert.equal(await statusOf(parent.rename('elsewhere')), STATUS_ACCESS_DENIED);
    await registration.unregister();
    await child.delete();
    await child.close();
    await parent.delete();
    await parent.close();
  });
}
