import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Rule } from '../../lib/index.js';
import * as P from '../../lib/wire/protocol.js';
import {
  LONG,
  SHORT,
  STATUS_ACCESS_DENIED,
  STATUS_CANCELLED,
  STATUS_SUCCESS,
  hasSettled,
  statusOf,
  text,
} from './decision-fixture.js';
import { RawSession, replyRequest } from './decision-wire.js';
import { scenario, type Fixture } from './fixture.js';
import type { ActorKey, ConformanceHost } from './host.js';
import { unregister } from './wire.js';

const ALLOW = P.CMB_DECISION_ALLOW;
const STATUS_CALLBACK_BYPASS = 0xc000_0503;
const utf16 = (path: string): Uint8Array => Buffer.from(path, 'utf16le');

function askAbout(key: ActorKey, classes: Rule['classes'], more: Partial<Rule> = {}): Rule[] {
  return [{ keys: `${key.path}\\**`, classes, action: 'ask', deadline: LONG, ...more }];
}

export function replySuite(host: ConformanceHost): void {
  const withSession = (name: string, body: (fixture: Fixture, session: RawSession) => Promise<void>): void => {
    scenario(host, name, async (fixture) => {
      const session = await RawSession.open(host);
      try {
        await body(fixture, session);
      } finally {
        await session.channel.close();
      }
    });
  };

  describe('replies', () => {
    withSession('a reply to what its session was never asked is unknown', async ({ key }, session) => {
      const other = await RawSession.open(host);
      await session.register(askAbout(key, 'RegNtPreSetValueKey'));
      const setting = statusOf(key.setValue('v', text('')));
      const { ticket } = await session.question();
      const never = [0n, 1n, 0xffff_ffff_ffff_ffffn, ticket + 0x1_0000_0000n, ticket ^ 1n];
      const results = await session.reply(...never.map((each) => ({ ticket: each, decision: ALLOW })));
      assert.deepEqual(results, Array(never.length).fill(P.CMB_REPLY_UNKNOWN));
      const foreign = await other.reply({ ticket, decision: P.CMB_DECISION_BLOCK, status: STATUS_CANCELLED });
      assert.deepEqual(foreign, [P.CMB_REPLY_UNKNOWN], 'the question of another session');
      assert.equal(await hasSettled(setting), false);
      assert.deepEqual(await session.reply({ ticket, decision: ALLOW }), [P.CMB_REPLY_ACCEPTED]);
      assert.equal(await setting, STATUS_SUCCESS);
      await other.channel.close();
    });

    withSession('a reply that comes twice, too late or after the end is told so', async ({ key }, session) => {
      const set = () => statusOf(key.setValue('v', text('')));
      const cookie = await session.register(askAbout(key, 'RegNtPreSetValueKey'));
      const answered = set();
      const first = await session.question();
      const block = { ticket: first.ticket, decision: P.CMB_DECISION_BLOCK, status: STATUS_CANCELLED };
      assert.deepEqual(await session.reply({ ticket: first.ticket, decision: ALLOW }, block), [
        P.CMB_REPLY_ACCEPTED,
        P.CMB_REPLY_ANSWERED,
      ]);
      assert.equal(await answered, STATUS_SUCCESS);
      assert.deepEqual(await session.reply(block), [P.CMB_REPLY_ANSWERED]);

      const released = set();
      const second = await session.question();
      assert.equal(await unregister(session.channel, cookie), 0);
      assert.equal(await released, STATUS_SUCCESS, 'the default is to allow');
      assert.deepEqual(await session.reply({ ...block, ticket: second.ticket }), [P.CMB_REPLY_RELEASED]);

      await session.register(askAbout(key, 'RegNtPreSetValueKey', { deadline: SHORT }));
      assert.equal(await set(), STATUS_SUCCESS);
      const late = await session.question();
      assert.equal(late.deadline, SHORT);
      assert.deepEqual(await session.reply({ ...block, ticket: late.ticket }), [P.CMB_REPLY_EXPIRED]);
      assert.equal(new Set([first.ticket, second.ticket, late.ticket]).size, 3, 'no ticket is given twice');
    });

    withSession('a reply that does not suit leaves the thread waiting', async ({ key }, session) => {
      await session.register(askAbout(key, ['RegNtPreSetValueKey', 'RegNtPreQueryValueKey', 'RegNtPreOpenKeyEx']));
      await key.createKey('child').then((child) => child.close());
      const refused = async (
        operation: Promise<number>,
        replies: readonly (readonly [result: number, entry: object])[],
        expected: number,
      ) => {
        const { ticket } = await session.question();
        const entries = replies.map(([, entry]) => ({ ticket, decision: ALLOW, ...entry }));
        assert.deepEqual(
          await session.reply(...entries),
          replies.map(([result]) => result),
        );
        assert.equal(await hasSettled(operation), false);
        const last = { ticket, decision: P.CMB_DECISION_BLOCK, status: expected };
        assert.deepEqual(await session.reply(last), [P.CMB_REPLY_ACCEPTED]);
        assert.equal(await operation, expected);
      };
      const block = P.CMB_DECISION_BLOCK;
      const replace = { decision: P.CMB_DECISION_REPLACE, type: 1 };
      await refused(
        statusOf(key.setValue('v', text(''))),
        [
          [P.CMB_REPLY_UNFIT, { decision: P.CMB_DECISION_EMULATE }],
          [P.CMB_REPLY_UNFIT, { decision: P.CMB_DECISION_REDIRECT, data: utf16('\\REGISTRY\\MACHINE') }],
          [P.CMB_REPLY_UNFIT, { decision: P.CMB_DECISION_OVERRIDE, status: STATUS_CANCELLED }],
          [P.CMB_REPLY_BAD_STATUS, { decision: block, status: 0 }],
          [P.CMB_REPLY_BAD_STATUS, { decision: block, status: 0x104 }],
          [P.CMB_REPLY_BAD_STATUS, { decision: block, status: 0x8000_0005 }],
          [P.CMB_REPLY_BAD_STATUS, { decision: block, status: STATUS_CALLBACK_BYPASS }],
          [P.CMB_REPLY_BAD_DATA, { data: new Uint8Array(8) }],
          [P.CMB_REPLY_UNFIT, { decision: 0xffff }],
          [P.CMB_REPLY_UNFIT, { flags: 0x8000 }],
          ...[
            { size: 17 },
            { size: 0xffff_fff8 },
            { offset: 8 },
            { offset: 0xffff_fff8 },
            { offset: 1 + P.CMB_REPLY_ENTRY.size, size: 8 },
            { fullSize: 17 },
            { flags: 0 },
            { flags: 0xff },
          ].map((span) => [P.CMB_REPLY_BAD_DATA, { ...replace, data: new Uint8Array(16), span }] as const),
        ],
        STATUS_CANCELLED,
      );
      const output = { decision: P.CMB_DECISION_EMULATE, flags: P.CMB_REPLY_OUTPUT };
      await refused(
        key.raw.queryValue('v', 2, 32).then(({ status }) => status),
        [
          [P.CMB_REPLY_UNFIT, { decision: P.CMB_DECISION_BYPASS }],
          [P.CMB_REPLY_UNFIT, replace],
          [P.CMB_REPLY_TOO_LARGE, { ...output, resultLength: 33, data: new Uint8Array(33) }],
          [P.CMB_REPLY_BAD_STATUS, { ...output, status: STATUS_CALLBACK_BYPASS, data: new Uint8Array(8) }],
        ],
        STATUS_ACCESS_DENIED,
      );
      const redirect = (path: string) => ({ decision: P.CMB_DECISION_REDIRECT, data: utf16(path) });
      await refused(
        statusOf(key.openKey('child')),
        [
          [P.CMB_REPLY_UNFIT, replace],
          [P.CMB_REPLY_BAD_DATA, redirect('relative')],
          [P.CMB_REPLY_BAD_DATA, { decision: P.CMB_DECISION_REDIRECT }],
          [P.CMB_REPLY_BAD_DATA, { decision: P.CMB_DECISION_REDIRECT, data: utf16(key.path).subarray(1) }],
          [P.CMB_REPLY_TOO_LARGE, redirect(`${key.path}\\${'x'.repeat(32_767)}`)],
        ],
        STATUS_CANCELLED,
      );
    });

    withSession('a malformed request with replies is refused as a whole', async ({ key }, session) => {
      await session.register(askAbout(key, 'RegNtPreSetValueKey'));
      const setting = statusOf(key.setValue('v', text('')));
      const { ticket } = await session.question();
      const E = P.CMB_REPLY_ENTRY;
      const first = P.CMB_REPLY_REQUEST.size;
      const forge = (change: (view: DataView) => void): Uint8Array => {
        const data = new Uint8Array(16);
        const bytes = replyRequest([
          { ticket, decision: ALLOW },
          { ticket, decision: P.CMB_DECISION_REPLACE, data },
        ]);
        change(new DataView(bytes.buffer));
        return bytes;
      };
      const u32 = (offset: number, value: number) => forge((view) => view.setUint32(offset, value, true));
      const whole = forge(() => undefined);
      const forged: Record<string, Uint8Array> = {
        'no entries': u32(P.CMB_REPLY_REQUEST.Count, 0),
        'more entries than bytes': u32(P.CMB_REPLY_REQUEST.Count, 3),
        'more entries than may be': u32(P.CMB_REPLY_REQUEST.Count, P.CMB_MAX_REPLY_ENTRIES + 1),
        'fewer entries than bytes': u32(P.CMB_REPLY_REQUEST.Count, 1),
        'a reserved field': u32(P.CMB_REPLY_REQUEST.Reserved, 1),
        'an entry without size': u32(first + E.Size, 0),
        'an entry beyond the end': u32(first + E.Size, 0xffff_fff8),
        'an entry of an odd size': u32(first + E.Size, E.size + 4),
        'a reserved field of an entry': u32(first + E.Reserved, 1),
      };
      for (let length = 1; length < whole.length; length += 1)
        forged[`${String(length)} bytes`] = whole.subarray(0, length);
      for (const [name, input] of Object.entries(forged)) {
        const sent = session.channel.control(P.CMB_IOCTL_REPLY, input, 64);
        await assert.rejects(
          sent,
          (error: Error & { ntStatus?: number }) => (error.ntStatus ?? 0) >= 0xc000_0000,
          name,
        );
        assert.equal(await hasSettled(setting), false, name);
      }
      assert.deepEqual(await session.reply({ ticket, decision: ALLOW }), [P.CMB_REPLY_ACCEPTED]);
      assert.equal(await setting, STATUS_SUCCESS);
    });

    withSession('replies to many questions are taken at once, in any order', async ({ actor, key }, session) => {
      await session.register(askAbout(key, 'RegNtPreSetValueKey'));
      const threads = Array.from({ length: 16 }, () => actor.createThread());
      const keys = await Promise.all(threads.map((thread) => thread.openKey(key.path)));
      const settings = keys.map((each, index) => statusOf(each.setValue(`v${String(index)}`, text(''))));
      const tickets: bigint[] = [];
      while (tickets.length < 16) tickets.push((await session.question()).ticket);
      const block = { decision: P.CMB_DECISION_BLOCK, status: STATUS_CANCELLED };
      const replies = tickets.reverse().map((ticket, index) => ({
        ticket,
        ...(index % 2 === 0 ? block : { decision: ALLOW }),
      }));
      assert.deepEqual(await session.reply(...replies), Array(16).fill(P.CMB_REPLY_ACCEPTED));
      const ends = await Promise.all(settings);
      assert.equal(ends.filter((status) => status === STATUS_CANCELLED).length, 8);
      assert.equal(ends.filter((status) => status === STATUS_SUCCESS).length, 8);
      await Promise.all(keys.map((each) => each.close()));
      await Promise.all(threads.map((thread) => thread.close()));
    });
  });
}
