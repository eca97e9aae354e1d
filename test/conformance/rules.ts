import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Driver, Event, RegisterOptions, Rule } from '../../lib/index.js';
import { collect, ofClass, scenario } from './fixture.js';
import type { Actor, ActorKey, ConformanceHost } from './host.js';

type Options = Partial<RegisterOptions> & { readonly rules: readonly Rule[] };
const empty = { type: 'REG_SZ', data: '' } as const;

/** The events of `actor` that the rules let through while `act` goes on. */
async function seen(driver: Driver, actor: Actor, options: Options, act: () => Promise<void>): Promise<Event[]> {
  const { registration, events } = await collect(driver, actor, options);
  await act();
  await registration.unregister();
  return events;
}

/** Keys below `key`, by their path relative to it; the empty path is the key itself. */
async function makeKeys(actor: Actor, key: ActorKey, paths: readonly string[]): Promise<Map<string, ActorKey>> {
  const keys = new Map([['', key]]);
  for (const path of paths) keys.set(path, await actor.createKeyPath(`${key.path}\\${path}`));
  return keys;
}

async function closeKeys(keys: Map<string, ActorKey>): Promise<void> {
  for (const [path, key] of [...keys].reverse()) {
    if (path === '') continue;
    await key.delete();
    await key.close();
  }
}

/** Which of the keys the events are about, relative to `key`, in the order of the operations. */
function relative(events: readonly Event[], key: ActorKey): string[] {
  return ofClass(events, 'RegNtPostSetValueKey').map(({ keyPath }) => (keyPath ?? '').slice(key.path.length + 1));
}

export function ruleSuite(host: ConformanceHost): void {
  describe('rules', () => {
    scenario(host, 'the first rule that matches decides', async ({ driver, actor, key }) => {
      const keys = await makeKeys(actor, key, ['a', 'b']);
      const rules: Rule[] = [
        { keys: `${key.path}\\a`, action: 'ignore' },
        { keys: [`${key.path}\\**`], operations: ['SetValueKey'], phases: ['post'], action: 'notify' },
        { keys: `${key.path}\\b`, action: 'ignore' },
      ];
      const events = await seen(driver, actor, { rules }, async () => {
        for (const each of keys.values()) await each.setValue('v', empty);
        await keys.get('b')?.queryValue('v');
      });
      assert.deepEqual(relative(events, key), ['', 'b']);
      assert.equal(events.length, 2);
      await closeKeys(keys);
    });

    scenario(host, 'a key pattern takes in what its wildcards say, and no more', async ({ driver, actor, key }) => {
      const paths = ['a', 'ab', 'b', 'a\\x', 'b\\x', 'b\\x\\deep', 'abc'];
      const keys = await makeKeys(actor, key, paths);
      const expected: Record<string, string[]> = {
        '': [''],
        '\\**': ['', ...paths],
        '\\*': ['a', 'ab', 'b', 'abc'],
        '\\a*': ['a', 'ab', 'abc'],
        '\\*b': ['ab', 'b'],
        '\\a*c': ['abc'],
        '\\*b*': ['ab', 'b', 'abc'],
        '\\*\\x': ['a\\x', 'b\\x'],
        '\\**\\x': ['a\\x', 'b\\x'],
        '\\**\\x\\**': ['a\\x', 'b\\x', 'b\\x\\deep'],
        '\\B\\X': ['b\\x'],
        '\\b\\**': ['b', 'b\\x', 'b\\x\\deep'],
        '\\b\\*': ['b\\x'],
        '\\**\\deep': ['b\\x\\deep'],
        '\\a\\y': [],
      };
      for (const [pattern, matches] of Object.entries(expected)) {
        const rules: Rule[] = [{ keys: `${key.path}${pattern}`, classes: ['RegNtPostSetValueKey'], action: 'notify' }];
        const events = await seen(driver, actor, { rules }, async () => {
          for (const each of keys.values()) await each.setValue('v', empty);
        });
        assert.deepEqual(relative(events, key), matches, pattern);
      }
      await closeKeys(keys);
    });

    scenario(host, 'a key pattern takes in names in another case, and beyond ASCII', async ({ driver, actor, key }) => {
      const keys = await makeKeys(actor, key, ['größe', 'GRÖSSE', 'ЖУРНАЛ']);
      const rules: Rule[] = [
        { keys: [`${key.path}\\GRÖßE`, `${key.path}\\журнал`], classes: ['RegNtPostSetValueKey'], action: 'notify' },
      ];
      const events = await seen(driver, actor, { rules }, async () => {
        for (const each of keys.values()) await each.setValue('v', empty);
      });
      assert.deepEqual(relative(events, key), ['größe', 'ЖУРНАЛ']);
      await closeKeys(keys);
    });

    scenario(host, 'a key pattern takes in a key whose name is an asterisk', async ({ driver, actor, key }) => {
      const keys = await makeKeys(actor, key, ['*', 'z']);
      const rules: Rule[] = [{ keys: `${key.path}\\[*]`, classes: ['RegNtPostSetValueKey'], action: 'notify' }];
      const events = await seen(driver, actor, { rules }, async () => {
        for (const each of keys.values()) await each.setValue('v', empty);
      });
      assert.deepEqual(relative(events, key), ['*']);
      await closeKeys(keys);
    });

    scenario(host, 'a rule takes values by name and type', async ({ driver, actor, key }) => {
      const written = async (rule: Partial<Rule>): Promise<string[]> => {
        const rules: Rule[] = [{ ...rule, keys: key.path, phases: ['post'], action: 'notify' }];
        const events = await seen(driver, actor, { rules }, async () => {
          for (const name of ['', 'Run', 'runner', 'prerun']) await key.setValue(name, empty);
          await key.setValue('number', { type: 'REG_DWORD', data: 1 });
          await key.setValue('long'.padEnd(300, 'x'), empty);
          await key.query();
        });
        assert.ok(events.every((event) => event.class === 'RegNtPostSetValueKey'));
        return ofClass(events, 'RegNtPostSetValueKey').map(({ valueName }) => valueName ?? '?');
      };
      assert.deepEqual(await written({ valueNames: 'run*' }), ['Run', 'runner']);
      assert.deepEqual(await written({ valueNames: ['', '*RUN'] }), ['', 'Run', 'prerun']);
      assert.deepEqual(await written({ valueNames: 'long*' }), ['long'.padEnd(300, 'x')]);
      assert.deepEqual(await written({ valueTypes: ['REG_DWORD'] }), ['number']);
      assert.deepEqual(await written({ valueTypes: ['REG_SZ'], valueNames: 'n*' }), []);
    });

    scenario(host, 'a rule about success or failure holds in post only', async ({ driver, actor, key }) => {
      const act = async () => {
        await key.setValue('v', empty);
        await key.deleteValue('v');
        await assert.rejects(key.deleteValue('v'));
      };
      for (const [outcome, statuses] of [
        ['success', ['STATUS_SUCCESS', 'STATUS_SUCCESS']],
        ['failure', ['STATUS_OBJECT_NAME_NOT_FOUND']],
      ] as const) {
        const rules: Rule[] = [
          { keys: key.path, operations: ['SetValueKey', 'DeleteValueKey'], outcome, action: 'notify' },
        ];
        const events = await seen(driver, actor, { rules }, act);
        assert.deepEqual(
          events.map((event) => ('statusName' in event ? event.statusName : null)),
          statuses,
        );
      }
    });

    scenario(host, 'what no rule matches is told as "otherwise" and classes say', async ({ driver, actor, key }) => {
      const rules: Rule[] = [{ operations: ['QueryValueKey'], action: 'ignore' }];
      const act = async () => {
        await key.setValue('v', empty);
        await key.queryValue('v');
        await key.flush();
      };
      const all = await seen(driver, actor, { rules, otherwise: 'notify' }, act);
      assert.deepEqual(
        all.map(({ class: name }) => name),
        ['RegNtPreSetValueKey', 'RegNtPostSetValueKey', 'RegNtPreFlushKey', 'RegNtPostFlushKey'],
      );
      const none = await seen(driver, actor, { rules }, act);
      assert.deepEqual(none, []);
      const both = { rules, otherwise: 'notify', classes: ['RegNtPostFlushKey', 'RegNtPostQueryValueKey'] } as const;
      const some = await seen(driver, actor, both, act);
      assert.deepEqual(
        some.map(({ class: name }) => name),
        ['RegNtPostFlushKey'],
      );
    });

    scenario(host, 'a rule takes a rename by its old path and by its new one', async ({ driver, actor, key }) => {
      for (const name of ['old', 'new']) {
        const child = await actor.createKey(`${key.path}\\old`);
        const rules: Rule[] = [{ keys: `${key.path}\\${name}`, operations: ['RenameKey'], action: 'notify' }];
        const events = await seen(driver, actor, { rules }, async () => child.rename('new'));
        assert.deepEqual(
          events.map(({ class: event }) => event),
          ['RegNtPreRenameKey', 'RegNtPostRenameKey'],
          name,
        );
        await child.delete();
        await child.close();
      }
    });

    scenario(host, 'a rule takes a key that is reached over a link by its own path', async ({ driver, actor, key }) => {
      const target = await actor.createKey(`${key.path}\\target`);
      const link = await actor.createLink(`${key.path}\\link`, target.path);
      const rules: Rule[] = [{ keys: target.path, operations: ['SetValueKey'], action: 'notify' }];
      const events = await seen(driver, actor, { rules }, async () => {
        const opened = await actor.openKey(link.path);
        await opened.setValue('v', empty);
        await opened.close();
      });
      assert.equal(events.length, 2);
      for (const each of [link, target]) {
        await each.delete();
        await each.close();
      }
    });

    if (host.abilities.has('control sets')) {
      scenario(host, 'a rule takes the current control set by either of its names', async ({ driver, actor }) => {
        const name = `CmBridge${String(process.pid)}`;
        const sets = ['CurrentControlSet', `ControlSet${String(driver.limits.controlSet).padStart(3, '0')}`];
        for (const rule of sets) {
          const keys = `HKLM\\SYSTEM\\${rule}\\${name}`;
          const rules: Rule[] = [
            { keys, operations: ['SetValueKey'], action: 'notify' },
            { keys, classes: ['RegNtPreOpenKeyEx'], action: 'notify' },
          ];
          for (const used of sets) {
            const path = `\\REGISTRY\\MACHINE\\SYSTEM\\${used}\\${name}`;
            const made = await actor.createKey(path);
            const events = await seen(driver, actor, { rules }, async () => {
              const opened = await actor.openKey(path);
              await opened.setValue('v', empty);
              await opened.close();
            });
            await made.delete();
            await made.close();
            assert.ok(ofClass(events, 'RegNtPreOpenKeyEx').length > 0, `${rule} for ${used}`);
            assert.equal(ofClass(events, 'RegNtPostSetValueKey').length, 1, `${rule} for ${used}`);
          }
        }
      });
    }

    if (host.abilities.has('wow64 views')) {
      scenario(host, 'a rule takes a key that has several names by each of them', async ({ driver, actor }) => {
        const name = `CmBridge${String(process.pid)}`;
        const names = ['HKLM\\SOFTWARE\\Classes\\WOW6432Node', 'HKLM\\SOFTWARE\\WOW6432Node\\Classes'];
        for (const rule of names) {
          for (const used of names) {
            const rules: Rule[] = [{ keys: `${rule}\\${name}`, operations: ['SetValueKey'], action: 'notify' }];
            const events = await seen(driver, actor, { rules }, async () => {
              const key = await actor.createKey(`${used}\\${name}`);
              await key.setValue('v', empty);
              await key.delete();
              await key.close();
            });
            assert.equal(events.length, 2, `${rule} for ${used}`);
          }
        }
      });
    }

    scenario(host, 'a registration takes as many rules as there can be', async ({ driver, actor, key }) => {
      const keys = await makeKeys(actor, key, ['4094', 'other']);
      const rules = Array.from({ length: 4096 }, (_, index): Rule => ({
        keys: `${key.path}\\${String(index)}`,
        classes: ['RegNtPostSetValueKey'],
        action: 'notify',
      }));
      const events = await seen(driver, actor, { rules }, async () => {
        for (const each of keys.values()) await each.setValue('v', empty);
      });
      assert.deepEqual(relative(events, key), ['4094']);
      await closeKeys(keys);
    });
  });
}
