// What rules do while those that asked change, when memory is short, and when the session is gone.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { block, type Decision, type Rule } from '../../lib/index.js';
import { ask, asked, closed, lastDecision, never, onThreads, set } from './decision-asking.js';
import { LONG, Policy, STATUS_CANCELLED, STATUS_SUCCESS, hasSettled, statusOf } from './decision-fixture.js';
import { nextAltitude, scenario, tick } from './fixture.js';
import type { ConformanceHost } from './host.js';

export function lastingSuite(host: ConformanceHost): void {
  describe('rules that decide', () => {
    scenario(host, 'rules that are replaced keep whom they hold until the answer', async ({ driver, actor, key }) => {
      let answer: (decision: Decision) => void = () => undefined;
      const answered = new Promise<Decision>((resolve) => (answer = resolve));
      const policy = await Policy.set(driver, actor, { rules: ask(key, LONG) }, () => answered);
      const waiting = await onThreads(actor, key, 2);
      await asked(policy, 2);
      await policy.registration.setRules([]);
      assert.equal(await set(key), STATUS_SUCCESS, 'nobody is asked any more');
      for (let turn = 0; turn < 5; turn += 1) await tick();
      assert.equal((await policy.registration.statistics()).decisions.held, 2n);
      answer(block('STATUS_CANCELLED'));
      assert.deepEqual(await waiting.ends(), [STATUS_CANCELLED, STATUS_CANCELLED]);
      await policy.end();
      assert.deepEqual(lastDecision(policy), ['block', 'callback']);
    });

    scenario(host, 'a dry run tells its decisions and changes nothing', async ({ driver, actor, key }) => {
      const rules: Rule[] = [
        { keys: key.path, operations: 'SetValueKey', valueNames: 'asked', action: 'ask', deadline: LONG },
        { keys: key.path, operations: 'SetValueKey', action: 'block' },
      ];
      const policy = await Policy.set(driver, actor, { rules, dryRun: true }, () => block('STATUS_CANCELLED'));
      assert.equal(await set(key, 'asked'), STATUS_SUCCESS);
      assert.equal(await set(key, 'other'), STATUS_SUCCESS);
      await policy.end();
      assert.deepEqual(
        policy.decided.map(({ decision }) => [decision.kind, decision.decidedBy, decision.dryRun, decision.ended]),
        [
          ['block', 'callback', true, false],
          ['block', 'rule', true, false],
        ],
      );
      for (const name of ['asked', 'other']) assert.equal((await key.queryValue(name)).data, name);
    });

    scenario(host, 'a query for the name of a key can be blocked by a rule', async ({ driver, actor, key }) => {
      const rules: Rule[] = [
        { keys: key.path, operations: 'QueryKeyName', action: 'block', status: 'STATUS_CANCELLED' },
      ];
      const policy = await Policy.set(driver, actor, { rules });
      assert.equal(await statusOf(key.queryName()), STATUS_CANCELLED);
      await policy.end();
      assert.deepEqual(lastDecision(policy), ['block', 'rule']);
      assert.equal(await statusOf(key.queryName()), STATUS_SUCCESS);
    });

    const simulator = host.addon.simulator;
    // With faults on, whatever could fail first has failed already.
    if (simulator && !process.env['CMBRIDGE_TEST_FAULTS']) {
      scenario(host, 'a lack of memory lets nothing pass that is to be blocked', async ({ driver, actor, key }) => {
        const about = { keys: `${key.path}\\**`, operations: 'SetValueKey', valueNames: 'guarded*' } as const;
        const kinds: Rule[] = [
          { ...about, action: 'block', status: 'STATUS_CANCELLED' },
          { ...about, action: 'ask', deadline: LONG, ...closed },
        ];
        let failures = 0;
        for (const rule of kinds) {
          const policy = await Policy.set(driver, actor, { rules: [rule], oldValues: true }, () =>
            block('STATUS_CANCELLED'),
          );
          for (let nth = 1; nth <= 12; nth += 1) {
            // A key and a name that the driver has not seen, so that it has to find out all over again.
            const child = await actor.createKey(`${key.path}\\${String(nth)}`);
            const before = simulator.failedAllocations();
            simulator.failAllocation(nth);
            const status = await set(child, `guarded${String(nth)}`);
            simulator.failAllocation(0);
            failures += simulator.failedAllocations() - before;
            assert.ok(status >= 0xc000_0000, `${rule.action}, allocation ${String(nth)}: ${status.toString(16)}`);
            assert.notEqual(await statusOf(child.queryValue(`guarded${String(nth)}`)), STATUS_SUCCESS);
            await child.delete();
            await child.close();
          }
          await policy.registration.unregister();
        }
        assert.ok(failures > 2, `only ${String(failures)} allocations failed`);
      });
    }

    scenario(host, 'rules that persist outlive their session, and ask nobody', async ({ actor, key }) => {
      const altitude = nextAltitude();
      const first = await host.openDriver();
      const rules: Rule[] = [
        {
          keys: key.path,
          operations: 'SetValueKey',
          valueNames: 'blocked',
          action: 'block',
          status: 'STATUS_CANCELLED',
        },
        { keys: key.path, operations: 'SetValueKey', valueNames: 'asked', action: 'ask', deadline: LONG, ...closed },
      ];
      const policy = await Policy.set(first, actor, { altitude, rules, persist: 'until-unload' }, () => never);
      const held = set(key, 'asked');
      await asked(policy, 1);
      assert.equal(await hasSettled(held), false);
      await first.close();
      await using second = await host.openDriver();
      try {
        assert.equal(await held, STATUS_CANCELLED, 'who waited has the default');
        assert.equal(await set(key, 'blocked'), STATUS_CANCELLED);
        assert.equal(await set(key, 'asked'), STATUS_CANCELLED);
        assert.equal(await set(key, 'other'), STATUS_SUCCESS);
      } finally {
        // Whoever registers at the altitude takes its place.
        await (await second.registerCallback({ altitude }, () => undefined)).unregister();
      }
      assert.equal(await set(key, 'blocked'), STATUS_SUCCESS);
      assert.equal((await second.statistics({ scope: 'driver' })).decisions.held, 0n);
    });
  });
}
