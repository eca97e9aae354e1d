import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { explainRules, type Event, type Rule } from '../../lib/index.js';
import { Random } from '../unit/support/random.js';
import { randomRules, type RuleVocabulary } from '../unit/support/random-rules.js';
import { collect, only, scenario } from './fixture.js';
import type { Actor, ActorKey, ConformanceHost } from './host.js';

export const names = ['Eins', 'Zwei', 'größe', 'a*b'];
export const valueNames = ['', 'Start', 'C:\\a', 'ß'];
const values = [
  { type: 'REG_SZ', data: 'x' },
  { type: 'REG_DWORD', data: 1 },
  { type: 'REG_BINARY', data: Uint8Array.of(1) },
] as const;

/** Whatever may fail does; the rules see that as well. */
async function attempt(operation: Promise<unknown>): Promise<void> {
  await operation.catch(() => undefined);
}

export async function operate(random: Random, actor: Actor, root: ActorKey): Promise<void> {
  const [first, second] = [random.pick(names), random.pick(names)];
  const key = await actor.createKeyPath(`${root.path}\\${first}\\${second}`).catch(() => null);
  if (key === null) return;
  for (let turn = 0; turn < 6; turn++) {
    const name = random.pick(valueNames);
    switch (random.below(8)) {
      case 0:
        await attempt(key.deleteValue(name));
        break;
      case 1:
        await attempt(key.queryValue(name));
        break;
      case 2:
        await attempt(key.query());
        await attempt(key.enumerateValues());
        break;
      case 3:
        await attempt(root.openKey(`${random.pick(names)}\\missing`));
        break;
      case 4:
        await attempt(key.queryMultipleValues([name, 'Start']));
        break;
      case 5:
        await attempt(key.rename(random.pick([...names, 'New'])));
        break;
      default:
        await attempt(key.setValue(name, random.pick(values)));
    }
  }
  if (random.below(2) === 0) await attempt(key.delete());
  await key.close();
}

/** An event only tells the parent of its process, so a tree has to be one of which that is enough. */
function withKnownTree(rule: Rule, id: number): Rule {
  return rule.process?.tree === undefined ? rule : { ...rule, process: { ...rule.process, tree: id } };
}

const textOf = (event: Event) =>
  event.class === 'gap' || event.class === 'breaker'
    ? event.class
    : `${event.class} ${event.keyPath} ${'valueName' in event ? event.valueName : ''} ${event.statusName}`;

export function randomRuleSuite(host: ConformanceHost): void {
  // Process trees are part of what random rules say.
  if (!host.abilities.has('process trees')) return;
  describe('random rules', () => {
    scenario(host, 'random rules are decided by the driver as they read', async ({ driver, actor, key }) => {
      const random = new Random(11);
      const probe = await collect(driver, actor, { classes: ['RegNtPreQueryKey'] });
      await key.query();
      await probe.registration.unregister();
      const { process } = only(probe.events, 'RegNtPreQueryKey');
      const words: RuleVocabulary = {
        keyPaths: names.flatMap((name) => [
          key.path,
          `${key.path}\\${name}`,
          `${key.path}\\${name}\\${random.pick(names)}`,
        ]),
        valueNames,
        valueTypes: ['REG_SZ', 'REG_DWORD', 'REG_BINARY'],
        images: [process.imagePath ?? '\\Device\\HarddiskVolume1\\actor.exe'],
        users: [process.user ?? 'S-1-5-18', 'S-1-5-19'],
        processIds: [actor.id, 4],
        sessions: [process.sessionId ?? 0, 7],
        operations: [
          'SetValueKey',
          'QueryValueKey',
          'DeleteValueKey',
          'CreateKey',
          'OpenKey',
          'RenameKey',
          'KeyHandleClose',
        ],
      };
      let wanted = 0;
      let rest = 0;
      for (let round = 0; round < 40; round++) {
        const rules = randomRules(random, words, 1 + random.below(8)).map((rule) => withKnownTree(rule, actor.id));
        const otherwise = random.pick(['ignore', 'ignore', 'notify'] as const);
        const observer = await collect(driver, actor);
        const isSetLater = random.below(2) === 0;
        const ruled = await collect(driver, actor, isSetLater ? { rules: [] } : { rules, otherwise });
        if (isSetLater) await ruled.registration.setRules(rules, { otherwise });
        for (let turn = 0; turn < 2; turn++) await operate(random, actor, key);
        await ruled.registration.unregister();
        await observer.registration.unregister();
        const options = { otherwise, controlSet: driver.limits.controlSet ?? undefined };
        const expected = observer.events.filter((event) => {
          const { action, uncertain } = explainRules(rules, event, options);
          assert.equal(uncertain, false);
          return action === 'notify';
        });
        const [actual, wish] = [ruled.events.map(textOf), expected.map(textOf)];
        const at = wish.findIndex((text, index) => text !== actual[index]);
        const where = { at, actual: actual.slice(at, at + 2), wish: wish.slice(at, at + 2), otherwise, rules };
        assert.deepEqual(actual, wish, JSON.stringify(where, null, 1));
        wanted += expected.length;
        rest += observer.events.length - expected.length;
      }
      assert.ok(wanted > 200 && rest > 200, `${wanted} ${rest}`);
      await actor.deleteTree(key.path);
    });
  });
}
