import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { allow, block, type EventDecision } from '../../lib/index.js';
import { ask, closed, never, set } from './decision-asking.js';
import { LONG, Policy, SHORT, STATUS_CANCELLED, STATUS_SUCCESS, type PolicyOptions } from './decision-fixture.js';
import { scenario, until } from './fixture.js';
import type { ConformanceHost } from './host.js';

function lastDecisionSoFar(decisions: readonly EventDecision[]): [string, string] {
  const last = decisions.at(-1);
  assert.ok(last);
  return [last.kind, last.decidedBy];
}

async function settledDecisions(policy: Policy, count: number): Promise<EventDecision[]> {
  await until(() => Promise.resolve(policy.decided.length >= count));
  return policy.decided.map(({ decision }) => decision);
}

export function breakerSuite(host: ConformanceHost): void {
  describe('the breaker', () => {
    scenario(
      host,
      'a breaker opens after missed deadlines, says so, and closes again',
      async ({ driver, actor, key }) => {
        let isAwake = false;
        const options: PolicyOptions = {
          rules: ask(key, SHORT, closed),
          breaker: { missedDeadlines: 2, coolDown: 1500 },
        };
        const policy = await Policy.set(driver, actor, options, () => (isAwake ? allow() : never));
        const breakers = () => policy.events.filter((event) => event.class === 'breaker');
        for (let turn = 0; turn < 2; turn += 1) assert.equal(await set(key), STATUS_CANCELLED);
        assert.deepEqual(lastDecisionSoFar(await settledDecisions(policy, 2)), ['block', 'timeout']);

        assert.equal(await set(key), STATUS_CANCELLED, 'the default holds while nobody is asked');
        assert.deepEqual(lastDecisionSoFar(await settledDecisions(policy, 3)), ['block', 'breaker']);
        await until(() => Promise.resolve(breakers().length === 1));
        const [opened] = breakers();
        assert.ok(opened);
        assert.deepEqual([opened.state, opened.missedDeadlines, opened.coolDown], ['open', 2, 1500]);
        assert.equal(opened.cookie, policy.registration.cookie);

        isAwake = true;
        await policy.registration.setRules(ask(key, LONG, closed));
        await until(async () => (await set(key)) === STATUS_SUCCESS);
        assert.equal(await set(key), STATUS_SUCCESS, 'it asks again');
        const { decisions } = await policy.registration.statistics();
        await policy.end();
        const [, shut, ...more] = breakers();
        assert.ok(shut);
        assert.deepEqual([shut.state, shut.unasked, more.length], ['closed', decisions.unasked.breaker, 0]);
        assert.ok(decisions.unasked.breaker >= 1n);
        assert.deepEqual([decisions.breakerTrips, decisions.timedOut, decisions.answered], [1n, 2n, 2n]);
        const unasked = policy.decided.filter(({ decision }) => decision.decidedBy === 'breaker');
        assert.equal(BigInt(unasked.length), decisions.unasked.breaker);
      },
    );

    scenario(host, 'a breaker that opens for one registration opens for no other', async ({ driver, actor, key }) => {
      const about = (valueNames: string) => ask(key, SHORT, { ...closed, valueNames });
      const options = { breaker: { missedDeadlines: 1, coolDown: 600_000 } };
      const broken = await Policy.set(driver, actor, { ...options, rules: about('broken') }, () => never);
      const sound = await Policy.set(
        driver,
        actor,
        { ...options, rules: ask(key, LONG, { valueNames: 'sound' }) },
        () => block('STATUS_CANCELLED'),
      );
      for (let turn = 0; turn < 3; turn += 1) {
        await set(key, 'broken');
        assert.equal(await set(key, 'sound'), STATUS_CANCELLED);
      }
      await broken.end();
      await sound.end();
      assert.deepEqual(
        broken.decided.map(({ decision }) => decision.decidedBy),
        ['timeout', 'breaker', 'breaker'],
      );
      assert.deepEqual(
        sound.decided.map(({ decision }) => decision.decidedBy),
        ['callback', 'callback', 'callback'],
      );
    });

    scenario(host, 'an answer between missed deadlines keeps the breaker shut', async ({ driver, actor, key }) => {
      const rules = [...ask(key, SHORT, { valueNames: 'missed' }), ...ask(key, LONG)];
      const options: PolicyOptions = { rules, breaker: { missedDeadlines: 2, coolDown: 600_000 } };
      const policy = await Policy.set(driver, actor, options, (event) =>
        'valueName' in event && event.valueName === 'missed' ? never : block('STATUS_CANCELLED'),
      );
      const ends: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) ends.push(await set(key, 'missed'), await set(key, 'met'));
      await settledDecisions(policy, 6);
      const { decisions } = await policy.registration.statistics();
      assert.equal(
        decisions.latency.buckets.reduce((sum, count) => sum + count),
        6n,
      );
      await policy.end();
      assert.deepEqual(ends, Array(3).fill([STATUS_SUCCESS, STATUS_CANCELLED]).flat());
      assert.deepEqual([decisions.breakerTrips, decisions.timedOut, decisions.answered], [0n, 3n, 3n]);
    });
  });
}
