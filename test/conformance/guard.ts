import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { allow, block, bypass, type DecidedEvent, type Guard, type GuardOptions } from '../../lib/index.js';
import { nextAltitude, sameKey, scenario, type Fixture } from './fixture.js';
import type { ActorKey, ConformanceHost } from './host.js';

const denied = { ntStatusName: 'STATUS_ACCESS_DENIED' };

interface Guarded {
  readonly guard: Guard;
  /** What the handler was asked about, as `SetValueKey name` or `RenameKey`. */
  readonly asked: string[];
  /** Who decided what, complete after `guard.unregister()`. */
  readonly decided: DecidedEvent[];
}

/** A guard that notes what it is asked and then does as `handler` says; other programs of the machine are let through. */
async function guarded(
  { driver, actor }: Fixture,
  options: Partial<GuardOptions>,
  handler: (operation: string) => ReturnType<typeof allow | typeof block | typeof bypass> = () => block(),
): Promise<Guarded> {
  const asked: string[] = [];
  const decided: DecidedEvent[] = [];
  const guard = await driver.guard(
    {
      altitude: nextAltitude(),
      deadline: 5000,
      process: { id: actor.id },
      onDecision: (event) => decided.push(event),
      ...options,
    },
    (event) => {
      asked.push('valueName' in event ? `${event.operation} ${event.valueName ?? '?'}` : event.operation);
      return handler(event.operation);
    },
  );
  return { guard, asked, decided };
}

async function subkeys(key: ActorKey, ...names: readonly string[]): Promise<void> {
  let parent = key;
  const keys: ActorKey[] = [];
  for (const name of names) keys.push((parent = await parent.createKey(name)));
  for (const each of keys) await each.close();
}

async function removeSubkeys(key: ActorKey, ...names: readonly string[]): Promise<void> {
  for (let count = names.length; count > 0; count--) {
    const sub = await key.openKey(names.slice(0, count).join('\\'));
    await sub.delete();
    await sub.close();
  }
}

export function guardSuite(host: ConformanceHost): void {
  describe('guards', () => {
    scenario(host, 'a guard holds what changes its keys, and nothing else', async (fixture) => {
      const { key } = fixture;
      await key.setValue('old', 'x');
      const { guard, asked, decided } = await guarded(fixture, { keys: key.path });
      await assert.rejects(key.setValue('new', 'x'), denied);
      await assert.rejects(key.deleteValue('old'), denied);
      await assert.rejects(key.delete(), denied);
      assert.equal((await key.queryValue('old')).data, 'x');
      await key.enumerateValues();
      await key.flush();
      await subkeys(key, 'below');
      await removeSubkeys(key, 'below');
      await guard.unregister();
      await key.setValue('new', 'x');
      await key.deleteValue('new');
      assert.deepEqual(asked, ['SetValueKey new', 'DeleteValueKey old', 'DeleteKey']);
      assert.deepEqual(
        decided.map(({ operation, decision, status }) => [operation, decision.kind, decision.decidedBy, status]),
        ['SetValueKey', 'DeleteValueKey', 'DeleteKey'].map((name) => [name, 'block', 'callback', 0xc0000022]),
      );
      for (const event of decided) {
        sameKey(event.keyPath, key.path);
        assert.deepEqual(event.decision.rule, { index: 0, name: 'guard' });
      }
    });

    scenario(host, 'a guard holds what takes its keys along', async (fixture) => {
      const { key } = fixture;
      await subkeys(key, 'Above', 'Middle', 'Guarded');
      const rename = async (from: string, to: string) => {
        const opened = await key.openKey(from);
        await opened.rename(to).finally(() => opened.close());
      };
      const keys = `${key.path}\\Above\\Middle\\Guarded\\**`;
      const { guard, asked } = await guarded(fixture, { keys });
      await assert.rejects(rename('Above', 'Elsewhere'), denied);
      await assert.rejects(rename('Above\\Middle', 'Elsewhere'), denied);
      await assert.rejects(rename('Above\\Middle\\Guarded', 'Elsewhere'), denied);
      await subkeys(key, 'Other', 'Middle');
      await assert.rejects(rename('Other', 'Above'), denied);
      await rename('Other', 'Another');
      assert.deepEqual(asked, ['RenameKey', 'RenameKey', 'RenameKey', 'RenameKey']);
      await guard.update({ ancestors: false });
      await rename('Above', 'Elsewhere');
      assert.equal(asked.length, 4);
      await guard.unregister();
      await removeSubkeys(key, 'Another', 'Middle');
      await removeSubkeys(key, 'Elsewhere', 'Middle', 'Guarded');
    });

    scenario(host, 'a guard of values also holds the deletion and the renaming of their key', async (fixture) => {
      const { key } = fixture;
      await key.setValue('guarded', 1);
      const { guard, asked } = await guarded(fixture, { keys: key.path, valueNames: 'Guarded' });
      await key.setValue('other', 1);
      await key.deleteValue('other');
      await assert.rejects(key.setValue('GUARDED', 2), denied);
      await assert.rejects(key.delete(), denied);
      await assert.rejects(key.rename('elsewhere'), denied);
      await guard.unregister();
      assert.deepEqual(asked, ['SetValueKey GUARDED', 'DeleteKey', 'RenameKey']);
      assert.equal((await key.queryValue('guarded')).data, 1);
    });

    scenario(host, 'a guard lets its exceptions through, and changes while it stands', async (fixture) => {
      const { key } = fixture;
      const except = [{ valueNames: 'mine*' }, { operations: 'CreateKey' }] as const;
      const { guard, asked } = await guarded(fixture, { keys: `${key.path}\\**`, except });
      await key.setValue('mine too', 1);
      await subkeys(key, 'below');
      await assert.rejects(key.setValue('yours', 1), denied);
      await guard.update({ except: undefined });
      await assert.rejects(key.setValue('mine', 1), denied);
      await assert.rejects(guard.update({ keys: 'HKXX' }), { code: 'CMB_INVALID_RULES' });
      await assert.rejects(key.setValue('mine', 1), denied);
      await guard.update({ keys: `${key.path}\\below` });
      await key.setValue('mine', 1);
      await guard.unregister();
      assert.deepEqual(asked, ['SetValueKey yours', 'SetValueKey mine', 'SetValueKey mine']);
      await removeSubkeys(key, 'below');
    });

    scenario(host, 'a guard as a dry run lets everything pass and tells what it would have done', async (fixture) => {
      const { key } = fixture;
      const { guard, asked, decided } = await guarded(fixture, { keys: key.path, dryRun: true }, (operation) =>
        operation === 'SetValueKey' ? block('STATUS_OBJECT_NAME_NOT_FOUND') : bypass(),
      );
      await key.setValue('a', 1);
      await key.deleteValue('a');
      await assert.rejects(key.queryValue('a'), { ntStatusName: 'STATUS_OBJECT_NAME_NOT_FOUND' });
      await guard.unregister();
      assert.deepEqual(asked, ['SetValueKey a', 'DeleteValueKey a']);
      assert.deepEqual(
        decided.map(({ decision: { kind, dryRun, ended, status: would }, status }) => [
          kind,
          dryRun,
          ended,
          would,
          status,
        ]),
        [
          ['block', true, false, 0xc0000034, 0],
          ['bypass', true, false, 0, 0],
        ],
      );
    });

    scenario(host, 'a guard has a default for when its handler fails or takes too long', async (fixture) => {
      const { driver, actor, key } = fixture;
      const errors: unknown[] = [];
      const by: string[] = [];
      await using guard = await driver.guard(
        {
          altitude: nextAltitude(),
          keys: key.path,
          process: { id: actor.id },
          deadline: 50,
          onTimeout: 'block',
          status: 'STATUS_OBJECT_NAME_NOT_FOUND',
          onError: (error) => errors.push(error),
          onDecision: ({ decision }) => by.push(decision.decidedBy),
        },
        {
          SetValueKey: () => new Promise<undefined>(() => undefined),
          DeleteValueKey: () => {
            throw new Error('handler');
          },
          FlushKey: () => allow(),
        },
      );
      const missing = { ntStatusName: 'STATUS_OBJECT_NAME_NOT_FOUND' };
      await assert.rejects(key.setValue('a', 1), missing);
      await assert.rejects(key.deleteValue('a'), missing);
      await key.flush();
      await guard.unregister();
      assert.deepEqual(by, ['timeout', 'error', 'callback']);
      assert.deepEqual(errors.map(String), ['Error: handler']);
    });
  });
}
