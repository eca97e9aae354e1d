import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { collect, ofClass, only, sameKey, scenario, type Fixture } from './fixture.js';
import type { ConformanceHost } from './host.js';

let serial = 0;

export function hiveSuite(host: ConformanceHost): void {
  const withFiles = (name: string, body: (fixture: Fixture, folder: string) => Promise<void>): void => {
    scenario(host, name, async (fixture) => {
      const folder = await mkdtemp(join(tmpdir(), 'cmbridge-hive-'));
      try {
        await body(fixture, folder);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  };

  /** A key below HKLM that no other test uses. */
  const mountPoint = (): string => {
    serial += 1;
    return `\\REGISTRY\\MACHINE\\CmBridgeHive${String(process.pid)}-${String(serial)}`;
  };

  describe('hives', () => {
    withFiles('save, load and unload key events tell the file and the key', async ({ driver, actor, key }, folder) => {
      const file = join(folder, 'saved.hiv');
      const mount = mountPoint();
      await key.setValue('v', { type: 'REG_SZ', data: 'gesichert' });
      const { registration, events } = await collect(driver, actor);
      await key.save(file);
      await actor.loadKey(mount, file);
      const loaded = await actor.openKey(mount);
      assert.equal((await loaded.queryValue('v')).data, 'gesichert');
      await loaded.close();
      await actor.unloadKey(mount);
      await registration.unregister();

      for (const name of ['RegNtPreSaveKey', 'RegNtPostSaveKey'] as const) {
        const save = only(events, name);
        sameKey(save.keyPath, key.path);
        assert.ok(save.fileName?.endsWith('\\saved.hiv'), save.fileName ?? 'no name');
      }
      for (const name of ['RegNtPreLoadKey', 'RegNtPostLoadKey'] as const) {
        const load = only(events, name);
        sameKey(load.keyPath, mount);
        assert.ok(load.sourceFile?.endsWith('\\saved.hiv'));
        sameKey(load.keyName, mount);
        assert.deepEqual([load.applicationHive, load.loadFlags.value], [false, 0]);
      }
      const pre = only(events, 'RegNtPreUnLoadKey');
      const post = only(events, 'RegNtPostUnLoadKey');
      for (const event of [pre, post]) sameKey(event.keyPath, mount);
      assert.deepEqual([post.status, post.hasUserEvent, only(events, 'RegNtPostLoadKey').status], [0, false, 0]);
      const opens = ofClass(events, 'RegNtPostOpenKeyEx').filter(({ sequence }) => sequence < pre.sequence);
      sameKey(opens.at(-1)?.keyPath, mount);
    });

    withFiles('a file that is no hive is refused, and the refusal seen', async ({ driver, actor }, folder) => {
      const file = join(folder, 'garbage.hiv');
      await writeFile(file, 'not a hive'.repeat(1000));
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPostLoadKey'] });
      await assert.rejects(actor.loadKey(mountPoint(), file), { code: 'CMB_NT_STATUS' });
      await registration.unregister();
      const { status, sourceFile } = only(events, 'RegNtPostLoadKey');
      assert.ok(status >= 0xc0000000, `0x${status.toString(16)}`);
      assert.ok(sourceFile?.endsWith('\\garbage.hiv'));
    });

    if (host.abilities.has('restore')) {
      withFiles('a restore brings back what was saved, and tells the file', async ({ driver, actor, key }, folder) => {
        const file = join(folder, 'restored.hiv');
        await key.setValue('v', { type: 'REG_DWORD', data: 1 });
        await key.save(file);
        await key.setValue('v', { type: 'REG_DWORD', data: 2 });
        const { registration, events } = await collect(driver, actor, {
          classes: ['RegNtPreRestoreKey', 'RegNtPostRestoreKey'],
        });
        await key.restore(file, { flags: 8 });
        await registration.unregister();
        assert.equal((await key.queryValue('v')).data, 1);
        for (const name of ['RegNtPreRestoreKey', 'RegNtPostRestoreKey'] as const) {
          const event = only(events, name);
          sameKey(event.keyPath, key.path);
          assert.ok(event.fileName?.endsWith('\\restored.hiv'));
          assert.deepEqual(event.restoreFlags.names, ['REG_FORCE_RESTORE']);
        }
        assert.equal(only(events, 'RegNtPostRestoreKey').status, 0);
      });

      withFiles('save merged key events tell both keys and the file', async ({ driver, actor, key }, folder) => {
        const base = join(folder, 'base.hiv');
        await key.setValue('v', { type: 'REG_DWORD', data: 1 });
        await key.save(base);
        const [high, low] = [mountPoint(), mountPoint()];
        const copy = join(folder, 'copy.hiv');
        await key.save(copy);
        await actor.loadKey(high, base);
        await actor.loadKey(low, copy);
        const [highKey, lowKey] = [await actor.openKey(high), await actor.openKey(low)];
        const { registration, events } = await collect(driver, actor);
        await highKey.saveMerged(lowKey, join(folder, 'merged.hiv'));
        await registration.unregister();
        await highKey.close();
        await lowKey.close();
        await actor.unloadKey(high);
        await actor.unloadKey(low);
        for (const name of ['RegNtPreSaveMergedKey', 'RegNtPostSaveMergedKey'] as const) {
          const event = only(events, name);
          sameKey(event.keyPath, high);
          sameKey(event.lowKeyPath, low);
          assert.ok(event.fileName?.endsWith('\\merged.hiv'));
        }
      });

      withFiles('replace key events tell both files', async ({ driver, actor, key }, folder) => {
        const [mounted, next, old] = ['mounted.hiv', 'next.hiv', 'old.hiv'].map((name) => join(folder, name));
        assert.ok(mounted && next && old);
        await key.setValue('v', { type: 'REG_DWORD', data: 1 });
        await key.save(mounted);
        await key.setValue('v', { type: 'REG_DWORD', data: 2 });
        await key.save(next);
        const mount = mountPoint();
        await actor.loadKey(mount, mounted);
        const root = await actor.openKey(mount);
        const { registration, events } = await collect(driver, actor);
        await root.replace(next, old);
        await registration.unregister();
        assert.equal((await root.queryValue('v')).data, 1, 'it takes effect when the hive is loaded again');
        await root.close();
        await actor.unloadKey(mount);
        for (const name of ['RegNtPreReplaceKey', 'RegNtPostReplaceKey'] as const) {
          const event = only(events, name);
          sameKey(event.keyPath, mount);
          assert.ok(event.newFileName?.endsWith('\\next.hiv') && event.oldFileName?.endsWith('\\old.hiv'));
        }
        assert.equal(only(events, 'RegNtPostReplaceKey').status, 0);
      });
    }

    if (host.abilities.has('application hives')) {
      withFiles('an application hive is shown as one', async ({ driver, actor, key }, folder) => {
        const file = join(folder, 'app.hiv');
        await key.save(file);
        const { registration, events } = await collect(driver, actor);
        const root = await actor.loadAppKey(file);
        const child = await root.createKey('Settings');
        await child.setValue('v', { type: 'REG_DWORD', data: 1 });
        await child.close();
        await assert.rejects(actor.openKey(root.path), { ntStatus: 0xc0000022 });
        await root.close();
        await registration.unregister();
        const load = only(events, 'RegNtPostLoadKey');
        assert.deepEqual([load.applicationHive, load.hasRootHandle, load.hive], [true, true, 'application']);
        assert.ok(load.loadFlags.names.includes('REG_APP_HIVE'));
        const set = only(events, 'RegNtPostSetValueKey');
        assert.equal(set.hive, 'application');
        assert.match(set.keyPath ?? '', /^\\REGISTRY\\A\\\{[0-9a-f-]{36}\}\\Settings$/i);
        assert.match(set.key ?? '', /^<AppHive \{[0-9a-f-]{36}\}>\\Settings$/i);
      });
    }
  });
}
