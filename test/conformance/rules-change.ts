import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { CmBridgeError, compileRules, type Event, type Rule } from '../../lib/index.js';
import * as P from '../../lib/wire/protocol.js';
import { collect, nextAltitude, ofClass, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';
import { hello, registerWithRules, setRules } from './wire.js';

const empty = { type: 'REG_SZ', data: '' } as const;
const BAD_DATA = 0xc000_090b;

const named = (valueNames: string): Rule[] => [{ valueNames, classes: ['RegNtPostSetValueKey'], action: 'notify' }];
const names = (events: readonly Event[]) => ofClass(events, 'RegNtPostSetValueKey').map(({ valueName }) => valueName);

export function ruleChangeSuite(host: ConformanceHost): void {
  describe('changing rules', () => {
    scenario(host, 'new rules are in force for what begins afterwards', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { rules: named('a') });
      const both = async () => {
        for (const name of ['a', 'b']) await key.setValue(name, empty);
      };
      await both();
      const { sequence } = await registration.setRules(named('b'));
      await both();
      await registration.setRules([]);
      await both();
      await registration.setRules([], { otherwise: 'notify' });
      await key.flush();
      await registration.unregister();
      assert.deepEqual(names(events), ['a', 'b']);
      assert.deepEqual(
        events.filter((event) => event.class !== 'RegNtPostSetValueKey').map(({ class: name }) => name),
        ['RegNtPreFlushKey', 'RegNtPostFlushKey'],
      );
      const [before, after] = events;
      assert.ok(before && after && before.sequence <= sequence && after.sequence > sequence);
    });

    scenario(host, 'no operation is torn between two sets of rules', async ({ driver, actor, key }) => {
      const loud: Rule[] = [{ keys: `${key.path}\\**`, operations: ['SetValueKey'], action: 'notify' }];
      const { registration, events } = await collect(driver, actor, { rules: loud });
      let isBusy = true;
      const load = actor.load({ path: key.path, threads: 2, operations: 3000 }).finally(() => {
        isBusy = false;
      });
      for (let turn = 0; isBusy; turn += 1) await registration.setRules(turn % 2 === 0 ? [] : loud);
      await load;
      await registration.setRules(loud);
      await key.setValue('last', empty);
      await registration.unregister();
      assert.equal(ofClass(events, 'gap').length, 0);
      const pre = ofClass(events, 'RegNtPreSetValueKey').map(({ sequence }) => sequence);
      const post = ofClass(events, 'RegNtPostSetValueKey').map(({ preSequence }) => preSequence);
      assert.ok(pre.length > 0);
      assert.deepEqual(new Set(post), new Set(pre));
      assert.equal(post.length, pre.length);
    });

    scenario(host, 'rules that are refused leave the old ones in force', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { rules: named('a') });
      const refusals: [readonly Rule[], RegExp][] = [
        [[{ keys: 'HKXX\\Software', action: 'notify' }], /rules\[0\]\.keys.*HKXX/],
        [[{ keys: 'HKLM\\a**b', action: 'notify' }], /rules\[0\]\.keys/],
        [[...named('b'), { action: 'nothing' } as unknown as Rule], /rules\[1\]\.action.*nothing/],
        [Array.from({ length: 4097 }, () => ({ action: 'ignore' }) as const), /4096/],
      ];
      for (const [rules, message] of refusals) {
        await assert.rejects(registration.setRules(rules), (error: unknown) => {
          assert.ok(error instanceof CmBridgeError);
          assert.match(error.message, message);
          return true;
        });
      }
      for (const name of ['a', 'b']) await key.setValue(name, empty);
      await registration.unregister();
      assert.deepEqual(names(events), ['a']);
      await assert.rejects(registration.setRules(named('b')), { code: 'CMB_INVALID_COOKIE' });
    });

    scenario(host, 'a forged program of rules is refused by the driver with a reason', async () => {
      const channel = await host.openChannel(() => undefined);
      try {
        await hello(channel);
        const { bytes } = compileRules([...named('abc'), { keys: 'HKLM\\SOFTWARE\\*x\\**', action: 'notify' }]);
        const forged = (change: (view: DataView) => void): Uint8Array => {
          const copy = bytes.slice();
          change(new DataView(copy.buffer));
          return copy;
        };
        const wrong = forged((view) => {
          view.setUint16(P.CMB_RULES.Version, 99, true);
        });
        const refused = await registerWithRules(channel, nextAltitude(), wrong);
        assert.deepEqual(
          [refused.status, refused.reason, refused.offset, refused.cookie],
          [BAD_DATA, P.CMB_RULES_REASON_VERSION, P.CMB_RULES.Version, 0n],
        );
        const { status, cookie } = await registerWithRules(channel, nextAltitude(), bytes);
        assert.equal(status, 0);
        for (let size = 8; size < bytes.length; size += 8) {
          const reply = await setRules(channel, cookie, bytes.subarray(0, size));
          assert.equal(reply.status, BAD_DATA, `${String(size)} bytes`);
          assert.ok(reply.reason > 0);
        }
        const bad = forged((view) => {
          view.setUint32(P.CMB_RULES.NodeCount, 0x7fff_ffff, true);
        });
        assert.equal((await setRules(channel, cookie, bad)).status, BAD_DATA);
        assert.equal((await setRules(channel, cookie + 1n, bytes)).status, 0xc000_000d);
        assert.equal((await setRules(channel, cookie, bytes)).status, 0);
        assert.equal((await setRules(channel, cookie, new Uint8Array())).status, 0);
      } finally {
        await channel.close();
      }
    });
  });
}
