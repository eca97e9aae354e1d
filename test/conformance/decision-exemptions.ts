import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { block, type EventDecision, type Rule } from '../../lib/index.js';
import { ask, closed, lastDecision, set } from './decision-asking.js';
import {
  LONG,
  Policy,
  STATUS_ACCESS_DENIED,
  STATUS_CANCELLED,
  STATUS_SUCCESS,
  statusOf,
  type PolicyOptions,
} from './decision-fixture.js';
import { nextAltitude, scenario, type Fixture } from './fixture.js';
import type { ConformanceHost } from './host.js';

export function exemptionSuite(host: ConformanceHost): void {
  describe('exemptions', () => {
    /** Nobody is asked about `act`, whatever the default; a rule that blocks holds or not as `isBlocked` says. */
    const exempt = (
      name: string,
      isBlocked: boolean,
      perform: (fixture: Fixture) => Promise<number>,
      options: Partial<PolicyOptions> = {},
    ): void => {
      scenario(host, name, async (fixture) => {
        const { driver, key } = fixture;
        const events: EventDecision[] = [];
        let questions = 0;
        const decide = async (rules: Rule[]) => {
          const registration = await driver.registerCallback(
            { altitude: nextAltitude(), ...options, rules },
            (event) => {
              if ('decision' in event && event.decision !== null) events.push(event.decision);
              if ('question' in event && event.question !== null) questions += 1;
            },
          );
          const status = await perform(fixture);
          const { decisions } = await registration.statistics();
          await registration.unregister();
          return { status, decisions };
        };
        const asking = await decide(ask(key, LONG, closed));
        assert.equal(asking.status, STATUS_SUCCESS);
        assert.deepEqual([questions, asking.decisions.asked, asking.decisions.unasked.exemption], [0, 0n, 1n]);
        const [told] = events.splice(0);
        assert.deepEqual([told?.kind, told?.decidedBy], ['allow', 'exemption']);

        const blocking = await decide([
          { keys: `${key.path}\\**`, operations: 'SetValueKey', action: 'block', status: 'STATUS_CANCELLED' },
        ]);
        assert.equal(blocking.status, isBlocked ? STATUS_CANCELLED : STATUS_SUCCESS);
        const [blocked] = events.splice(0);
        assert.deepEqual([blocked?.kind, blocked?.decidedBy], isBlocked ? ['block', 'rule'] : ['allow', 'exemption']);
        assert.equal(asking.decisions.held, 0n);
      });
    };

    if (host.ownProcess) {
      exempt(
        "the program's own process is not asked about; what rules block holds for it",
        true,
        async ({ driver, key }) => {
          const own = host.ownProcess?.(driver);
          assert.ok(own);
          const opened = await own.openKey(key.path);
          const status = await set(opened);
          await opened.close();
          await own.exit();
          return status;
        },
      );
    }

    if (host.abilities.has('kernel callers')) {
      for (const caller of [
        { mode: 'kernel', irql: 'passive' },
        { mode: 'kernel', irql: 'apc' },
        { mode: 'user', irql: 'apc' },
      ] as const) {
        const isUser = caller.mode === 'user';
        exempt(
          `calls from ${caller.mode} mode at ${caller.irql} level are not asked about${isUser ? '; what rules block holds for them' : ', nor blocked'}`,
          isUser,
          async ({ actor, key }) => {
            const thread = actor.createThread();
            const opened = await thread.openKey(key.path);
            await thread.setCaller(caller);
            const status = await set(opened);
            await thread.setCaller();
            await opened.close();
            await thread.close();
            return status;
          },
        );
      }

      scenario(host, 'a rule may say that it blocks what comes from kernel mode', async ({ driver, actor, key }) => {
        for (const irql of ['passive', 'apc'] as const) {
          const about = { keys: key.path, operations: 'SetValueKey', kernelMode: true } as const;
          for (const [action, status] of [
            ['block', STATUS_CANCELLED],
            ['bypass', STATUS_SUCCESS],
          ] as const) {
            const rule =
              action === 'block' ? { ...about, action, status: 'STATUS_CANCELLED' as const } : { ...about, action };
            const policy = await Policy.set(driver, actor, { rules: [rule] });
            const thread = actor.createThread();
            const opened = await thread.openKey(key.path);
            await thread.setCaller({ mode: 'kernel', irql });
            assert.equal(await set(opened), status);
            await thread.setCaller();
            assert.notEqual(await statusOf(opened.queryValue('v')), STATUS_SUCCESS, 'nothing was written');
            await opened.close();
            await thread.close();
            await policy.end();
            assert.deepEqual(lastDecision(policy), [action, 'rule']);
          }
        }
      });
    }

    if (host.abilities.has('identities') || host.abilities.has('process trees')) {
      const isMade = host.abilities.has('identities');
      const childSets = async ({ driver, key }: Fixture) => {
        const child = await host.createActor(driver, isMade ? { parentId: process.pid } : undefined);
        const opened = await child.openKey(key.path);
        const status = await set(opened);
        await opened.close();
        await child.exit();
        return status;
      };
      exempt('children of the program are not asked about if so registered', true, childSets, { exemptChildren: true });

      scenario(host, 'children of the program are asked about otherwise', async ({ driver, key, actor }) => {
        let questions = 0;
        const registration = await driver.registerCallback(
          { altitude: nextAltitude(), rules: ask(key, LONG) },
          (event) => {
            if ('question' in event && event.question !== null) questions += 1;
            return block('STATUS_CANCELLED');
          },
        );
        assert.equal(await childSets({ driver, key, actor, host }), STATUS_CANCELLED);
        await registration.unregister();
        assert.equal(questions, 1);
      });
    }

    scenario(host, 'closing a handle and asking for a name are never asked about', async ({ driver, actor, key }) => {
      for (const operations of ['KeyHandleClose', 'QueryKeyName', 'CallbackObjectContextCleanup'] as const) {
        await assert.rejects(
          Policy.set(driver, actor, { rules: [{ operations, action: 'ask' }] }, () => block()),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, 'CMB_INVALID_RULES');
            assert.match(error.message, new RegExp(`rules\\[0\\]\\.(operations|action).*${operations}`, 's'));
            return true;
          },
        );
      }
      // Everything else about the key is asked about, and refused.
      const policy = await Policy.set(
        driver,
        actor,
        { rules: [{ keys: `${key.path}\\**`, action: 'ask', deadline: LONG }] },
        () => block(),
      );
      assert.equal(await set(key), STATUS_ACCESS_DENIED);
      const again = await key.duplicate();
      assert.equal(await statusOf(again.queryName()), STATUS_SUCCESS);
      await again.close();
      await policy.end();
      assert.deepEqual(
        policy.questions.map((event) => event.class),
        ['RegNtPreSetValueKey'],
      );
    });
  });
}
