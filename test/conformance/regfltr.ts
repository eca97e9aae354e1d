// The scenarios of the registry filter sample of the Windows driver kit, written as programs of this package.
//
// Left out: enlisting in a transaction as a resource manager, which is not offered, a callback that crashes, which no program can
// cause, and the version of the callbacks, which registration.ts asks for. What the sample does itself in place of an operation is
// done here by redirect() and replace(), or in another process.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import {
  block,
  bypass,
  override,
  parseSddl,
  redirect,
  replace,
  type NotificationEvent,
  type Operation,
  type Phase,
  type Rule,
} from '../../lib/index.js';
import {
  LONG,
  Policy,
  STATUS_ACCESS_DENIED,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_SUCCESS,
  statusOf,
} from './decision-fixture.js';
import { ofClass, only, sameKey, scenario, type Fixture } from './fixture.js';
import type { Actor, ActorKey, ConformanceHost } from './host.js';

const KEY = '_RegFltrKey';
const MOD_KEY = '_RegFltrModifiedKey';
const NOTMOD_KEY = '_RegFltrNotModifiedKey';
const VALUE = '_RegFltrValue';
const MOD_VALUE = '_RegFltrModifiedValue';
const NOTMOD_VALUE = '_RegFltrNotModifiedValue';
const HIGH = '380020';
const DEFAULT = '380010';
const LOW = '380000';
const one = { type: 'REG_DWORD', data: 1 } as const;

const create = (actor: Actor, key: ActorKey, name: string) =>
  statusOf(actor.createKey(`${key.path}\\${name}`).then((made) => made.close()));
const open = (actor: Actor, key: ActorKey, name: string) =>
  statusOf(actor.openKey(`${key.path}\\${name}`).then((opened) => opened.close()));
const set = (key: ActorKey, name: string) => statusOf(key.setValue(name, one));

/** Asks about the operations in one phase, below the key that the test has. */
const ask = (key: ActorKey, operations: readonly Operation[], phases: Phase = 'pre'): Rule => ({
  keys: `${key.path}\\**`,
  operations,
  phases,
  action: 'ask',
  deadline: LONG,
});
const endsWith = (event: NotificationEvent, name: string) =>
  event.keyPath?.toUpperCase().endsWith(`\\${name.toUpperCase()}`) === true;

async function clean({ actor, key }: Fixture): Promise<void> {
  for (const name of [KEY, MOD_KEY, NOTMOD_KEY]) await actor.deleteTree(`${key.path}\\${name}`);
}

export function regfltrSuite(host: ConformanceHost): void {
  const filter = (name: string, body: (fixture: Fixture) => Promise<void>): void => {
    scenario(host, name, async (fixture) => {
      await body(fixture);
      await clean(fixture);
    });
  };

  describe('the scenarios of regfltr', () => {
    filter('regfltr: a create and a set value that pre blocks are not done', async ({ driver, actor, key }) => {
      const rules = [ask(key, ['CreateKey', 'SetValueKey'])];
      const policy = await Policy.set(driver, actor, { altitude: DEFAULT, rules }, (event) => {
        if (event.class === 'RegNtPreCreateKeyEx' && endsWith(event, KEY)) return block();
        if (event.class === 'RegNtPreSetValueKey' && event.valueName === VALUE) return block();
        return undefined;
      });
      assert.equal(await create(actor, key, NOTMOD_KEY), STATUS_SUCCESS);
      assert.equal(await create(actor, key, KEY), STATUS_ACCESS_DENIED);
      assert.equal(await set(key, NOTMOD_VALUE), STATUS_SUCCESS);
      assert.equal(await set(key, VALUE), STATUS_ACCESS_DENIED);
      await policy.end();
      assert.equal(await open(actor, key, KEY), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await statusOf(key.deleteValue(VALUE)), STATUS_OBJECT_NAME_NOT_FOUND);
    });

    filter('regfltr: a create and a set value that pre bypasses are done elsewhere', async ({ driver, actor, key }) => {
      const helper = await host.createActor(driver);
      const other = await helper.openKey(key.path);
      const rules = [ask(key, ['CreateKey', 'SetValueKey'])];
      const policy = await Policy.set(driver, actor, { altitude: DEFAULT, rules }, async (event) => {
        if (event.class === 'RegNtPreCreateKeyEx' && endsWith(event, KEY)) return redirect(`${key.path}\\${MOD_KEY}`);
        if (event.class !== 'RegNtPreSetValueKey' || event.valueName !== VALUE) return undefined;
        await other.setValue(MOD_VALUE, { type: event.value.type, data: event.value.bytes });
        return bypass();
      });
      const made = await actor.createKey(`${key.path}\\${KEY}`);
      assert.equal(await set(key, VALUE), STATUS_SUCCESS);
      await policy.end();
      await other.close();
      await helper.exit();
      assert.equal(await open(actor, key, KEY), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await open(actor, key, MOD_KEY), STATUS_SUCCESS);
      sameKey(await made.queryName(), `${key.path}\\${MOD_KEY}`);
      await made.close();
      assert.equal(await statusOf(key.deleteValue(VALUE)), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal((await key.queryValue(MOD_VALUE)).data, 1);
    });

    filter('regfltr: a success that is overridden in post is an error and undone', async ({ driver, actor, key }) => {
      const rules = [ask(key, ['CreateKey', 'SetValueKey'], 'post')];
      const options = { altitude: DEFAULT, rules, oldValues: true };
      const policy = await Policy.set(driver, actor, options, (event) => {
        const isMeant =
          event.class === 'RegNtPostCreateKeyEx'
            ? endsWith(event, KEY)
            : event.class === 'RegNtPostSetValueKey' && event.valueName === VALUE;
        return isMeant ? override('STATUS_ACCESS_DENIED', { undo: true }) : undefined;
      });
      assert.equal(await set(key, NOTMOD_VALUE), STATUS_SUCCESS);
      assert.equal(await set(key, VALUE), STATUS_ACCESS_DENIED);
      assert.equal(await create(actor, key, NOTMOD_KEY), STATUS_SUCCESS);
      assert.equal(await create(actor, key, KEY), STATUS_ACCESS_DENIED);
      await policy.end();
      assert.equal(await statusOf(key.deleteValue(VALUE)), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await statusOf(key.deleteValue(NOTMOD_VALUE)), STATUS_SUCCESS);
      assert.equal(await open(actor, key, KEY), STATUS_OBJECT_NAME_NOT_FOUND);
    });

    filter('regfltr: an open that fails is redirected in post, and is a success', async ({ driver, actor, key }) => {
      assert.equal(await create(actor, key, MOD_KEY), STATUS_SUCCESS);
      assert.equal(await open(actor, key, KEY), STATUS_OBJECT_NAME_NOT_FOUND);
      const rules = [ask(key, ['OpenKey'], 'post')];
      const policy = await Policy.set(driver, actor, { altitude: DEFAULT, rules }, (event) =>
        endsWith(event, KEY) ? redirect(`${key.path}\\${MOD_KEY}`) : undefined,
      );
      const opened = await actor.openKey(`${key.path}\\${KEY}`);
      await policy.end();
      const question = only(policy.questions, 'RegNtPostOpenKeyEx');
      assert.deepEqual([question.status, question.keyObject], [STATUS_OBJECT_NAME_NOT_FOUND, null]);
      await opened.setValue('v', one);
      sameKey(await opened.queryName(), `${key.path}\\${MOD_KEY}`);
      await opened.close();
    });

    if (host.abilities.has('transactions')) {
      filter('regfltr: a redirected create is in the transaction of its root', async ({ driver, actor, key }) => {
        const transaction = await actor.createTransaction();
        const root = await actor.openKey(key.path, { transaction });
        const policy = await Policy.set(driver, actor, { altitude: DEFAULT, rules: [ask(key, ['CreateKey'])] }, () =>
          redirect(`${key.path}\\${MOD_KEY}`),
        );
        const made = await root.createKey(KEY);
        await policy.end();
        assert.notEqual(only(policy.questions, 'RegNtPreCreateKeyEx').transaction, null);
        const inside = () =>
          statusOf(actor.openKey(`${key.path}\\${MOD_KEY}`, { transaction }).then((opened) => opened.close()));
        assert.equal(await inside(), STATUS_SUCCESS);
        await made.close();
        await root.close();
        await transaction.rollback();
        await transaction.close();
        for (const name of [KEY, MOD_KEY]) assert.equal(await open(actor, key, name), STATUS_OBJECT_NAME_NOT_FOUND);
      });
    }

    for (const [name, decide, status, counts] of [
      ['the middle blocks', () => () => block(), STATUS_ACCESS_DENIED, { high: [1, 1], middle: [1, 0], low: [0, 0] }],
      [
        'the middle opens another key itself',
        (key: ActorKey) => () => redirect(`${key.path}\\${MOD_KEY}`),
        STATUS_SUCCESS,
        // Below, only what the driver does is seen.
        { high: [1, 1], middle: [1, 0], low: [1, 1] },
      ],
    ] as const) {
      filter(`regfltr: a create passes three altitudes, where ${name}`, async ({ driver, actor, key }) => {
        const notify = [{ keys: `${key.path}\\**`, operations: 'CreateKey', action: 'notify' }] as const;
        const high = await Policy.set(driver, actor, { altitude: HIGH, rules: notify });
        const middle = await Policy.set(
          driver,
          actor,
          { altitude: DEFAULT, rules: [ask(key, ['CreateKey'])] },
          decide(key),
        );
        const low = await Policy.set(driver, actor, { altitude: LOW, rules: notify });
        assert.equal(await create(actor, key, KEY), status);
        for (const policy of [high, middle, low]) await policy.end();
        const count = ({ events }: Policy) => [
          ofClass(events, 'RegNtPreCreateKeyEx').length,
          // A post that the driver makes in place of the kernel's is none.
          ofClass(events, 'RegNtPostCreateKeyEx').filter(({ decision }) => decision?.ended !== true).length,
        ];
        assert.deepEqual({ high: count(high), middle: count(middle), low: count(low) }, counts);
      });
    }

    filter('regfltr: the pre and post of one operation know each other', async ({ driver, actor, key }) => {
      const policy = await Policy.set(driver, actor, { rules: [ask(key, ['CreateKey', 'SetValueKey'])] });
      assert.equal(await create(actor, key, KEY), STATUS_SUCCESS);
      assert.equal(await set(key, VALUE), STATUS_SUCCESS);
      await policy.end();
      assert.deepEqual(
        policy.decided.map((event) => event.preSequence),
        policy.questions.map(({ sequence }) => sequence),
      );
      assert.equal(policy.decided.length, 2);
    });

    filter('regfltr: an open key has the same number until it closes', async ({ driver, actor, key }) => {
      const policy = await Policy.set(driver, actor, { rules: [ask(key, ['OpenKey', 'SetValueKey'])] });
      const second = await actor.openKey(key.path);
      await key.setValue(VALUE, one);
      await second.setValue(VALUE, one);
      await policy.end();
      await second.close();
      const opened = only(policy.events, 'RegNtPostOpenKeyEx').keyObject;
      const objects = ofClass(policy.events, 'RegNtPostSetValueKey').map(({ keyObject }) => keyObject);
      assert.ok(opened !== null);
      assert.equal(objects[1], opened);
      assert.notEqual(objects[0], opened);
    });

    if (host.abilities.has('access checks') && host.abilities.has('identities')) {
      filter('regfltr: a redirect to a key that the caller may not open is denied', async ({ driver, actor, key }) => {
        const closed = await actor.createKey(`${key.path}\\${MOD_KEY}`, {
          securityDescriptor: parseSddl('D:P(A;;KA;;;BA)(A;;KA;;;SY)'),
        });
        await closed.close();
        const poor = await host.createActor(driver, { elevated: false, user: 'S-1-5-21-1-2-3-1005' });
        const read = { access: 0x2_0019 } as const;
        for (const phase of ['pre', 'post'] as const) {
          const policy = await Policy.set(driver, poor, { rules: [ask(key, ['OpenKey'], phase)] }, () =>
            redirect(`${key.path}\\${MOD_KEY}`),
          );
          assert.equal(await statusOf(poor.openKey(`${key.path}\\${KEY}`, read)), STATUS_ACCESS_DENIED, phase);
          const { decisions } = await policy.registration.statistics();
          await policy.end();
          assert.deepEqual([decisions.byKind.redirect, decisions.failed], [1n, 1n]);
        }
        await poor.exit();
      });
    }

    if (host.abilities.has('control sets')) {
      filter('regfltr: a path over a link is decided about at each hop', async ({ driver, actor }) => {
        const name = `CmBridgeRegFltr${String(process.pid)}`;
        const target = `${name}Target`;
        const system = '\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet';
        for (const each of [name, target]) await (await actor.createKey(`${system}\\${each}`)).close();
        const rules = [
          {
            keys: `HKLM\\SYSTEM\\CurrentControlSet\\${name}`,
            operations: 'OpenKey',
            action: 'ask',
            deadline: LONG,
          },
        ] as const;
        const hops: string[] = [];
        const policy = await Policy.set(driver, actor, { rules }, (event) => {
          hops.push(event.keyPath?.split('\\')[4]?.toUpperCase() ?? '');
          return hops.length === 2 ? redirect(`${system}\\${target}`) : undefined;
        });
        const opened = await actor.openKey(`${system}\\${name}`);
        await policy.end();
        assert.equal(hops.length, 2);
        assert.equal(hops[0], 'CURRENTCONTROLSET');
        assert.match(hops[1] ?? '', /^CONTROLSET\d{3}$/);
        const [first] = ofClass(policy.events, 'RegNtPostOpenKeyEx');
        assert.equal(first?.statusName, 'STATUS_REPARSE');
        assert.ok((await opened.queryName()).toUpperCase().endsWith(target.toUpperCase()));
        await opened.close();
        for (const each of [name, target]) await actor.deleteTree(`${system}\\${each}`);
      });
    }

    filter('regfltr: what was captured is played again, and the caller succeeds', async ({ driver, actor, key }) => {
      const helper = await host.createActor(driver);
      const other = await helper.openKey(key.path);
      const rules = [ask(key, ['SetValueKey', 'DeleteValueKey'])];
      const policy = await Policy.set(driver, actor, { altitude: DEFAULT, rules }, async (event) => {
        if (event.class === 'RegNtPreSetValueKey') return replace({ type: event.value.type, data: event.value.bytes });
        if (event.class !== 'RegNtPreDeleteValueKey') return undefined;
        await other.deleteValue(event.valueName ?? '');
        return bypass();
      });
      assert.equal(await set(key, VALUE), STATUS_SUCCESS);
      const written = await key.queryValue(VALUE);
      assert.equal(await statusOf(key.deleteValue(VALUE)), STATUS_SUCCESS);
      await policy.end();
      await other.close();
      await helper.exit();
      assert.deepEqual([written.type, written.data], ['REG_DWORD', 1]);
      assert.equal(await statusOf(key.queryValue(VALUE)), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.deepEqual(
        policy.decided.map(({ decision }) => decision.kind),
        ['replace', 'bypass'],
      );
    });
  });
}
