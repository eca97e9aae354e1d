// Operations with files of hives.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { statusOf, text } from './decision-fixture.js';
import { child, exists, fresh, mountPoint, type DeedKind } from './deed.js';
import type { Fixture } from './fixture.js';

const FORCE_RESTORE = 8;

async function loaded(fixture: Fixture, file: string) {
  const mount = mountPoint();
  await fixture.key.save(file);
  await fixture.actor.loadKey(mount, file);
  return { mount, root: await fixture.actor.openKey(mount) };
}

export const hiveDeeds: readonly DeedKind[] = [
  {
    operation: 'SaveKey',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const made = await child(fixture);
      const file = join(folder, `${fresh()}.hiv`);
      return {
        ...made,
        act: () => statusOf(made.key.save(file)),
        happened: async () => (await readFile(file)).length > 0,
      };
    },
  },
  {
    operation: 'LoadKey',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const [file, mount] = [join(folder, `${fresh()}.hiv`), mountPoint()];
      await fixture.key.save(file);
      return {
        path: mount,
        act: () => statusOf(fixture.actor.loadKey(mount, file)),
        happened: () => exists(fixture, mount),
        undo: () => statusOf(fixture.actor.unloadKey(mount)),
      };
    },
  },
  {
    operation: 'UnLoadKey',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const { mount, root } = await loaded(fixture, join(folder, `${fresh()}.hiv`));
      await root.close();
      return {
        path: mount,
        act: () => statusOf(fixture.actor.unloadKey(mount)),
        happened: async () => !(await exists(fixture, mount)),
        undo: () => statusOf(fixture.actor.unloadKey(mount)),
      };
    },
  },
  {
    operation: 'RestoreKey',
    ability: 'restore',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const made = await child(fixture);
      const file = join(folder, `${fresh()}.hiv`);
      await made.key.save(file);
      await made.key.setValue('v', text('later'));
      return {
        ...made,
        act: () => statusOf(made.key.restore(file, { flags: FORCE_RESTORE })),
        happened: async () => (await made.key.queryValue('v')).data === 'before',
      };
    },
  },
  {
    operation: 'ReplaceKey',
    ability: 'restore',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const { mount, root } = await loaded(fixture, join(folder, `${fresh()}.hiv`));
      const [next, old] = [join(folder, `${fresh()}.hiv`), join(folder, `${fresh()}.hiv`)];
      await fixture.key.save(next);
      return {
        path: mount,
        act: () => statusOf(root.replace(next, old)),
        happened: null,
        undo: async () => {
          await root.close();
          await fixture.actor.unloadKey(mount);
        },
      };
    },
  },
  {
    operation: 'SaveMergedKey',
    ability: 'restore',
    fits: ['bypass'],
    async prepare(fixture, folder) {
      const high = await loaded(fixture, join(folder, `${fresh()}.hiv`));
      const low = await loaded(fixture, join(folder, `${fresh()}.hiv`));
      const file = join(folder, `${fresh()}.hiv`);
      return {
        path: high.mount,
        act: () => statusOf(high.root.saveMerged(low.root, file)),
        happened: async () => (await readFile(file)).length > 0,
        undo: async () => {
          for (const { mount, root } of [high, low]) {
            await root.close();
            await fixture.actor.unloadKey(mount);
          }
        },
      };
    },
  },
];
