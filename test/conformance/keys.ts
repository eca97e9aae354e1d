import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { collect, lastPath, ofClass, only, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const STATUS_REPARSE = 0x104;
const KEY_READ = 0x20019;
const REG_OPTION_VOLATILE = 1;

export function keySuite(host: ConformanceHost): void {
  describe('keys', () => {
    scenario(host, 'create events tell what was asked for, below which key, and what came of it', async (fixture) => {
      const { driver, actor, key } = fixture;
      const { registration, events } = await collect(driver, actor);
      const child = await key.createKey('Child\\\\', { options: REG_OPTION_VOLATILE, className: 'Klasse' });
      await child.close();
      const again = await actor.createKey(`${key.path}\\CHILD`, { access: KEY_READ });
      await again.close();
      await registration.unregister();

      const [pre, preAgain] = ofClass(events, 'RegNtPreCreateKeyEx');
      const [post, postAgain] = ofClass(events, 'RegNtPostCreateKeyEx');
      assert.ok(pre && post && preAgain && postAgain);
      for (const event of [pre, post]) {
        assert.equal(event.requestedName, 'Child\\\\');
        sameKey(event.root, key.path);
        sameKey(event.requestedPath, `${key.path}\\Child`);
        sameKey(event.keyPath, `${key.path}\\Child`);
        assert.equal(event.className, 'Klasse');
        assert.deepEqual(event.options.names, ['REG_OPTION_VOLATILE']);
        assert.ok(event.attributes.names.includes('OBJ_CASE_INSENSITIVE'));
        assert.deepEqual([event.structureVersion, event.checkAccessMode], [1, 'user']);
        assert.deepEqual([event.hop, event.reparsedFrom, event.transaction], [0, null, null]);
        assert.ok(event.desiredAccess.names.includes('KEY_SET_VALUE'));
      }
      assert.deepEqual([pre.disposition, pre.grantedAccess, pre.keyPathResolved], [null, null, false]);
      assert.deepEqual([post.disposition, post.keyPathResolved], ['created', true]);
      assert.ok(post.grantedAccess?.names.includes('KEY_SET_VALUE'));
      sameKey(preAgain.root, '\\REGISTRY');
      sameKey(preAgain.requestedPath, `${key.path}\\CHILD`);
      assert.equal(postAgain.disposition, 'opened');
      assert.ok(lastPath(postAgain) === 'Child', 'the name as it is stored, not as it was asked for');
      assert.equal(postAgain.grantedAccess?.value, KEY_READ);
      assert.ok(post.keyObject && postAgain.keyObject && post.keyObject !== postAgain.keyObject);
    });

    scenario(host, 'an open key has one number from post create to post close', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      const first = await key.createKey('Child');
      const second = await key.openKey('Child');
      await first.setValue('v', { type: 'REG_SZ', data: '1' });
      await second.setValue('v', { type: 'REG_SZ', data: '2' });
      await first.close();
      await second.close();
      await registration.unregister();
      const created = only(events, 'RegNtPostCreateKeyEx');
      const opened = only(events, 'RegNtPostOpenKeyEx');
      assert.deepEqual(
        ofClass(events, 'RegNtPreSetValueKey').map((event) => event.keyObject),
        [created.keyObject, opened.keyObject],
      );
      for (const name of ['RegNtPreKeyHandleClose', 'RegNtPostKeyHandleClose'] as const) {
        const closed = ofClass(events, name);
        assert.deepEqual(
          closed.map((event) => event.keyObject),
          [created.keyObject, opened.keyObject],
        );
        for (const event of closed) {
          sameKey(event.keyPath, `${key.path}\\Child`);
          assert.equal(event.opener?.id, actor.id);
          assert.equal(event.opener.startKey, event.process.startKey);
        }
      }
    });

    scenario(host, 'closing one of two handles of an open key is no event', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPostKeyHandleClose'] });
      const child = await key.createKey('Child');
      const copy = await child.duplicate();
      await child.close();
      await copy.setValue('v', { type: 'REG_DWORD', data: 1 });
      const { callbacks } = await registration.statistics();
      await copy.close();
      await registration.unregister();
      assert.equal(callbacks, 0n);
      sameKey(only(events, 'RegNtPostKeyHandleClose').keyPath, `${key.path}\\Child`);
    });

    scenario(host, 'an object context is cleaned up once, between pre close and post close', async (fixture) => {
      const { driver, actor, key } = fixture;
      const { registration, events } = await collect(driver, actor, {
        classes: [
          'RegNtPostCreateKeyEx',
          'RegNtPreKeyHandleClose',
          'RegNtCallbackObjectContextCleanup',
          'RegNtPostKeyHandleClose',
        ],
      });
      const child = await key.createKey('Child');
      await child.close();
      await registration.unregister();
      assert.deepEqual(
        events.map((event) => event.class),
        [
          'RegNtPostCreateKeyEx',
          'RegNtPreKeyHandleClose',
          'RegNtCallbackObjectContextCleanup',
          'RegNtPostKeyHandleClose',
        ],
      );
      const cleanup = only(events, 'RegNtCallbackObjectContextCleanup');
      sameKey(cleanup.keyPath, `${key.path}\\Child`);
      assert.equal(cleanup.opener?.id, actor.id);
      assert.equal(cleanup.keyObject, only(events, 'RegNtPostCreateKeyEx').keyObject);
    });

    scenario(host, 'a rename is seen in the names of all keys below', async ({ driver, actor, key }) => {
      const top = await key.createKey('Top');
      const middle = await top.createKey('Middle');
      const { registration, events } = await collect(driver, actor);
      const leaf = await middle.createKey('Leaf');
      await leaf.setValue('before', { type: 'REG_DWORD', data: 1 });
      await top.rename('Renamed');
      await leaf.setValue('after', { type: 'REG_DWORD', data: 2 });
      await middle.setValue('opened earlier', { type: 'REG_DWORD', data: 3 });
      await leaf.delete();
      await leaf.close();
      await registration.unregister();
      await middle.delete();
      await top.delete();

      const pre = only(events, 'RegNtPreRenameKey');
      const post = only(events, 'RegNtPostRenameKey');
      for (const event of [pre, post]) {
        assert.equal(event.newName, 'Renamed');
        sameKey(event.keyPath, `${key.path}\\Top`);
      }
      assert.deepEqual([pre.newPath, pre.newKey], [null, null]);
      sameKey(post.newPath, `${key.path}\\Renamed`);
      assert.equal(post.newKey?.toUpperCase(), (pre.key ?? '').toUpperCase().replace(/TOP$/, 'RENAMED'));
      assert.equal(pre.keyObject, post.keyObject);
      const [before, after, earlier] = ofClass(events, 'RegNtPostSetValueKey');
      sameKey(before?.keyPath, `${key.path}\\Top\\Middle\\Leaf`);
      sameKey(after?.keyPath, `${key.path}\\Renamed\\Middle\\Leaf`);
      sameKey(earlier?.keyPath, `${key.path}\\Renamed\\Middle`);
      assert.equal(before?.keyObject, after?.keyObject);
      sameKey(only(events, 'RegNtPostDeleteKey').keyPath, `${key.path}\\Renamed\\Middle\\Leaf`);
      sameKey(ofClass(events, 'RegNtPostKeyHandleClose').at(-1)?.keyPath, `${key.path}\\Renamed\\Middle\\Leaf`);
    });

    scenario(host, 'an open over a link is one pair of events for each hop', async ({ driver, actor, key }) => {
      const target = await key.createKey('Target');
      const inner = await target.createKey('Inner');
      const link = await actor.createLink(`${key.path}\\Link`, target.path);
      const { registration, events } = await collect(driver, actor, {
        classes: ['RegNtPreOpenKeyEx', 'RegNtPostOpenKeyEx'],
      });
      const opened = await actor.openKey(`${key.path}\\Link\\Inner`);
      await registration.unregister();
      await opened.close();
      for (const made of [inner, link, target]) await made.delete();

      assert.deepEqual(
        events.map((event) => event.class),
        ['RegNtPreOpenKeyEx', 'RegNtPostOpenKeyEx', 'RegNtPreOpenKeyEx', 'RegNtPostOpenKeyEx'],
      );
      const [preLink, preTarget] = ofClass(events, 'RegNtPreOpenKeyEx');
      const [reparsed, final] = ofClass(events, 'RegNtPostOpenKeyEx');
      assert.ok(preLink && preTarget && reparsed && final);
      assert.deepEqual([reparsed.status, reparsed.statusName], [STATUS_REPARSE, 'STATUS_REPARSE']);
      assert.deepEqual([reparsed.grantedAccess, reparsed.keyObject, reparsed.keyPathResolved], [null, null, false]);
      sameKey(reparsed.keyPath, `${key.path}\\Link\\Inner`);
      assert.deepEqual([preLink.hop, reparsed.hop, preTarget.hop, final.hop], [0, 0, 1, 1]);
      assert.deepEqual(
        [preLink.reparsedFrom, preTarget.reparsedFrom, final.reparsedFrom],
        [null, reparsed.sequence, reparsed.sequence],
      );
      sameKey(preTarget.requestedPath, `${key.path}\\Target\\Inner`);
      sameKey(final.keyPath, `${key.path}\\Target\\Inner`);
      assert.equal(final.status, 0);
    });

    scenario(host, 'delete key events count values and subkeys if asked to', async ({ driver, actor, key }) => {
      const child = await key.createKey('Child');
      for (const name of ['a', 'b', 'c']) await child.setValue(name, { type: 'REG_SZ', data: name });
      const sub = await child.createKey('Sub');
      const asked = await collect(driver, actor, { oldValues: true });
      const unasked = await collect(driver, actor);
      await assert.rejects(child.delete(), { ntStatus: 0xc0000121 });
      await sub.delete();
      await child.delete();
      await asked.registration.unregister();
      await unasked.registration.unregister();
      for (const name of ['RegNtPreDeleteKey', 'RegNtPostDeleteKey'] as const) {
        assert.deepEqual(
          ofClass(asked.events, name).map((event) => [event.valueCount, event.subKeyCount]),
          [
            [3, 1],
            [0, 0],
            [3, 0],
          ],
        );
        assert.deepEqual(
          ofClass(unasked.events, name).map((event) => [event.valueCount, event.subKeyCount]),
          [
            [null, null],
            [null, null],
            [null, null],
          ],
        );
      }
      const [refused] = ofClass(asked.events, 'RegNtPostDeleteKey');
      assert.equal(refused?.statusName, 'STATUS_CANNOT_DELETE');
    });

    scenario(host, 'flush and set information events tell status, class and time', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      await key.flush();
      await key.setLastWriteTime(133_000_000_000_000_000n);
      await registration.unregister();
      assert.equal(only(events, 'RegNtPostFlushKey').status, 0);
      for (const name of ['RegNtPreSetInformationKey', 'RegNtPostSetInformationKey'] as const) {
        const event = only(events, name);
        assert.deepEqual([event.informationClass, event.informationClassNumber], ['KeyWriteTimeInformation', 0]);
        assert.ok(event.information?.class === 'KeyWriteTimeInformation');
        assert.equal(event.information.lastWriteTime, (133_000_000_000_000_000n - 116_444_736_000_000_000n) * 100n);
        assert.equal(event.bytes.length, 8);
      }
    });

    scenario(host, 'a post event belongs to its pre event, and knows as much alone', async ({ driver, actor, key }) => {
      const both = await collect(driver, actor, { oldValues: true });
      const posts = await collect(driver, actor, { phases: ['post'], oldValues: true });
      await key.setValue('v', { type: 'REG_SZ', data: 'old' });
      await key.setValue('v', { type: 'REG_SZ', data: 'new' });
      const child = await key.createKey('Child');
      await child.delete();
      await child.close();
      await both.registration.unregister();
      await posts.registration.unregister();
      for (const event of both.events) {
        if (!('phase' in event) || event.phase !== 'post') continue;
        const pre = both.events.find(({ sequence }) => sequence === event.preSequence);
        assert.ok(pre && 'phase' in pre && pre.phase === 'pre', event.class);
        assert.equal(pre.operation, event.operation);
        assert.ok(event.duration !== null && event.duration > 0n, `${event.class} took ${String(event.duration)} ns`);
        assert.ok(event.keyPath !== null && !event.preUnknown);
      }
      const withoutNumbers = (events: typeof both.events) =>
        events
          // The lower registration also sees the other one read the old value.
          .filter((event) => 'phase' in event && event.phase === 'post' && !event.operation?.startsWith('Query'))
          .map(({ class: name, ...event }) => ({
            name,
            keyPath: 'keyPath' in event ? event.keyPath : null,
            previous: 'previous' in event ? event.previous : null,
            valueCount: 'valueCount' in event ? event.valueCount : null,
            opener: 'opener' in event ? event.opener : null,
          }));
      assert.ok(posts.events.length >= 6);
      assert.deepEqual(withoutNumbers(posts.events), withoutNumbers(both.events));
    });
  });
}
