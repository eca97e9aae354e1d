import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Driver, ProcessCondition, Rule } from '../../lib/index.js';
import { collect, ofClass, scenario } from './fixture.js';
import type { Actor, ActorKey, ConformanceHost } from './host.js';

/** KEY_READ, which everybody has. */
const read = { access: 0x2_0019 } as const;
const USER = 'S-1-5-21-1-2-3-1001';
const OTHER = 'S-1-5-21-1-2-3-1002';

const ruleFor = (key: ActorKey, process: ProcessCondition): Rule[] => [
  { keys: key.path, classes: ['RegNtPostOpenKeyEx'], process, action: 'notify' },
];

/** The ids of those actors whose opening of the key was told. */
async function told(
  driver: Driver,
  key: ActorKey,
  process: ProcessCondition,
  actors: readonly Actor[],
): Promise<number[]> {
  const { registration, events } = await collect(driver, null, { rules: ruleFor(key, process) });
  for (const actor of actors) await (await actor.openKey(key.path, read)).close();
  await registration.unregister();
  return ofClass(events, 'RegNtPostOpenKeyEx').map(({ processId }) => processId);
}

export function ruleProcessSuite(host: ConformanceHost): void {
  describe('rules about processes', () => {
    scenario(host, 'a rule takes a process by id and by image', async ({ driver, actor, key }) => {
      const second = await host.createActor(driver);
      const both = [actor, second];
      assert.deepEqual(await told(driver, key, { id: second.id }, both), [second.id]);
      assert.deepEqual(await told(driver, key, { id: [actor.id, 4] }, both), [actor.id]);
      const image = /[^\\]+$/.exec(actor.imagePath.replaceAll('/', '\\'))?.[0] ?? '';
      assert.deepEqual(await told(driver, key, { image: image.toUpperCase() }, both), [actor.id, second.id]);
      assert.deepEqual(await told(driver, key, { image: `${image.slice(0, 3)}*` }, both), [actor.id, second.id]);
      assert.deepEqual(await told(driver, key, { image: 'nobody.exe' }, both), []);
      await second.exit();
    });

    if (host.backend === 'device' && host.abilities.has('process trees')) {
      scenario(host, 'a rule takes in the programs that this one has started', async ({ driver, actor, key }) => {
        const { registration, events } = await collect(driver, null, { rules: ruleFor(key, { tree: process.pid }) });
        const late = await host.createActor(driver);
        for (const each of [actor, late]) await (await each.openKey(key.path, read)).close();
        await registration.unregister();
        await late.exit();
        assert.deepEqual(
          ofClass(events, 'RegNtPostOpenKeyEx').map(({ processId }) => processId),
          [actor.id, late.id],
        );
        assert.deepEqual(await told(driver, key, { tree: actor.id }, [actor]), [actor.id]);
      });
    }

    if (!host.abilities.has('identities')) return;

    scenario(host, 'a rule takes a process by path, user, session and elevation', async ({ driver, key }) => {
      const one = await host.createActor(driver, {
        imagePath: 'C:\\Tools\\deep\\one.exe',
        user: USER,
        sessionId: 3,
        elevated: true,
      });
      const two = await host.createActor(driver, {
        imagePath: 'C:\\Tools\\two.exe',
        user: OTHER,
        sessionId: 4,
        elevated: false,
      });
      const both = [one, two];
      const cases: [ProcessCondition, Actor[]][] = [
        [{ image: 'C:\\tools\\**' }, both],
        [{ image: 'C:\\Tools\\*' }, [two]],
        [{ image: '\\Device\\HarddiskVolume3\\Tools\\**\\one.exe' }, [one]],
        [{ image: ['one.exe', 'two.*'] }, both],
        [{ user: USER }, [one]],
        [{ user: [OTHER, USER] }, both],
        [{ session: 4 }, [two]],
        [{ session: [3, 4] }, both],
        [{ elevated: true }, [one]],
        [{ elevated: false }, [two]],
        [{ elevated: false, user: USER }, []],
      ];
      for (const [condition, expected] of cases) {
        const ids = await told(driver, key, condition, both);
        assert.deepEqual(
          ids,
          expected.map(({ id }) => id),
          JSON.stringify(condition),
        );
      }
      await one.exit();
      await two.exit();
    });

    scenario(host, 'a rule about a user means whom a thread acts for', async ({ driver, actor, key }) => {
      const thread = actor.createThread();
      const { registration, events } = await collect(driver, actor, { rules: ruleFor(key, { user: OTHER }) });
      await (await thread.openKey(key.path, read)).close();
      await thread.impersonate({ user: OTHER, level: 'impersonation' });
      await (await thread.openKey(key.path, read)).close();
      await thread.revertToSelf();
      await (await thread.openKey(key.path, read)).close();
      await registration.unregister();
      await thread.close();
      assert.deepEqual(
        events.map((event) => ('user' in event ? event.user : null)),
        [OTHER],
      );
    });

    scenario(host, 'a rule about a process tree takes in descendants, whenever born', async ({ driver, key }) => {
      const stranger = await host.createActor(driver);
      const root = await host.createActor(driver, { parentId: stranger.id });
      const child = await host.createActor(driver, { parentId: root.id });
      const { registration, events } = await collect(driver, null, { rules: ruleFor(key, { tree: root.id }) });
      const grandchild = await host.createActor(driver, { parentId: child.id });
      const open = async (actor: Actor) => (await actor.openKey(key.path, read)).close();
      for (const actor of [stranger, root, child, grandchild]) await open(actor);
      await root.exit();
      await child.exit();
      const late = await host.createActor(driver, { parentId: grandchild.id });
      // The same number, but another process, and with a child of its own.
      const reused = await host.createActor(driver, { id: root.id, parentId: stranger.id });
      const childOfReused = await host.createActor(driver, { parentId: reused.id });
      for (const actor of [late, reused, childOfReused]) await open(actor);
      await registration.unregister();
      assert.deepEqual(
        ofClass(events, 'RegNtPostOpenKeyEx').map(({ processId }) => processId),
        [root.id, child.id, grandchild.id, late.id],
      );
      for (const actor of [stranger, grandchild, late, reused, childOfReused]) await actor.exit();
    });
  });
}
