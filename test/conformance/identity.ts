import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, ofClass, only, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const USER = 'S-1-5-21-1-2-3-1001';
const OTHER = 'S-1-5-21-1-2-3-1002';
const set = ['RegNtPostSetValueKey'] as const;

export function identitySuite(host: ConformanceHost): void {
  describe('identity', () => {
    scenario(host, 'an event tells everything that names its process', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      await key.setValue('v', { type: 'REG_DWORD', data: 1 });
      await key.setValue('v', { type: 'REG_DWORD', data: 2 });
      await registration.unregister();
      const processes = new Set(events.map((event) => ('process' in event ? event.process : null)));
      const [process, ...others] = processes;
      assert.ok(process && others.length === 0, 'one object for all events of a process');
      assert.ok(process.known && !process.isSystem && process.startKey > 0n);
      assert.equal(process.id, actor.id);
      assert.match(process.imagePath ?? '', /^\\.*\\(reg)?actor\.exe$/i);
      assert.match(process.commandLine ?? '', /actor\.exe/i);
      assert.match(process.user ?? '', /^S-1-5-/);
      assert.ok(process.createTime !== null && process.createTime > 0n);
      assert.ok(process.integrityLevel !== null && process.elevated !== null);
      assert.ok(process.parentId !== null && process.sessionId !== null && process.wow64 === false);
      const [event] = ofClass(events, 'RegNtPostSetValueKey');
      assert.deepEqual([event?.user, event?.impersonation, event?.irql], [process.user, null, 'passive']);
    });

    scenario(host, 'the events of two processes tell which of them it was', async ({ driver, actor, key }) => {
      const second = await host.createActor(driver);
      const { registration, events } = await collect(driver, null, { classes: set });
      const mine = await second.openKey(key.path);
      await key.setValue('v', { type: 'REG_DWORD', data: 1 });
      await mine.setValue('v', { type: 'REG_DWORD', data: 2 });
      await key.setValue('v', { type: 'REG_DWORD', data: 3 });
      await registration.unregister();
      await second.exit();
      const ids = ofClass(events, 'RegNtPostSetValueKey')
        .filter(({ keyPath }) => keyPath?.toUpperCase() === key.path.toUpperCase())
        .map(({ process }) => [process.id, process.known]);
      assert.deepEqual(ids, [
        [actor.id, true],
        [second.id, true],
        [actor.id, true],
      ]);
    });

    if (host.abilities.has('identities')) {
      scenario(host, 'a process is told with user, integrity, elevation and session', async ({ driver, key }) => {
        const actor = await host.createActor(driver, {
          imagePath: 'C:\\Programme\\Täter.exe',
          commandLine: '"C:\\Programme\\Täter.exe" /leise',
          user: USER,
          integrityLevel: 'high',
          elevated: true,
          sessionId: 3,
          parentId: 4,
          wow64: true,
        });
        const silent = await host.createActor(driver, { commandLine: null });
        const { registration, events } = await collect(driver, null, { classes: ['RegNtPostOpenKeyEx'] });
        // The key lies in the 64-bit view.
        await (await actor.openKey(key.path, { view: 64 })).close();
        await (await silent.openKey(key.path)).close();
        await registration.unregister();
        await actor.exit();
        await silent.exit();
        const [first, second] = ofClass(events, 'RegNtPostOpenKeyEx');
        assert.ok(first && second);
        const { startKey, createTime, ...facts } = first.process;
        assert.ok(startKey > 0n && createTime !== null);
        assert.deepEqual(facts, {
          id: actor.id,
          parentId: 4,
          sessionId: 3,
          imagePath: '\\Device\\HarddiskVolume3\\Programme\\Täter.exe',
          commandLine: '"C:\\Programme\\Täter.exe" /leise',
          user: USER,
          integrityLevel: 'high',
          integrityRid: 0x3000,
          elevated: true,
          wow64: true,
          isSystem: false,
          known: true,
        });
        assert.equal(second.process.commandLine, null);
        assert.ok(second.process.known);
      });

      scenario(host, 'a process id that is used again is another process', async ({ driver, key }) => {
        const { registration, events } = await collect(driver, null, { classes: ['RegNtPostOpenKeyEx'] });
        const first = await host.createActor(driver, { imagePath: 'C:\\a.exe' });
        await (await first.openKey(key.path)).close();
        await first.exit();
        const second = await host.createActor(driver, { imagePath: 'C:\\b.exe', id: first.id });
        await (await second.openKey(key.path)).close();
        await registration.unregister();
        await second.exit();
        const [a, b] = ofClass(events, 'RegNtPostOpenKeyEx').map(({ process }) => process);
        assert.ok(a && b);
        assert.equal(a.id, b.id);
        assert.notEqual(a.startKey, b.startKey);
        assert.ok(a.imagePath?.endsWith('\\a.exe') && b.imagePath?.endsWith('\\b.exe'));
      });

      scenario(host, 'processes keep their names when there are more of them than slots', async ({ driver, key }) => {
        const { registration, events } = await collect(driver, null, { classes: ['RegNtPostOpenKeyEx'] });
        const count = driver.limits.processSlots + 100;
        const ids: number[] = [];
        for (let i = 0; i < count; i += 1) {
          const actor = await host.createActor(driver, { imagePath: `C:\\p${String(i)}.exe` });
          await (await actor.openKey(key.path)).close();
          ids.push(actor.id);
          await actor.exit();
        }
        await registration.unregister();
        assert.deepEqual(
          ofClass(events, 'RegNtPostOpenKeyEx').map(({ process }) => [process.id, process.imagePath]),
          ids.map((id, i) => [id, `\\Device\\HarddiskVolume3\\p${String(i)}.exe`]),
        );
      });

      scenario(host, 'an event tells for whom a thread that impersonates acts', async ({ driver, actor, key }) => {
        const thread = actor.createThread();
        const opened = await thread.openKey(key.path);
        const { registration, events } = await collect(driver, actor, { classes: set });
        await thread.impersonate({ user: OTHER, integrityLevel: 'low', sessionId: 9, level: 'delegation' });
        await opened.setValue('v', { type: 'REG_DWORD', data: 1 });
        await thread.revertToSelf();
        await opened.setValue('v', { type: 'REG_DWORD', data: 2 });
        await registration.unregister();
        await opened.close();
        await thread.close();
        const [as, self] = ofClass(events, 'RegNtPostSetValueKey');
        assert.deepEqual(as?.impersonation, {
          user: OTHER,
          integrityLevel: 'low',
          integrityRid: 0x1000,
          elevated: false,
          sessionId: 9,
          level: 'delegation',
        });
        assert.equal(as.user, OTHER);
        assert.notEqual(as.process.user, OTHER);
        assert.deepEqual([self?.impersonation, self?.user], [null, self?.process.user]);
      });

      scenario(host, 'an event shows the keys of its user as HKCU', async ({ driver }) => {
        const actor = await host.createActor(driver);
        const { registration, events } = await collect(driver, actor, { classes: ['RegNtPostCreateKeyEx'] });
        const mine = await actor.createKey('HKCU\\Software\\CmBridgeMine');
        await registration.unregister();
        await mine.delete();
        await actor.exit();
        assert.equal(only(events, 'RegNtPostCreateKeyEx').key, 'HKCU\\Software\\CmBridgeMine');
        sameKey(
          only(events, 'RegNtPostCreateKeyEx').keyPath,
          `\\REGISTRY\\USER\\${actor.user}\\Software\\CmBridgeMine`,
        );
      });
    }

    if (host.abilities.has('kernel callers')) {
      scenario(host, 'the kernel and its threads are told apart from programs', async ({ driver, actor, key }) => {
        const system = driver.simulator?.systemProcess();
        assert.ok(system);
        const { registration, events } = await collect(driver, null, { classes: set });
        const opened = await system.openKey(key.path);
        await opened.setValue('v', { type: 'REG_DWORD', data: 1 });
        await opened.close();
        const thread = actor.createThread();
        const own = await thread.openKey(key.path);
        await thread.setCaller({ mode: 'kernel' });
        await own.setValue('v', { type: 'REG_DWORD', data: 2 });
        await thread.setCaller();
        await own.close();
        await thread.close();
        await registration.unregister();
        await system.exit();
        const [first, second] = ofClass(events, 'RegNtPostSetValueKey');
        assert.deepEqual(
          [first?.previousMode, first?.process.isSystem, first?.process.id],
          ['kernel', true, system.id],
        );
        assert.deepEqual([first?.user, first?.process.integrityLevel], ['S-1-5-18', 'system']);
        assert.deepEqual([second?.previousMode, second?.process.isSystem], ['kernel', false]);
      });

      scenario(host, 'calls at APC_LEVEL are reported with what can be read there', async ({ driver, key }) => {
        const actor = await host.createActor(driver);
        const thread = actor.createThread();
        const opened = await thread.openKey(key.path);
        await opened.setValue('v', { type: 'REG_DWORD', data: 0 });
        const { registration, events } = await collect(driver, actor, { classes: set, oldValues: true });
        await thread.setCaller({ mode: 'kernel', irql: 'apc' });
        await opened.setValue('v', { type: 'REG_DWORD', data: 1 });
        await thread.setCaller();
        await opened.setValue('v', { type: 'REG_DWORD', data: 2 });
        await registration.unregister();
        await opened.close();
        await thread.close();
        await actor.exit();
        const [apc, passive] = ofClass(events, 'RegNtPostSetValueKey');
        assert.equal(apc?.irql, 'apc');
        sameKey(apc.keyPath, key.path);
        assert.deepEqual([apc.process.known, apc.process.id, apc.process.imagePath], [false, actor.id, null]);
        assert.deepEqual([apc.previous?.exists, apc.previous?.value, apc.changed], [null, null, null]);
        assert.deepEqual([passive?.irql, passive?.process.known, passive?.previous?.value?.data], ['passive', true, 1]);
        assert.equal(passive?.process.startKey, apc.process.startKey);
      });
    }
  });
}
