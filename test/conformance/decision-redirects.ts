import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { redirect, type Rule } from '../../lib/index.js';
import {
  LONG,
  Policy,
  STATUS_CANCELLED,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_SUCCESS,
  statusOf,
} from './decision-fixture.js';
import { sameKey, scenario, type Fixture } from './fixture.js';
import type { ConformanceHost } from './host.js';

const ask = (path: string, more: Partial<Rule> = {}): Rule[] => [
  { keys: path, operations: ['OpenKey', 'CreateKey'], action: 'ask', deadline: LONG, ...more },
];
const closed = { onTimeout: 'block', status: 'STATUS_CANCELLED' } as const;

/** The key that an open of `path` leads to. */
async function opened({ actor }: Fixture, path: string): Promise<string> {
  const key = await actor.openKey(path);
  try {
    return await key.queryName();
  } finally {
    await key.close();
  }
}

export function redirectSuite(host: ConformanceHost): void {
  describe('redirects', () => {
    scenario(host, 'a redirect to a key that is missing tells the caller so', async ({ driver, actor, key }) => {
      const policy = await Policy.set(driver, actor, { rules: ask(`${key.path}\\here`) }, () =>
        redirect(`${key.path}\\no\\such\\key`),
      );
      assert.equal(await statusOf(actor.openKey(`${key.path}\\here`)), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await statusOf(actor.createKey(`${key.path}\\here`)), STATUS_OBJECT_NAME_NOT_FOUND);
      const { decisions } = await policy.registration.statistics();
      await policy.end();
      assert.deepEqual([decisions.byKind.redirect, decisions.failed], [2n, 2n]);
      for (const { decision } of policy.decided)
        assert.deepEqual(
          [decision.kind, decision.status, decision.ended],
          ['redirect', STATUS_OBJECT_NAME_NOT_FOUND, true],
        );
      assert.equal(policy.decided.length, 2);
      assert.equal(await statusOf(actor.openKey(`${key.path}\\here`)), STATUS_OBJECT_NAME_NOT_FOUND);
    });

    scenario(
      host,
      'a redirect to the key that was asked for is an error to the program, and the default to the caller',
      async (fixture) => {
        const { driver, actor, key } = fixture;
        const path = `${key.path}\\here`;
        await (await actor.createKey(path)).close();
        for (const same of [path, path.toUpperCase(), `${path}\\`, path.replace('\\here', '\\\\here')]) {
          const policy = await Policy.set(driver, actor, { rules: ask(path, closed) }, () => redirect(same));
          assert.equal(await statusOf(actor.openKey(path)), STATUS_CANCELLED, same);
          policy.takeError('CMB_INVALID_DECISION', /redirect/);
          await policy.end();
          assert.equal(policy.decision.decidedBy, 'error');
        }
        await actor.deleteTree(path);
      },
    );

    scenario(
      host,
      'two guards that redirect to each other lead once each, and the caller gets a key',
      async (fixture) => {
        const { driver, actor, key } = fixture;
        const [a, b] = [`${key.path}\\a`, `${key.path}\\b`];
        for (const path of [a, b]) await (await actor.createKey(path)).close();
        const upper = await Policy.set(driver, actor, { altitude: '389820.5', rules: ask(a) }, () => redirect(b));
        const lower = await Policy.set(driver, actor, { altitude: '389810.5', rules: ask(b) }, () => redirect(a));
        // What the driver opens for the upper one comes from kernel mode, so the lower one is not asked about it.
        sameKey(await opened(fixture, a), b);
        sameKey(await opened(fixture, b), a);
        await upper.end();
        await lower.end();
        const kinds = ({ decided }: Policy) => decided.map(({ decision }) => `${decision.kind} ${decision.decidedBy}`);
        assert.deepEqual(kinds(upper), ['redirect callback']);
        assert.deepEqual(kinds(lower), ['allow exemption', 'redirect callback']);
        for (const path of [a, b]) await actor.deleteTree(path);
      },
    );

    scenario(host, 'one guard that redirects round in a circle takes one step for each open', async (fixture) => {
      const { driver, actor, key } = fixture;
      const [a, b] = [`${key.path}\\a`, `${key.path}\\b`];
      for (const path of [a, b]) await (await actor.createKey(path)).close();
      const policy = await Policy.set(driver, actor, { rules: [...ask(a), ...ask(b)] }, (event) =>
        redirect(event.keyPath?.toUpperCase().endsWith('\\A') ? b : a),
      );
      sameKey(await opened(fixture, a), b);
      sameKey(await opened(fixture, b), a);
      await policy.end();
      assert.equal(policy.questions.length, 2);
      for (const path of [a, b]) await actor.deleteTree(path);
    });

    scenario(host, 'a redirect to a link that leads to itself ends in an error', async ({ driver, actor, key }) => {
      const path = `${key.path}\\link`;
      const link = await actor.createLink(path, path);
      const policy = await Policy.set(driver, actor, { rules: ask(`${key.path}\\here`) }, () => redirect(path));
      const status = await statusOf(actor.openKey(`${key.path}\\here`));
      assert.ok(status >= 0xc000_0000, status.toString(16));
      await policy.end();
      assert.deepEqual([policy.decision.kind, policy.decision.status], ['redirect', status]);
      await link.delete();
      await link.close();
    });

    scenario(host, 'a create that is redirected to a key that is there opens it', async ({ driver, actor, key }) => {
      const there = await actor.createKey(`${key.path}\\there`);
      const policy = await Policy.set(driver, actor, { rules: ask(`${key.path}\\*`) }, () => redirect(there.path));
      const made = await actor.createKey(`${key.path}\\here`);
      await policy.end();
      assert.equal(made.disposition, 'opened');
      sameKey(await made.queryName(), there.path);
      await made.close();
      assert.equal(await statusOf(actor.openKey(`${key.path}\\here`)), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await statusOf(there.delete()), STATUS_SUCCESS);
      await there.close();
    });
  });
}
