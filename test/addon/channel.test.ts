import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { NativeError } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import { hello, request } from '../conformance/wire.js';
import {
  addon,
  DEVICE,
  KEY_ALL_ACCESS,
  listen,
  OBJ_CASE_INSENSITIVE,
  SCRATCH,
  simulator,
  startProcess,
  until,
} from './harness.js';

const ignore = (): void => undefined;
const open = () => addon.openChannel('simulator', DEVICE, ignore, ignore);

function status(error: unknown): number {
  assert.ok(error instanceof Error);
  return (error as NativeError).ntStatus;
}

describe('a channel of the addon', () => {
  it('the addon tells its version and the backends that it was built with', () => {
    assert.match(addon.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(addon.backends, ['simulator']);
  });

  it('openChannel() refuses a backend that the addon does not have', () => {
    assert.throws(() => addon.openChannel('device', DEVICE, ignore, ignore), /no backend 'device'/);
  });

  it('openChannel() names routine and status when the device is missing', async () => {
    await assert.rejects(addon.openChannel('simulator', 'NoSuchDevice', ignore, ignore), (error) => {
      assert.equal(status(error), 0xc0000034);
      assert.match((error as Error).message, /NtCreateFile.*0xC0000034/);
      return true;
    });
  });

  it('a channel brings the answer to HELLO', async () => {
    const channel = await open();
    assert.deepEqual(await hello(channel), { status: 0, major: P.CMB_PROTOCOL_MAJOR });
    await channel.close();
  });

  it('a channel gives the status of a refused request as an unsigned number', async () => {
    const channel = await open();
    await assert.rejects(
      channel.control(P.CMB_IOCTL_HELLO, new Uint8Array(3), 56),
      (error) => status(error) >= 0xc0000000,
    );
    await channel.close();
  });

  it('a channel takes the bytes of a request when it is called', async () => {
    const channel = await open();
    const input = request(P.CMB_HELLO_REQUEST.size, (view) => {
      view.setUint16(P.CMB_HELLO_REQUEST.ProtocolMajor, P.CMB_PROTOCOL_MAJOR, true);
    });
    const answer = channel.control(P.CMB_IOCTL_HELLO, input, P.CMB_HELLO_REPLY.size);
    input.fill(0xff);
    assert.equal(new DataView((await answer).buffer).getInt32(P.CMB_HELLO_REPLY.Status, true), 0);
    await channel.close();
  });

  it('a channel cannot be made by JavaScript', async () => {
    const channel = await open();
    const Channel = channel.constructor as new () => unknown;
    assert.throws(() => new Channel(), /made by openChannel/);
    assert.throws(() => {
      void channel.close.call({} as typeof channel);
    }, /Illegal invocation/);
    await channel.close();
  });

  it('a channel brings what a registry operation causes', async () => {
    const { channel, sequences } = await listen('370001');
    const process = startProcess('C:\\Windows\\System32\\reg.exe');
    const thread = process.createThread();
    assert.equal(thread.processId, process.id);
    const key = await thread.createKey(
      0,
      `${SCRATCH}\\AddonChannel`,
      KEY_ALL_ACCESS,
      0,
      null,
      OBJ_CASE_INSENSITIVE,
      0,
      null,
    );
    assert.equal(key.status, 0);
    assert.equal(await thread.setValue(key.handle, 'Name', 1, Buffer.from('text\0', 'utf16le')), 0);
    await until(() => sequences.length === 1, 'the record');
    assert.deepEqual(sequences, [1n]);
    assert.equal(await thread.closeKey(key.handle), 0);
    await process.exit();
    await channel.close();
  });

  it('a channel keeps the order of the driver over many batches', async () => {
    const { channel, sequences, gaps } = await listen('370002', { receives: 8 });
    const process = startProcess('C:\\load.exe');
    const result = await process.load(`${SCRATCH}\\AddonOrder`, 4, 2000, 'set');
    assert.deepEqual([result.operations, result.failures], [8000, 0]);
    assert.ok(result.nanoseconds > 0n);
    await until(() => sequences.length + gaps.length >= 8000, 'all records');
    assert.deepEqual(gaps, []);
    sequences.forEach((sequence, index) => {
      assert.equal(sequence, BigInt(index + 1));
    });
    await channel.close();
  });

  it('a channel stops at as many unacknowledged batches as there are requests', async () => {
    const { channel, batches, sequences } = await listen('370003', { receives: 2, acknowledge: false });
    const process = startProcess('C:\\load.exe');
    await process.load(`${SCRATCH}\\AddonCredit`, 2, 500, 'set');
    await until(() => batches.length === 2, 'a batch for each request');
    // The second of them may have taken all that there was.
    await process.load(`${SCRATCH}\\AddonCredit`, 1, 100, 'set');
    await delay(50);
    assert.equal(batches.length, 2);
    const seen = sequences.length;
    channel.acknowledge();
    await until(() => batches.length === 3, 'the batch after an acknowledgement');
    assert.ok(sequences.length > seen);
    channel.acknowledge();
    channel.acknowledge();
    assert.throws(() => {
      channel.acknowledge();
    }, /without a batch/);
    await channel.close();
  });

  it('a channel calls nothing any more once it is closed', async () => {
    const { channel, batches } = await listen('370004');
    const { channel: keeper } = await listen('370005');
    const process = startProcess('C:\\load.exe');
    const load = process.load(`${SCRATCH}\\AddonClose`, 2, 5000, 'set');
    await until(() => batches.length > 0, 'a first batch');
    await Promise.all([channel.close(), channel.close()]);
    const count = batches.length;
    await load;
    await delay(50);
    assert.equal(batches.length, count);
    await channel.close();
    await assert.rejects(
      channel.control(P.CMB_IOCTL_STATISTICS, new Uint8Array(24), 168),
      (error) => status(error) === 0xc0000128,
    );
    channel.acknowledge();
    await keeper.close();
  });

  it('a channel that closes leaves no request unsettled', async () => {
    const channel = await open();
    const answers = Array.from({ length: 20 }, () =>
      hello(channel).then(
        () => 'answered',
        () => 'refused',
      ),
    );
    await channel.close();
    assert.equal((await Promise.all(answers)).length, 20);
  });

  it('the simulator runs only while a channel is open', async () => {
    assert.throws(() => startProcess('C:\\a.exe'), /while a simulator channel is open/);
    const channel = await open();
    const process = startProcess('C:\\a.exe');
    const thread = process.createThread();
    await channel.close();
    assert.throws(() => process.createThread(), /has exited/);
    await assert.rejects(thread.deleteKey(4), /has ended/);
    await process.exit();
  });

  it('a channel that closes leaves no pool behind', async () => {
    const before = await listen('370006');
    const used = simulator().poolUsage();
    const other = await listen('370007');
    assert.ok(simulator().poolUsage().blocks > used.blocks);
    await other.channel.close();
    assert.equal(simulator().poolUsage().blocks, used.blocks);
    await before.channel.close();
  });
});
