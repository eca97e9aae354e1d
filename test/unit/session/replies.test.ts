import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CmBridgeError } from '../../../lib/base/errors.js';
import * as P from '../../../lib/wire/protocol.js';
import { Replies } from '../../../lib/session/replies.js';
import { ReplyRefusedError } from '../../../lib/session/reply-error.js';
import type { EncodedDecision } from '../../../lib/decision/encode.js';
import { FakeAddon, FakeChannel, nativeError, type FakeReply } from '../support/fake-addon.js';

const { CMB_DECISION_ALLOW: ALLOW, CMB_DECISION_DEFAULT: DEFAULT, CMB_DECISION_REPLACE: REPLACE } = P;
const STATUS_INSUFFICIENT_RESOURCES = 0xc000009a;
const STATUS_INVALID_DEVICE_REQUEST = 0xc0000010;

const plain: EncodedDecision = { kind: ALLOW, flags: 0, status: 0, type: 0, resultLength: 0, data: null };

interface Given {
  readonly channel: FakeChannel;
  readonly errors: Error[];
  give(ticket: bigint, decision?: EncodedDecision): void;
}

function start(judge: (reply: FakeReply) => number = () => P.CMB_REPLY_ACCEPTED): Given {
  const nothing = () => undefined;
  const channel = new FakeChannel(new FakeAddon(), nothing, nothing);
  channel.judge = judge;
  const replies = new Replies((request) => channel.reply(request));
  const errors: Error[] = [];
  return {
    channel,
    errors,
    give: (ticket, decision = plain) => {
      replies.give(ticket, decision, (error) => errors.push(error));
    },
  };
}

/** When the turn is over. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const decisions = ({ channel }: Given) =>
  channel.replies.map((entries) => entries.map(({ ticket, decision }) => [ticket, decision]));

const reasons = ({ errors }: Given) =>
  errors.map((error) => (error instanceof ReplyRefusedError ? error.reason : String(error)));

describe('replies', () => {
  it('the replies of one turn go together, with all that an entry can have', async () => {
    const given = start();
    given.give(1n);
    given.give(0xffff_ffff_ffff_fffen, {
      kind: REPLACE,
      flags: P.CMB_REPLY_UNDO,
      status: 0xc0000022,
      type: 4,
      resultLength: 7,
      data: Uint8Array.of(1, 2, 3),
    });
    assert.equal(given.channel.replies.length, 0);
    await turn();
    assert.deepEqual(given.channel.replies, [
      [
        { ticket: 1n, decision: ALLOW, flags: 0, status: 0, type: 0, resultLength: 0, data: null },
        {
          ticket: 0xffff_ffff_ffff_fffen,
          decision: REPLACE,
          flags: P.CMB_REPLY_UNDO,
          status: 0xc0000022,
          type: 4,
          resultLength: 7,
          data: Uint8Array.of(1, 2, 3),
        },
      ],
    ]);
  });

  it('the replies of one turn are as many requests as the driver takes', async () => {
    const given = start();
    for (let ticket = 1n; ticket <= 2050n; ticket++) given.give(ticket);
    await turn();
    assert.deepEqual(
      given.channel.replies.map(({ length }) => length),
      [1024, 1024, 2],
    );
    const large = start();
    const data = new Uint8Array(P.CMB_MAX_DECISION_BYTES);
    for (let ticket = 1n; ticket <= 8n; ticket++) large.give(ticket, { ...plain, kind: REPLACE, data });
    await turn();
    assert.deepEqual(
      large.channel.replies.map(({ length }) => length),
      [3, 3, 2],
    );
    assert.deepEqual(large.errors, []);
  });

  it('a reply that comes too late is no error', async () => {
    const given = start(({ ticket }) => (ticket === 1n ? P.CMB_REPLY_EXPIRED : P.CMB_REPLY_RELEASED));
    given.give(1n);
    given.give(2n);
    await turn();
    assert.deepEqual(given.errors, []);
    assert.equal(given.channel.replies.length, 1);
  });

  it('a reply that nobody waits for is an error, and is not sent again', async () => {
    const given = start(({ ticket }) => (ticket === 1n ? P.CMB_REPLY_UNKNOWN : P.CMB_REPLY_ANSWERED));
    given.give(1n);
    given.give(2n);
    await turn();
    assert.deepEqual(reasons(given), ['unknown', 'answered']);
    assert.deepEqual(
      given.errors.map((error) => error instanceof CmBridgeError && error.code),
      ['CMB_REPLY_REFUSED', 'CMB_REPLY_REFUSED'],
    );
    assert.equal(given.channel.replies.length, 1);
  });

  it('a reply that the driver refuses is followed by the default at once', async () => {
    const results = [
      P.CMB_REPLY_UNFIT,
      P.CMB_REPLY_BAD_STATUS,
      P.CMB_REPLY_TOO_LARGE,
      P.CMB_REPLY_BAD_DATA,
      P.CMB_REPLY_CANNOT_UNDO,
      99,
    ];
    const given = start(({ ticket, decision }) => (decision === DEFAULT ? 0 : (results[Number(ticket)] ?? 0)));
    for (let ticket = 0n; ticket <= 6n; ticket++) given.give(ticket);
    await turn();
    assert.deepEqual(reasons(given), ['unfit', 'bad-status', 'too-large', 'bad-data', 'cannot-undo', 'unfit']);
    assert.deepEqual(
      decisions(given)[1],
      [0n, 1n, 2n, 3n, 4n, 5n].map((ticket) => [ticket, DEFAULT]),
    );
    assert.equal(given.channel.replies.length, 2);
  });

  it('a reply is not followed by another where the default is refused, too', async () => {
    const given = start(() => P.CMB_REPLY_UNFIT);
    given.give(1n);
    await turn();
    assert.deepEqual(reasons(given), ['unfit', 'unfit']);
    assert.deepEqual(decisions(given), [[[1n, ALLOW]], [[1n, DEFAULT]]]);
  });

  it('a reply is tried again when the driver had no memory for it, and is the default in the end', async () => {
    let left = 3;
    const given = start(({ ticket }) => (ticket === 1n && left-- > 0 ? P.CMB_REPLY_NO_MEMORY : 0));
    given.give(1n);
    given.give(2n);
    await turn();
    assert.deepEqual(
      decisions(given).map((entries) => entries.map(([ticket]) => ticket)),
      [[1n, 2n], [1n], [1n], [1n]],
    );
    assert.deepEqual(given.errors, []);
    const never = start(({ decision }) => (decision === DEFAULT ? 0 : P.CMB_REPLY_NO_MEMORY));
    never.give(1n);
    await turn();
    assert.deepEqual(reasons(never), ['no-memory']);
    assert.deepEqual(decisions(never).at(-1), [[1n, DEFAULT]]);
    assert.equal(never.channel.replies.length, 5);
  });

  it('a reply is tried again when the request had no memory', async () => {
    let left = 2;
    const given = start(() => {
      if (left-- > 0) throw nativeError(STATUS_INSUFFICIENT_RESOURCES);
      return 0;
    });
    given.give(1n);
    given.give(2n);
    await turn();
    assert.deepEqual(given.errors, []);
    assert.equal(given.channel.replies.length, 3);
  });

  it('a reply ends with an error when requests fail, and so does the default that follows', async () => {
    const given = start(() => {
      throw nativeError(STATUS_INVALID_DEVICE_REQUEST);
    });
    given.give(1n);
    given.give(2n);
    await turn();
    assert.deepEqual(reasons(given), ['failed', 'failed', 'failed', 'failed']);
    assert.match(given.errors[0]?.message ?? '', /status c0000010/);
    assert.equal(given.channel.replies.length, 2);
  });

  it('a reply of a size that no request can have is the default instead', async () => {
    const given = start();
    given.give(1n, { ...plain, kind: REPLACE, data: new Uint8Array(P.CMB_MAX_DECISION_BYTES + 1) });
    await turn();
    assert.deepEqual(reasons(given), ['too-large']);
    assert.deepEqual(decisions(given), [[[1n, DEFAULT]]]);
  });

  it('an answer to replies that is not of the protocol is an error for the reply', async () => {
    const errors: Error[] = [];
    const answers = [new Uint8Array(3), Uint8Array.of(24, 0, 0, 0, 1, 0, 0, 0, 2, ...new Uint8Array(15))];
    const replies = new Replies(() => answers.shift() ?? null);
    replies.give(1n, plain, (error) => errors.push(error));
    await turn();
    assert.deepEqual(
      errors.map(({ message }) => message.includes('not of its protocol')),
      [true, true],
    );
  });

  it('a reply after the end of the channel is dropped without an error', async () => {
    const replies = new Replies(() => null);
    replies.give(1n, plain, (error) => {
      assert.fail(error);
    });
    await turn();
    assert.equal(replies.isPending, false);
  });
});
