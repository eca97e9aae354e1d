// What a decision means to the filters above and below, and to the caller, by three registrations of three sessions.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import {
  block,
  bypass,
  emulate,
  override,
  redirect,
  replace,
  type Decision,
  type Driver,
  type NotificationEvent,
  type Operation,
  type Phase,
} from '../../lib/index.js';
import {
  LONG,
  Policy,
  STATUS_ACCESS_DENIED,
  STATUS_BUFFER_OVERFLOW,
  STATUS_CANCELLED,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_SUCCESS,
  hasSettled,
  statusOf,
  text,
} from './decision-fixture.js';
import { sameKey, scenario, tick, type Fixture } from './fixture.js';
import type { ActorKey, ConformanceHost } from './host.js';

const levels = ['high', 'middle', 'low'] as const;
type Level = (typeof levels)[number];
const altitudes: Record<Level, string> = { high: '389630.7', middle: '389620.7', low: '389610.7' };

interface Asked {
  readonly phase: Phase;
  readonly decide: (event: NotificationEvent) => Decision | undefined;
}

type Stack = Record<Level, Policy>;

/** `pre`, `post 0x...`; with `?` what was asked about, and in brackets what the event says was decided. */
function brief(event: NotificationEvent): string {
  const status = event.phase === 'post' ? ` 0x${event.status.toString(16)}` : '';
  const { question, decision } = event;
  const told = decision === null ? '' : ` (${decision.kind}${decision.ended ? ', ended' : ''})`;
  return `${event.phase}${status}${question === null ? '' : '?'}${told}`;
}

const isNotification = (event: Policy['events'][number]): event is NotificationEvent =>
  'processId' in event && event.class !== 'unknown';

/** Registers at all three levels while `act` runs. Each hears of both phases of the operation on any key below the scratch key. */
async function stacked(
  { driver, actor, key, host }: Fixture,
  operation: Operation,
  asked: Partial<Record<Level, Asked>>,
  act: () => Promise<void>,
): Promise<Stack> {
  await using second = await host.openDriver();
  await using third = await host.openDriver();
  const drivers: Record<Level, Driver> = { high: third, middle: driver, low: second };
  const set = (level: Level): Promise<Policy> => {
    const { phase, decide } = asked[level] ?? {};
    const about = { keys: `${key.path}\\**`, operations: operation };
    const notify = { ...about, action: 'notify' } as const;
    const ask = { ...about, phases: phase, action: 'ask', deadline: LONG } as const;
    const rules = phase === undefined ? [notify] : [ask, notify];
    return Policy.set(drivers[level], actor, { altitude: altitudes[level], rules }, decide);
  };
  const stack = { low: await set('low'), middle: await set('middle'), high: await set('high') };
  await act();
  for (const level of levels) await stack[level].end();
  return stack;
}

const seen = (stack: Stack): Record<Level, string[]> => ({
  high: stack.high.events.filter(isNotification).map(brief),
  middle: stack.middle.events.filter(isNotification).map(brief),
  low: stack.low.events.filter(isNotification).map(brief),
});

interface Row {
  readonly name: string;
  readonly operation?: Operation;
  readonly asked: Partial<Record<Level, Asked>>;
  /** Default: a value is set. */
  readonly act?: (key: ActorKey) => Promise<number>;
  readonly sees: Record<Level, readonly string[]>;
  readonly caller: number;
}

const pre = (decide: () => Decision | undefined): Asked => ({ phase: 'pre', decide });
const post = (decide: () => Decision | undefined): Asked => ({ phase: 'post', decide });
const none: readonly string[] = [];
const watched = (status: string): readonly string[] => ['pre', `post 0x${status}`];
const deleteMissing = (key: ActorKey) => statusOf(key.deleteValue('missing'));
const queryShort = async (key: ActorKey) => {
  await key.setValue('v', text('x'.repeat(50)));
  return (await key.raw.queryValue('v', 2, 16)).status;
};

const rows: readonly Row[] = [
  {
    name: 'three filters that let an operation pass see its pre and its post',
    asked: { middle: pre(() => undefined) },
    sees: { high: watched('0'), middle: ['pre?', 'post 0x0 (allow)'], low: watched('0') },
    caller: STATUS_SUCCESS,
  },
  {
    name: 'a filter in the middle blocks, and the one below sees nothing',
    asked: { middle: pre(() => block()) },
    sees: { high: watched('c0000022'), middle: ['pre?', 'post 0xc0000022 (block, ended)'], low: none },
    caller: STATUS_ACCESS_DENIED,
  },
  {
    name: 'a filter in the middle bypasses, and the one below sees nothing',
    asked: { middle: pre(() => bypass()) },
    sees: { high: watched('0'), middle: ['pre?', 'post 0x0 (bypass, ended)'], low: none },
    caller: STATUS_SUCCESS,
  },
  {
    name: 'the highest filter blocks, and those below see nothing',
    asked: { high: pre(() => block()) },
    sees: { high: ['pre?', 'post 0xc0000022 (block, ended)'], middle: none, low: none },
    caller: STATUS_ACCESS_DENIED,
  },
  {
    name: 'the lowest filter blocks, and those above see the failure',
    asked: { low: pre(() => block('STATUS_CANCELLED')) },
    sees: {
      high: watched('c0000120'),
      middle: watched('c0000120'),
      low: ['pre?', 'post 0xc0000120 (block, ended)'],
    },
    caller: STATUS_CANCELLED,
  },
  {
    name: 'a filter in the middle answers with a warning, and the one above sees it',
    operation: 'QueryValueKey',
    asked: { middle: pre(() => emulate({ type: 'REG_SZ', data: 'y'.repeat(60) })) },
    act: queryShort,
    sees: { high: watched('80000005'), middle: ['pre?', 'post 0x80000005 (emulate, ended)'], low: none },
    caller: STATUS_BUFFER_OVERFLOW,
  },
  {
    name: 'the lowest filter makes a failure a success, and those above see the success',
    operation: 'DeleteValueKey',
    asked: { low: post(() => override(STATUS_SUCCESS)) },
    act: deleteMissing,
    sees: { high: watched('0'), middle: watched('0'), low: ['pre', 'post 0xc0000034?'] },
    caller: STATUS_SUCCESS,
  },
  {
    name: 'a filter in the middle makes a success a failure, and the one below sees the success',
    asked: { middle: post(() => override('STATUS_ACCESS_DENIED')) },
    sees: { high: watched('c0000022'), middle: ['pre', 'post 0x0?'], low: watched('0') },
    caller: STATUS_ACCESS_DENIED,
  },
  {
    name: 'a filter in the middle blocks, and the highest makes it a success for the caller',
    asked: { high: post(() => override(STATUS_SUCCESS)), middle: pre(() => block()) },
    sees: { high: ['pre', 'post 0xc0000022?'], middle: ['pre?', 'post 0xc0000022 (block, ended)'], low: none },
    caller: STATUS_SUCCESS,
  },
  {
    name: 'each of three filters overrides in post, and the highest comes last',
    asked: {
      low: post(() => override('STATUS_CANCELLED')),
      middle: post(() => override('STATUS_ACCESS_DENIED')),
      high: post(() => override('STATUS_OBJECT_NAME_NOT_FOUND')),
    },
    sees: { low: ['pre', 'post 0x0?'], middle: ['pre', 'post 0xc0000120?'], high: ['pre', 'post 0xc0000022?'] },
    caller: STATUS_OBJECT_NAME_NOT_FOUND,
  },
];

export function decisionOrderSuite(host: ConformanceHost): void {
  describe('decisions among filters', () => {
    for (const { name, operation = 'SetValueKey', asked, act, sees, caller } of rows) {
      scenario(host, name, async (fixture) => {
        const { key } = fixture;
        let status = -1;
        const stack = await stacked(fixture, operation, asked, async () => {
          status = await (act ?? ((each: ActorKey) => statusOf(each.setValue('v', text('')))))(key);
        });
        assert.deepEqual(seen(stack), sees);
        assert.equal(status, caller);
      });
    }

    scenario(host, 'a filter in the middle replaces a value, and the one below sees that', async (fixture) => {
      const { key } = fixture;
      const asked = { middle: pre(() => replace({ type: 'REG_DWORD', data: 7 })) };
      const stack = await stacked(fixture, 'SetValueKey', asked, () => key.setValue('v', text('mine')));
      assert.deepEqual(seen(stack), {
        high: watched('0'),
        middle: ['pre?', 'post 0x0 (replace, ended)'],
        low: watched('0'),
      });
      const written = (level: Level) =>
        stack[level].events.map(
          (event) => 'previousMode' in event && 'value' in event && [event.value?.data, event.previousMode],
        );
      assert.deepEqual(written('high'), Array(2).fill(['mine', 'user']));
      assert.deepEqual(written('low'), Array(2).fill([7, 'kernel']));
      assert.equal((await key.queryValue('v')).data, 7);
    });

    scenario(host, 'what the driver does in place of an operation is not asked about below', async (fixture) => {
      const { key } = fixture;
      const asked = {
        middle: pre(() => replace({ type: 'REG_SZ', data: 'other' })),
        low: pre(() => block()),
      };
      const stack = await stacked(fixture, 'SetValueKey', asked, () => key.setValue('v', text('mine')));
      assert.equal(stack.low.questions.length, 0);
      assert.deepEqual([stack.low.decision.kind, stack.low.decision.decidedBy], ['allow', 'exemption']);
      assert.equal((await key.queryValue('v')).data, 'other');
    });

    scenario(
      host,
      'a filter in the middle redirects an open, and the one above sees the key that the caller gets',
      async (fixture) => {
        const { actor, key } = fixture;
        await (await key.createKey('there')).close();
        const there = `${key.path}\\there`;
        const stack = await stacked(fixture, 'OpenKey', { middle: pre(() => redirect(there)) }, async () => {
          const opened = await actor.openKey(`${key.path}\\here`);
          await opened.setValue('v', text(''));
          await opened.close();
        });
        assert.deepEqual(seen(stack), {
          high: watched('0'),
          middle: ['pre?', 'post 0x0 (redirect, ended)'],
          low: watched('0'),
        });
        const paths = (level: Level) => stack[level].events.map((event) => 'keyPath' in event && event.keyPath);
        for (const level of levels) sameKey(paths(level)[1] as string, there);
        sameKey(paths('high')[0] as string, `${key.path}\\here`);
        sameKey(paths('middle')[0] as string, `${key.path}\\here`);
        sameKey(paths('low')[0] as string, there);
        const target = await actor.openKey(there);
        assert.equal((await target.queryValue('v')).data, '');
        await target.delete();
        await target.close();
      },
    );

    scenario(
      host,
      'a filter in the middle redirects a failed open, and the one below sees it fail and another one',
      async (fixture) => {
        const { actor, key } = fixture;
        await (await key.createKey('there')).close();
        const there = `${key.path}\\there`;
        const stack = await stacked(fixture, 'OpenKey', { middle: post(() => redirect(there)) }, async () => {
          await (await actor.openKey(`${key.path}\\missing`)).close();
        });
        const { high, middle, low } = seen(stack);
        assert.deepEqual(high, watched('0'));
        assert.deepEqual(middle, ['pre', 'post 0xc0000034?']);
        // Its own pair, and the one of what the driver opens in its place.
        assert.deepEqual(low, [...watched('c0000034'), ...watched('0')]);
        await actor.deleteTree(there);
      },
    );

    if (host.abilities.has('transactions')) {
      scenario(host, 'what the driver does in place of an operation is part of its transaction', async (fixture) => {
        const { actor, key } = fixture;
        for (const isCommitted of [true, false]) {
          const transaction = await actor.createTransaction();
          const about = { keys: `${key.path}\\**`, action: 'ask', deadline: LONG } as const;
          const policy = await Policy.set(
            fixture.driver,
            actor,
            { rules: [{ ...about, operations: ['SetValueKey', 'CreateKey'] }] },
            (event) =>
              event.class === 'RegNtPreSetValueKey'
                ? replace({ type: 'REG_SZ', data: 'other' })
                : redirect(`${key.path}\\there`),
          );
          const made = await actor.createKey(`${key.path}\\here`, { transaction });
          await made.setValue('v', text('mine'));
          await made.close();
          await policy.end();
          for (const event of policy.decided) assert.notEqual(event.transaction, null, event.class);
          assert.equal(policy.decided.length, 2);
          await (isCommitted ? transaction.commit() : transaction.rollback());
          await transaction.close();
          assert.equal(await statusOf(actor.openKey(`${key.path}\\here`)), STATUS_OBJECT_NAME_NOT_FOUND);
          const there = await actor.openKey(`${key.path}\\there`).catch(() => null);
          assert.equal((await there?.queryValue('v'))?.data ?? null, isCommitted ? 'other' : null);
          await there?.delete();
          await there?.close();
        }
      });
    }

    scenario(host, 'a registration that ends between the phases still gets its post', async (fixture) => {
      const { driver, actor, key } = fixture;
      const rules = [{ keys: key.path, operations: 'SetValueKey', action: 'notify' }] as const;
      const upper = await Policy.set(driver, actor, { altitude: altitudes.middle, rules });
      let answer: (decision?: Decision) => void = () => undefined;
      const answered = new Promise<Decision | undefined>((resolve) => (answer = resolve));
      const ask = [{ keys: key.path, operations: 'SetValueKey', action: 'ask', deadline: LONG }] as const;
      const lower = await Policy.set(driver, actor, { altitude: altitudes.low, rules: ask }, () => answered);
      const setting = statusOf(key.setValue('v', text('')));
      for (let turn = 0; turn < 2000 && lower.questions.length === 0; turn += 1) await tick();
      const ending = upper.end();
      for (let turn = 0; turn < 10; turn += 1) await tick();
      assert.equal(await hasSettled(ending), false, 'it waits for what is under way');
      answer();
      assert.equal(await setting, STATUS_SUCCESS);
      await ending;
      await lower.end();
      assert.deepEqual(upper.events.filter(isNotification).map(brief), watched('0'));
    });
  });
}
