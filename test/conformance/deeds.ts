// One operation of each kind.
import { parseSddl, type Operation } from '../../lib/index.js';
import { statusOf, text } from './decision-fixture.js';
import { child, exists, fresh, type DeedKind } from './deed.js';
import { hiveDeeds } from './deeds-hives.js';

const DACL = 4;
const KeyFullInformation = 2;
const KeyBasicInformation = 0;
const KeyValuePartialInformation = 2;
const sddl = 'D:(A;;KA;;;BA)(A;;KA;;;SY)(A;;KA;;;WD)';

type Child = Awaited<ReturnType<typeof child>>;

/** A query of a key that has a value and a key below it. */
const query = (operation: Operation, ask: (key: Child['key']) => Promise<{ status: number }>): DeedKind => ({
  operation,
  fits: ['emulate'],
  async prepare(fixture) {
    const made = await child(fixture);
    await (await made.key.createKey('Below')).close();
    return { ...made, act: async () => (await ask(made.key)).status, happened: null };
  },
});

export const deedKinds: readonly DeedKind[] = [
  {
    operation: 'SetValueKey',
    fits: ['bypass', 'replace'],
    async prepare(fixture) {
      const made = await child(fixture);
      return {
        ...made,
        act: () => statusOf(made.key.setValue('v', text('after'))),
        happened: async () => (await made.key.queryValue('v')).data === 'after',
      };
    },
  },
  {
    operation: 'DeleteValueKey',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      return {
        ...made,
        act: () => statusOf(made.key.deleteValue('v')),
        happened: async () => (await statusOf(made.key.queryValue('v'))) !== 0,
      };
    },
  },
  {
    operation: 'DeleteKey',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      return {
        ...made,
        act: () => statusOf(made.key.delete()),
        happened: async () => !(await exists(fixture, made.path)),
      };
    },
  },
  {
    operation: 'RenameKey',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      const name = fresh();
      const moved = `${fixture.key.path}\\${name}`;
      return {
        path: made.path,
        act: () => statusOf(made.key.rename(name)),
        happened: () => exists(fixture, moved),
        undo: async () => {
          await made.key.close();
          for (const path of [made.path, moved]) await fixture.actor.deleteTree(path);
        },
      };
    },
  },
  {
    operation: 'CreateKey',
    fits: ['redirect'],
    prepare(fixture) {
      const path = `${fixture.key.path}\\${fresh()}`;
      return Promise.resolve({
        path,
        act: () => statusOf(fixture.actor.createKey(path).then((key) => key.close())),
        happened: () => exists(fixture, path),
        undo: () => fixture.actor.deleteTree(path),
      });
    },
  },
  {
    operation: 'OpenKey',
    fits: ['redirect'],
    async prepare(fixture) {
      const made = await child(fixture);
      const open = () => statusOf(fixture.actor.openKey(made.path).then((key) => key.close()));
      return { ...made, act: open, happened: null };
    },
  },
  {
    operation: 'SetInformationKey',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      const time = 0x01d0_0000_0000_0000n;
      return {
        ...made,
        act: () => statusOf(made.key.setLastWriteTime(time)),
        happened: fixture.host.abilities.has('write times')
          ? async () => (await made.key.query()).lastWriteTime === time
          : null,
      };
    },
  },
  {
    operation: 'SetKeySecurity',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      const read = async () => Buffer.from(await made.key.querySecurity(DACL)).toString('hex');
      const before = await read();
      return {
        ...made,
        act: () => statusOf(made.key.setSecurity(DACL, parseSddl(sddl))),
        happened: async () => (await read()) !== before,
      };
    },
  },
  {
    operation: 'FlushKey',
    fits: ['bypass'],
    async prepare(fixture) {
      const made = await child(fixture);
      return { ...made, act: () => statusOf(made.key.flush()), happened: null };
    },
  },
  query('QueryKey', (key) => key.raw.queryKey(KeyFullInformation, 512)),
  query('EnumerateKey', (key) => key.raw.enumerateKey(0, KeyBasicInformation, 512)),
  query('QueryValueKey', (key) => key.raw.queryValue('v', KeyValuePartialInformation, 512)),
  query('EnumerateValueKey', (key) => key.raw.enumerateValue(0, KeyValuePartialInformation, 512)),
  query('QueryMultipleValueKey', (key) => key.raw.queryMultipleValues(['v'], 512)),
  query('QueryKeySecurity', (key) => key.raw.querySecurity(DACL, 512)),
  ...hiveDeeds,
];
