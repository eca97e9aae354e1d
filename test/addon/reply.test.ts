import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NativeChannel, NativeError } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import { defaultDecision } from '../../lib/decision/encode.js';
import { replyRequest, replyResults } from '../../lib/session/reply-request.js';
import { hello } from '../conformance/wire.js';
import { addon, DEVICE } from './harness.js';

const STATUS_FILE_CLOSED = 0xc0000128;
const ignore = (): void => undefined;

async function withChannel(use: (channel: NativeChannel) => void): Promise<NativeChannel> {
  const channel = await addon.openChannel('simulator', DEVICE, ignore, ignore);
  assert.equal((await hello(channel)).status, 0);
  use(channel);
  await channel.close();
  return channel;
}

const request = (...tickets: bigint[]) =>
  replyRequest(tickets.map((ticket) => ({ ticket, decision: defaultDecision })));

describe('reply() of a channel', () => {
  it('reply() of a channel gives what became of each decision, at once', async () => {
    await withChannel((channel) => {
      const { CMB_REPLY_UNKNOWN: unknown } = P;
      assert.deepEqual(replyResults(channel.reply(request(7n)), 1), [unknown]);
      const tickets = Array.from({ length: P.CMB_MAX_REPLY_ENTRIES }, (_, index) => BigInt(index + 1));
      const results = replyResults(channel.reply(request(...tickets)), tickets.length);
      assert.deepEqual(new Set(results), new Set([unknown]));
    });
  });

  it('reply() of a channel takes a part of a buffer', async () => {
    await withChannel((channel) => {
      const bytes = request(7n, 8n);
      const larger = new Uint8Array(bytes.length + 16).fill(0xff);
      larger.set(bytes, 8);
      assert.equal(replyResults(channel.reply(larger.subarray(8, 8 + bytes.length)), 2).length, 2);
    });
  });

  it('reply() of a channel throws the status of a refused request', async () => {
    await withChannel((channel) => {
      for (const bytes of [new Uint8Array(), new Uint8Array(3), request(7n).subarray(0, 40)]) {
        assert.throws(
          () => channel.reply(bytes),
          (error: NativeError) => error.ntStatus >= 0xc0000000 && error.ntStatus !== STATUS_FILE_CLOSED,
        );
      }
    });
  });

  it('reply() of a channel refuses what are no bytes', async () => {
    await withChannel((channel) => {
      for (const input of [undefined, null, 'x', 5, {}, []]) {
        assert.throws(() => channel.reply(input as Uint8Array), TypeError);
      }
    });
  });

  it('reply() of a channel throws once the channel closes', async () => {
    let closing: Promise<void> = Promise.resolve();
    const closed = { ntStatus: STATUS_FILE_CLOSED };
    const channel = await withChannel((open) => {
      closing = open.close();
      assert.throws(() => open.reply(request(7n)), closed);
    });
    await closing;
    assert.throws(() => channel.reply(request(7n)), closed);
  });
});
