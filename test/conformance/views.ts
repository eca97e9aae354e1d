import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, only, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

export function viewSuite(host: ConformanceHost): void {
  if (!host.abilities.has('wow64 views')) return;
  describe('WOW64 views', () => {
    scenario(host, 'create events tell the view that was asked for, and the real key', async ({ driver, actor }) => {
      const name = `CmBridgeView${String(process.pid)}`;
      const path = `\\REGISTRY\\MACHINE\\SOFTWARE\\${name}`;
      const { registration, events } = await collect(driver, actor, {
        classes: ['RegNtPreCreateKeyEx', 'RegNtPostCreateKeyEx'],
      });
      const made = await actor.createKey(path, { view: 32 });
      await registration.unregister();
      await made.delete();
      await made.close();
      const pre = only(events, 'RegNtPreCreateKeyEx');
      const post = only(events, 'RegNtPostCreateKeyEx');
      assert.deepEqual(pre.wow64Flags.names, ['KEY_WOW64_32KEY']);
      sameKey(post.keyPath, `\\REGISTRY\\MACHINE\\SOFTWARE\\WOW6432Node\\${name}`);
      assert.deepEqual([post.keyPathResolved, post.disposition], [true, 'created']);
    });
  });
}
