import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules, type Driver, type Rule } from '../../../lib/index.js';
import { openDriverWith } from '../../../lib/driver/open-driver.js';
import * as P from '../../../lib/wire/protocol.js';
import { RulesRefusedError } from '../../../lib/session/rules-requests.js';
import { FakeAddon } from '../support/fake-addon.js';

const rules: Rule[] = [{ keys: 'HKLM\\SYSTEM\\CurrentControlSet\\Services\\**', action: 'notify' }];
const others: Rule[] = [{ operations: 'SetValueKey', action: 'notify' }];

async function open(addon = new FakeAddon()): Promise<[Driver, FakeAddon]> {
  return [await openDriverWith(() => addon), addon];
}

describe('rules of a registration', () => {
  it('the rules of a registration go with REGISTER, compiled for the machine of the driver', async () => {
    const [driver, addon] = await open();
    assert.deepEqual([driver.limits.controlSet, driver.limits.maxRulesBytes], [1, P.CMB_MAX_RULES_BYTES]);
    for (const altitude of ['1', '12.5', '385210.4771']) {
      const registration = await driver.registerCallback({ altitude, rules, otherwise: 'notify' });
      const expected = compileRules(rules, { controlSet: 1, otherwise: 'notify' }).bytes;
      assert.deepEqual(addon.channel.programs.at(-1), expected);
      assert.deepEqual(registration.rules?.bytes, expected);
      assert.deepEqual(registration.rules.warnings, []);
      await registration.unregister();
    }
    const plain = await driver.registerCallback({ altitude: '2' });
    assert.equal(addon.channel.programs.at(-1)?.byteLength, 0);
    assert.equal(plain.rules, null);
    await driver.close();
    const unknown = new FakeAddon();
    unknown.controlSet = 0;
    assert.equal((await open(unknown))[0].limits.controlSet, null);
  });

  it('the rules of a registration are set anew as a whole, in the order of the calls', async () => {
    const [driver, addon] = await open();
    const registration = await driver.registerCallback({ altitude: '1', rules });
    const compiled = compileRules(others);
    addon.channel.sequence = 41n;
    let isFirst = true;
    addon.channel.beforeAnswer = async () => {
      if (isFirst) await new Promise((resolve) => setTimeout(resolve, 20));
      isFirst = false;
    };
    const results = await Promise.all([
      registration.setRules([], { otherwise: 'notify' }),
      registration.setRules(compiled),
      registration.setRules(null),
      registration.setRules(rules),
    ]);
    assert.deepEqual(
      results.map(({ sequence }) => sequence),
      [41n, 41n, 41n, 41n],
    );
    const sent = addon.channel.programs.slice(1);
    assert.deepEqual(sent, [
      compileRules([], { otherwise: 'notify' }).bytes,
      compiled.bytes,
      new Uint8Array(),
      compileRules(rules, { controlSet: 1 }).bytes,
    ]);
    assert.deepEqual(registration.rules?.bytes, sent.at(-1));
    await registration.unregister();
    await assert.rejects(registration.setRules([]), { code: 'CMB_INVALID_COOKIE' });
    await driver.close();
    await assert.rejects(registration.setRules([]), { code: 'CMB_DRIVER_CLOSED' });
  });

  it('rules that the driver refuses are an error with reason and offset, and change nothing', async () => {
    const [driver, addon] = await open();
    const registration = await driver.registerCallback({ altitude: '1', rules });
    const before = registration.rules;
    addon.refusal = { reason: P.CMB_RULES_REASON_NODE, offset: 296 };
    const isRefused = (error: unknown) => {
      assert.ok(error instanceof RulesRefusedError);
      assert.deepEqual(
        [error.code, error.ntStatusName, error.reason, error.offset],
        ['CMB_RULES_REFUSED', 'STATUS_BAD_DATA', 'NODE', 296],
      );
      assert.match(error.message, /offset 296, as a node of a pattern is damaged/);
      return true;
    };
    await assert.rejects(registration.setRules(others), isRefused);
    assert.equal(registration.rules, before);
    await assert.rejects(driver.registerCallback({ altitude: '2', rules }), isRefused);
    addon.refusal = { reason: 99, offset: 8 };
    await assert.rejects(registration.setRules(others), { reason: '99' });
    addon.refusal = null;
    await registration.setRules(others);
    await driver.close();
  });

  it('rules that are wrong or ask too much never reach the driver', async () => {
    const [driver, addon] = await open();
    const registration = await driver.registerCallback({ altitude: '1' });
    const requests = addon.channel.requests.length;
    const refused: [input: unknown, options: object | undefined, code: string, message: RegExp][] = [
      [[{ keys: 'X', action: 'notify' }], undefined, 'CMB_INVALID_RULES', /^rules\[0\]\.keys: /],
      ['HKLM', undefined, 'CMB_INVALID_RULES', /^rules: must be a list/],
      [[{ action: 'notify' }, { action: 'block' }], undefined, 'CMB_NOT_SUPPORTED', /^rules\[1\]\.action: .*"block"$/],
      [compileRules([{ action: 'ask' }]), undefined, 'CMB_NOT_SUPPORTED', /^rules\[0\]\.action: .*"ask"$/],
      [compileRules([]), { otherwise: 'notify' }, 'CMB_INVALID_ARGUMENT', /"otherwise"/],
      [{ bytes: new Uint8Array(8) }, undefined, 'CMB_INVALID_ARGUMENT', /"rules\.bytes"/],
      [null, { otherwise: 'notify' }, 'CMB_INVALID_ARGUMENT', /"otherwise"/],
      [[], { otherWise: 'notify' }, 'CMB_UNKNOWN_OPTION', /"otherwise"/],
      [[], { otherwise: 'block' }, 'CMB_INVALID_RULES', /^otherwise: /],
    ];
    for (const [input, options, code, message] of refused) {
      await assert.rejects(registration.setRules(input as Rule[], options), { code, message }, String(message));
      if (input === null || code === 'CMB_UNKNOWN_OPTION') continue;
      const register = { altitude: '2', rules: input as Rule[], ...options };
      await assert.rejects(driver.registerCallback(register), { code, message });
    }
    await assert.rejects(driver.registerCallback({ altitude: '2', otherwise: 'notify' }), {
      code: 'CMB_INVALID_ARGUMENT',
    });
    await assert.rejects(registration.setRules([], { signal: AbortSignal.abort() }), { code: 'CMB_ABORTED' });
    assert.equal(addon.channel.requests.length, requests);
    addon.capabilities |= P.CMB_CAPABILITY_REPLY;
    await driver.close();
    const [able] = await open(addon);
    const blocking = await able.registerCallback({ altitude: '1', rules: [{ action: 'block' }] });
    // All pre classes but close.
    assert.equal(blocking.rules?.classMask, 0x0002_aa55_5400_03ffn);
    await able.close();
  });

  it('rules need a driver that takes them', async () => {
    const addon = new FakeAddon();
    addon.capabilities = 0;
    const [driver] = await open(addon);
    await assert.rejects(driver.registerCallback({ altitude: '1', rules: [] }), { code: 'CMB_NOT_SUPPORTED' });
    await driver.registerCallback({ altitude: '1' });
    await driver.close();
  });
});
