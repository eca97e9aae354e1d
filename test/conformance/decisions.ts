import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import {
  allow,
  block,
  bypass,
  emulate,
  override,
  redirect,
  replace,
  type Decision,
  type EventDecision,
  type Rule,
  type Statistics,
} from '../../lib/index.js';
import {
  LONG,
  Policy,
  STATUS_ACCESS_DENIED,
  STATUS_CANCELLED,
  STATUS_SUCCESS,
  type Decide,
} from './decision-fixture.js';
import type { DeedKind } from './deed.js';
import { deedKinds } from './deeds.js';
import { scenario, type Fixture } from './fixture.js';
import type { ConformanceHost } from './host.js';

interface Outcome {
  readonly status: number;
  readonly happened: boolean | null;
  readonly policy: Policy;
  readonly statistics: Statistics['decisions'];
}

/** Does the deed once under one rule, and looks afterwards what became of it. */
async function round(fixture: Fixture, folder: string, kind: DeedKind, rule: Rule, decide?: Decide): Promise<Outcome> {
  const deed = await kind.prepare(fixture, folder);
  try {
    const deadline = rule.action === 'ask' ? { deadline: LONG } : {};
    const rules = [{ ...rule, ...deadline, keys: deed.path, operations: [kind.operation] }];
    const policy = await Policy.set(fixture.driver, fixture.actor, { rules }, decide);
    const status = await deed.act();
    const { decisions } = await policy.registration.statistics();
    await policy.registration.unregister();
    return { status, happened: (await deed.happened?.()) ?? null, policy, statistics: decisions };
  } finally {
    await deed.undo?.();
  }
}

function assertDecision(decision: EventDecision, expected: Partial<EventDecision>): void {
  for (const [name, value] of Object.entries(expected))
    assert.equal(decision[name as keyof EventDecision], value, name);
  assert.ok(decision.latency > 0, 'deciding takes time');
  assert.deepEqual(decision.rule, { index: 0, name: null });
}

/** Every decision but those that fit any class. */
const particular = {
  bypass: () => bypass(),
  emulate: () => emulate({ type: 'REG_SZ', data: '' }),
  replace: () => replace({ type: 'REG_SZ', data: '' }),
  redirect: () => redirect('HKLM\\SOFTWARE'),
  override: () => override('STATUS_ACCESS_DENIED'),
} satisfies Record<string, () => Decision>;

export function decisionSuite(host: ConformanceHost): void {
  const withFolder = (name: string, body: (fixture: Fixture, folder: string) => Promise<void>): void => {
    scenario(host, name, async (fixture) => {
      const folder = await mkdtemp(join(tmpdir(), 'cmbridge-deed-'));
      try {
        await body(fixture, folder);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  };

  describe('decisions on every operation', () => {
    for (const kind of deedKinds) {
      if (kind.ability !== undefined && !host.abilities.has(kind.ability)) continue;
      const { operation } = kind;

      withFolder(`${operation} is done when the callback allows it`, async (fixture, folder) => {
        for (const answer of [allow(), undefined, Promise.resolve(allow())]) {
          const { status, happened, policy, statistics } = await round(
            fixture,
            folder,
            kind,
            { action: 'ask' },
            () => answer,
          );
          assert.equal(status, STATUS_SUCCESS);
          assert.notEqual(happened, false);
          await policy.end();
          assertDecision(policy.decision, { kind: 'allow', decidedBy: 'callback', dryRun: false, ended: false });
          assert.deepEqual(
            [statistics.asked, statistics.answered, statistics.byKind.allow, statistics.held],
            [1n, 1n, 1n, 0n],
          );
        }
      });

      withFolder(`${operation} is not done when the callback blocks it`, async (fixture, folder) => {
        for (const [answer, wanted] of [
          [block(), STATUS_ACCESS_DENIED],
          [block('STATUS_CANCELLED'), STATUS_CANCELLED],
        ] as const) {
          const { status, happened, policy, statistics } = await round(
            fixture,
            folder,
            kind,
            { action: 'ask' },
            () => answer,
          );
          assert.equal(status, wanted);
          assert.notEqual(happened, true);
          await policy.end();
          const [question, told] = policy.events;
          assert.equal(policy.events.length, 2);
          assert.ok(question && 'question' in question && question.question !== null);
          assert.ok(told && 'preSequence' in told);
          assert.deepEqual([told.preSequence, told.status], [question.sequence, wanted]);
          assert.deepEqual(question.question, { deadline: LONG, rule: { index: 0, name: null } });
          const expected = {
            kind: 'block',
            decidedBy: 'callback',
            status: wanted,
            dryRun: false,
            ended: true,
          } as const;
          assertDecision(policy.decision, expected);
          assert.equal(statistics.byKind.block, 1n);
        }
      });

      withFolder(`${operation} is not done when a rule blocks it`, async (fixture, folder) => {
        const rule = { action: 'block', status: 'STATUS_CANCELLED' } as const;
        const { status, happened, policy, statistics } = await round(fixture, folder, kind, rule);
        assert.equal(status, STATUS_CANCELLED);
        assert.notEqual(happened, true);
        await policy.end();
        assert.equal(policy.events.length, 1, 'a rule needs no question');
        const expected = {
          kind: 'block',
          decidedBy: 'rule',
          status: STATUS_CANCELLED,
          dryRun: false,
          ended: true,
        } as const;
        assertDecision(policy.decision, expected);
        assert.deepEqual([statistics.asked, statistics.byKind.block], [0n, 1n]);
      });

      withFolder(`${operation} is done when the decision to block it is a dry run`, async (fixture, folder) => {
        const rules: [Rule, EventDecision['decidedBy']][] = [
          [{ action: 'block', dryRun: true }, 'rule'],
          [{ action: 'ask', dryRun: true }, 'callback'],
        ];
        for (const [rule, decidedBy] of rules) {
          const { status, happened, policy, statistics } = await round(fixture, folder, kind, rule, () => block());
          assert.equal(status, STATUS_SUCCESS);
          assert.notEqual(happened, false);
          await policy.end();
          const expected = {
            kind: 'block',
            decidedBy,
            status: STATUS_ACCESS_DENIED,
            dryRun: true,
            ended: false,
          } as const;
          assertDecision(policy.decision, expected);
          assert.deepEqual([statistics.byKind.block, statistics.dryRun], [1n, 1n]);
        }
      });

      if (kind.fits.includes('bypass')) {
        withFolder(`${operation} is done in name only when it is bypassed`, async (fixture, folder) => {
          const rules: [Rule, EventDecision['decidedBy']][] = [
            [{ action: 'bypass' }, 'rule'],
            [{ action: 'ask' }, 'callback'],
          ];
          for (const [rule, decidedBy] of rules) {
            const { status, happened, policy, statistics } = await round(fixture, folder, kind, rule, () => bypass());
            assert.equal(status, STATUS_SUCCESS);
            assert.notEqual(happened, true);
            await policy.end();
            const expected = { kind: 'bypass', decidedBy, status: STATUS_SUCCESS, dryRun: false, ended: true } as const;
            assertDecision(policy.decision, expected);
            assert.equal(statistics.byKind.bypass, 1n);
          }
        });
      }

      withFolder(`${operation} has its default when the decision does not suit it`, async (fixture, folder) => {
        for (const [name, make] of Object.entries(particular)) {
          if ((kind.fits as readonly string[]).includes(name)) continue;
          const open = await round(fixture, folder, kind, { action: 'ask' }, make);
          assert.equal(open.status, STATUS_SUCCESS, `${name}: the default is to allow`);
          assert.notEqual(open.happened, false);
          open.policy.takeError('CMB_INVALID_DECISION', new RegExp(`${name}.*${operation}|${operation}.*${name}`, 's'));
          await open.policy.end();
          assertDecision(open.policy.decision, { kind: 'allow', decidedBy: 'error', ended: false });

          const shut = { action: 'ask', onTimeout: 'block', status: 'STATUS_CANCELLED' } as const;
          const closed = await round(fixture, folder, kind, shut, make);
          assert.equal(closed.status, STATUS_CANCELLED, `${name}: the default is to block`);
          assert.notEqual(closed.happened, true);
          closed.policy.takeError('CMB_INVALID_DECISION', new RegExp(name));
          await closed.policy.end();
          const expected = { kind: 'block', decidedBy: 'error', status: STATUS_CANCELLED, ended: true } as const;
          assertDecision(closed.policy.decision, expected);
        }
      });
    }
  });
}
