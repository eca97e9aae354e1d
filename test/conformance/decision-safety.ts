// docs/decisions.md, "What is promised": whatever happens to the program, nobody waits longer than the deadline.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { allow, block, type Decision } from '../../lib/index.js';
import { ask, asked, assertBalanced, closed, lastDecision, never, onThreads, set } from './decision-asking.js';
import {
  LONG,
  Policy,
  SHORT,
  STATUS_CANCELLED,
  STATUS_SUCCESS,
  hasSettled,
  statusOf,
  type Decide,
} from './decision-fixture.js';
import { nextAltitude, scenario, until } from './fixture.js';
import type { ConformanceHost } from './host.js';

export function decisionSafetySuite(host: ConformanceHost): void {
  describe('safety of decisions', () => {
    for (const [name, rule, status, kind] of [
      ['open', {}, STATUS_SUCCESS, 'allow'],
      ['closed', closed, STATUS_CANCELLED, 'block'],
    ] as const) {
      scenario(host, `a deadline that passes fails ${name}, and a later answer is counted`, async (fixture) => {
        const { driver, actor, key } = fixture;
        let answer: (decision: Decision) => void = () => undefined;
        const late = new Promise<Decision>((resolve) => (answer = resolve));
        const policy = await Policy.set(driver, actor, { rules: ask(key, SHORT, rule) }, () => late);
        assert.equal(await set(key), status);
        await asked(policy, 1);
        answer(kind === 'allow' ? block() : allow());
        await until(async () => (await policy.registration.statistics()).decisions.lateReplies === 1n);
        const { decisions } = await policy.registration.statistics();
        await policy.end();
        assert.deepEqual([decisions.timedOut, decisions.answered, decisions.lateReplies], [1n, 0n, 1n]);
        assertBalanced(decisions);
        assert.deepEqual(lastDecision(policy), [kind, 'timeout']);
        assert.deepEqual([policy.decision.status, policy.decision.ended], [status, status !== STATUS_SUCCESS]);
        assert.equal((await statusOf(key.queryValue('v'))) === STATUS_SUCCESS, status === STATUS_SUCCESS);
      });
    }

    for (const [name, decide, isReported] of [
      [
        'throws',
        () => {
          throw new Error('thrown by the callback');
        },
        true,
      ],
      ['rejects', () => Promise.reject(new Error('thrown by the callback')), true],
      ['decides nonsense', () => ({ kind: 'explode' }), true],
      ['never answers', () => never, false],
    ] as const satisfies readonly (readonly [string, Decide, boolean])[]) {
      scenario(host, `a callback that ${name} leaves the operation its default`, async ({ driver, actor, key }) => {
        const deadline = isReported ? LONG : SHORT;
        for (const [rule, status] of [
          [{}, STATUS_SUCCESS],
          [closed, STATUS_CANCELLED],
        ] as const) {
          const policy = await Policy.set(driver, actor, { rules: ask(key, deadline, rule) }, decide);
          assert.equal(await set(key), status);
          await asked(policy, 1);
          const { decisions } = await policy.registration.statistics();
          await policy.registration.unregister();
          assert.equal(policy.errors.length, isReported ? 1 : 0);
          policy.errors.length = 0;
          await policy.end();
          const decidedBy = isReported ? 'error' : 'timeout';
          assert.deepEqual(lastDecision(policy), [status === STATUS_SUCCESS ? 'allow' : 'block', decidedBy]);
          assert.deepEqual([decisions.answered, decisions.timedOut], isReported ? [1n, 0n] : [0n, 1n]);
        }
      });
    }

    scenario(host, 'a rule that says no deadline has half a second', async ({ driver, actor, key }) => {
      const rules = [{ keys: key.path, operations: 'SetValueKey', action: 'ask' }] as const;
      const policy = await Policy.set(driver, actor, { rules });
      assert.equal(await set(key), STATUS_SUCCESS);
      await asked(policy, 1);
      await policy.end();
      const [question] = policy.questions;
      assert.deepEqual(question?.question, { deadline: 500, rule: { index: 0, name: null } });
    });

    scenario(host, 'an answer that takes its time delays nobody else', async ({ driver, actor, key }) => {
      let answer: (decision: Decision) => void = () => undefined;
      const slow = new Promise<Decision>((resolve) => (answer = resolve));
      const policy = await Policy.set(driver, actor, { rules: ask(key, LONG) }, (event) =>
        'valueName' in event && event.valueName === 'slow' ? slow : allow(),
      );
      const thread = actor.createThread();
      const other = await thread.openKey(key.path);
      const waiting = set(other, 'slow');
      await asked(policy, 1);
      for (let turn = 0; turn < 50; turn += 1) assert.equal(await set(key, `v${String(turn)}`), STATUS_SUCCESS);
      assert.equal(await hasSettled(waiting), false);
      answer(block('STATUS_CANCELLED'));
      assert.equal(await waiting, STATUS_CANCELLED);
      await other.close();
      await thread.close();
      await policy.end();
      assert.equal(policy.decided.length, 51);
    });

    scenario(
      host,
      'no more operations of a process are held than half of what may be; for the others the default holds',
      async ({ driver, actor, key }) => {
        assert.equal(driver.limits.maxHeld, 5);
        const policy = await Policy.set(driver, actor, { rules: ask(key, LONG, closed) }, () => never);
        const waiting = await onThreads(actor, key, 3);
        await asked(policy, 3);
        assert.equal(await set(key, 'one too many'), STATUS_CANCELLED);
        const { decisions } = await policy.registration.statistics();
        assert.deepEqual([decisions.held, decisions.heldPeak, decisions.asked], [3n, 3n, 3n]);
        assert.equal(decisions.unasked.limit, 1n);
        await policy.end();
        assert.deepEqual(await waiting.ends(), Array(3).fill(STATUS_CANCELLED));
        const by = policy.decided.map(({ decision }) => decision.decidedBy).sort();
        assert.deepEqual(by, ['limit', 'release', 'release', 'release']);
      },
      { maxHeld: 5 },
    );

    const crowd = host.abilities.has('many threads') ? 1000 : 32;
    scenario(
      host,
      `${String(crowd)} operations wait at once, and each has its own answer`,
      async (fixture) => {
        const { driver, actor, key } = fixture;
        let open: () => void = () => undefined;
        const gate = new Promise<void>((resolve) => (open = resolve));
        const policy = await Policy.set(driver, actor, { rules: ask(key, LONG) }, async (event) => {
          await gate;
          return 'valueName' in event && Number(event.valueName) % 2 === 1 ? block('STATUS_CANCELLED') : allow();
        });
        const waiting = await onThreads(actor, key, crowd);
        await asked(policy, crowd);
        const { decisions } = await policy.registration.statistics();
        assert.deepEqual([decisions.held, decisions.unasked.limit], [BigInt(crowd), 0n]);
        open();
        const ends = await waiting.ends();
        await policy.end();
        assert.deepEqual(
          ends,
          ends.map((_, index) => (index % 2 === 1 ? STATUS_CANCELLED : STATUS_SUCCESS)),
        );
      },
      { maxHeld: 2 * crowd },
    );

    scenario(host, 'unregistering lets go of those who wait, with the default', async ({ driver, actor, key }) => {
      for (const [rule, status] of [
        [{}, STATUS_SUCCESS],
        [closed, STATUS_CANCELLED],
      ] as const) {
        const policy = await Policy.set(driver, actor, { rules: ask(key, LONG, rule) }, () => never);
        const waiting = await onThreads(actor, key, 4);
        await asked(policy, 4);
        await policy.end();
        assert.deepEqual(await waiting.ends(), Array(4).fill(status));
        for (const { decision } of policy.decided) assert.equal(decision.decidedBy, 'release');
        assert.equal(policy.decided.length, 4);
      }
    });

    scenario(host, 'closing the session lets go of those who wait', async ({ actor, key, driver }) => {
      const before = (await driver.statistics({ scope: 'driver' })).decisions;
      const second = await host.openDriver();
      const policy = await Policy.set(second, actor, { rules: ask(key, LONG, closed) }, () => never);
      const waiting = await onThreads(actor, key, 4);
      await asked(policy, 4);
      await second.close();
      assert.deepEqual(await waiting.ends(), Array(4).fill(STATUS_CANCELLED));
      assert.equal(await set(key), STATUS_SUCCESS, 'the rules are gone with the session');
      const after = (await driver.statistics({ scope: 'driver' })).decisions;
      assert.deepEqual([after.released - before.released, after.held], [4n, 0n]);
      assertBalanced(after);
    });

    scenario(host, 'a program that is killed lets go of those who wait', async ({ driver, actor, key }) => {
      const decisions = async () => (await driver.statistics({ scope: 'driver' })).decisions;
      const before = await decisions();
      const victim = await host.startVictim(nextAltitude(), { rules: ask(key, LONG, closed) });
      const waiting = await onThreads(actor, key, 3);
      await until(async () => (await decisions()).held === 3n);
      assert.equal((await decisions()).held, 3n);
      await victim.kill();
      assert.deepEqual(await waiting.ends(), Array(3).fill(STATUS_CANCELLED));
      const after = await decisions();
      assert.deepEqual([after.released - before.released, after.timedOut - before.timedOut, after.held], [3n, 0n, 0n]);
      await until(async () => (await set(key)) === STATUS_SUCCESS);
      assert.equal(await set(key), STATUS_SUCCESS, 'its rules are gone');
    });

    scenario(host, 'a program whose event loop stands still holds up to the deadline', async ({ driver, key }) => {
      const rules = ask(key, SHORT, closed);
      const victim = await host.startVictim(nextAltitude(), { rules, blocks: true });
      const before = (await driver.statistics({ scope: 'driver' })).decisions;
      for (let turn = 0; turn < 3; turn += 1) assert.equal(await set(key), STATUS_CANCELLED);
      const after = (await driver.statistics({ scope: 'driver' })).decisions;
      assert.equal(after.timedOut - before.timedOut, 3n);
      await victim.kill();
      await until(async () => (await set(key)) === STATUS_SUCCESS);
      assert.equal(await set(key), STATUS_SUCCESS);
    });
  });
}
