import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { NativeError, NativeQueryResult } from '../../lib/native/native.js';
import { create, withThread } from './fixture.js';
import { KEY_ALL_ACCESS, OBJ_CASE_INSENSITIVE, SCRATCH, simulator, startProcess } from './harness.js';

const KEY_READ = 0x20019;
const KeyFullInformation = 2;
const STATUS_ACCESS_VIOLATION = 0xc0000005;
const STATUS_ACCESS_DENIED = 0xc0000022;
const STATUS_BUFFER_TOO_SMALL = 0xc0000023;
const STATUS_BUFFER_OVERFLOW = 0x80000005;
const STATUS_INVALID_HANDLE = 0xc0000008;
const DACL = 4;

describe('a simulated process of the addon', () => {
  withThread(
    'a simulated process cannot have the id of another one, but that of one that is gone',
    async (thread, process) => {
      const { id } = process;
      assert.throws(
        () => startProcess('a.exe', { id }),
        (error: NativeError) => error.ntStatus === 0xc0000035,
      );
      assert.throws(() => startProcess('a.exe', { id: 6 }), /createProcess failed/);
      assert.throws(
        () => startProcess('a.exe', { userSid: 'S-1-' }),
        (error: NativeError) => error.ntStatus === 0xc0000078,
      );
      assert.throws(() => simulator().createProcess('a.exe' as never), TypeError);
      await thread.close();
      await process.exit();
      const again = startProcess('a.exe', { id });
      assert.equal(again.id, id);
      await again.exit();
    },
  );

  withThread(
    'the System process of the simulator can call, and is there again after it was ended',
    async (_thread, process) => {
      const system = simulator().systemProcess();
      assert.equal(system.id, 4);
      const thread = system.createThread();
      const key = await create(thread, `${SCRATCH}\\AddonSystem`);
      assert.equal(await thread.deleteKey(key), 0);
      assert.equal(await thread.closeKey(key), 0);
      await system.exit();
      assert.notEqual(process.id, 4);
      assert.equal(simulator().systemProcess().id, 4);
    },
  );
});

describe('a simulated thread of the addon', () => {
  withThread('a simulated thread answers whatever class and length were asked for', async (thread) => {
    const key = await create(thread, `${SCRATCH}\\AddonRaw`);
    await thread.setValue(key, 'v', 3, new Uint8Array(100).fill(7));
    const whole = await thread.queryValue(key, 'v', 2, 200);
    assert.deepEqual([whole.status, whole.length, whole.data.length, whole.touches], [0, 112, 112, undefined]);
    const part = await thread.queryValue(key, 'v', 2, 20);
    assert.deepEqual([part.status, part.length, part.data.length], [STATUS_BUFFER_OVERFLOW, 112, 20]);
    assert.equal((await thread.queryValue(key, 'v', 2, 4)).status, STATUS_BUFFER_TOO_SMALL);
    assert.equal((await thread.queryKey(key, 1000, 100)).status >= 0xc0000000, true);
    assert.equal(await thread.deleteKey(key), 0);
  });

  withThread('a simulated thread survives that its buffers vanish or change at any moment', async (thread) => {
    const key = await create(thread, `${SCRATCH}\\AddonHostile`);
    await thread.setValue(key, 'v', 3, new Uint8Array(100).fill(7));
    const query = (kind: 'vanish' | 'change', after: number): Promise<NativeQueryResult> =>
      thread.queryValue(key, 'v', 2, 200, { kind, after });
    const untouched = await query('vanish', 1000);
    assert.deepEqual([untouched.status, untouched.data.length], [0, 112]);
    assert.ok(untouched.touches && untouched.touches > 1);
    assert.equal((await query('vanish', 0)).status, STATUS_ACCESS_VIOLATION);
    for (let after = 0; after <= untouched.touches; after++) {
      await query('vanish', after);
      await query('change', after);
    }
    const { data } = await query('change', untouched.touches - 1);
    assert.notDeepEqual(data, untouched.data);
    assert.deepEqual((await thread.queryValue(key, 'v', 2, 200)).data, untouched.data);
    await assert.rejects(async () => query('burn' as never, 0), TypeError);
    assert.equal(await thread.deleteKey(key), 0);
  });

  withThread('a simulated thread duplicates handles', async (thread) => {
    const key = await create(thread, `${SCRATCH}\\AddonDuplicate`);
    const { status, handle } = await thread.duplicateHandle(key);
    assert.equal(status, 0);
    assert.notEqual(handle, key);
    assert.equal(await thread.closeKey(key), 0);
    assert.equal((await thread.queryKey(handle, KeyFullInformation, 100)).status, 0);
    assert.equal(await thread.deleteKey(handle), 0);
    assert.deepEqual(await thread.duplicateHandle(key), { status: STATUS_INVALID_HANDLE, handle: 0 });
  });

  withThread(
    'a simulated thread reads and sets security descriptors, and is refused one that points beyond itself',
    async (thread) => {
      const key = await create(thread, `${SCRATCH}\\AddonSecurity`);
      const short = await thread.querySecurity(key, DACL, 4);
      assert.equal(short.status, STATUS_BUFFER_TOO_SMALL);
      const { status, data } = await thread.querySecurity(key, DACL, short.length);
      assert.equal(status, 0);
      assert.equal(await thread.setSecurity(key, DACL, data), 0);
      assert.deepEqual((await thread.querySecurity(key, DACL, 1000)).data, data);
      const beyond = data.slice();
      new DataView(beyond.buffer).setUint32(16, beyond.length - 4, true);
      assert.equal(await thread.setSecurity(key, DACL, beyond), 0xc0000079);
      assert.equal(await thread.setSecurity(key, DACL, new Uint8Array()), 0xc0000079);
      const child = await thread.createKey(key, 'Child', KEY_ALL_ACCESS, 0, null, OBJ_CASE_INSENSITIVE, 0, beyond);
      assert.equal(child.status, 0xc0000079);
      assert.equal(await thread.deleteKey(key), 0);
    },
  );

  withThread('a simulated thread acts for whom it impersonates', async (thread) => {
    const token = { userSid: 'S-1-5-21-1-2-3-1001', integrityLevel: 0x2000, elevated: false, sessionId: 1 };
    const path = '\\REGISTRY\\MACHINE\\SYSTEM\\AddonImpersonate';
    const key = await create(thread, path);
    const open = async (access: number): Promise<number> => {
      const { status, handle } = await thread.openKey(0, path, access, 0, OBJ_CASE_INSENSITIVE, 0);
      if (handle !== 0) await thread.closeKey(handle);
      return status;
    };
    assert.equal(await open(KEY_ALL_ACCESS), 0);
    assert.equal(await thread.impersonate(token, 2), 0);
    assert.equal(await open(KEY_ALL_ACCESS), STATUS_ACCESS_DENIED);
    assert.equal(await open(KEY_READ), 0);
    assert.equal(await thread.revertToSelf(), 0);
    assert.equal(await open(KEY_ALL_ACCESS), 0);
    assert.equal(await thread.impersonate({ ...token, userSid: 'nobody' }, 2), 0xc0000078);
    assert.equal(await thread.impersonate(token, 7), 0xc00000a5);
    assert.equal(await open(KEY_ALL_ACCESS), 0);
    assert.equal(await thread.deleteKey(key), 0);
  });

  withThread('a simulated thread makes transactions, which end once', async (thread) => {
    const { status, handle } = await thread.createTransaction();
    assert.equal(status, 0);
    assert.equal(await thread.commitTransaction(handle), 0);
    assert.ok((await thread.commitTransaction(handle)) >= 0xc0000000);
    assert.ok((await thread.rollbackTransaction(handle)) >= 0xc0000000);
    assert.equal(await thread.closeKey(handle), 0);
    assert.equal(await thread.rollbackTransaction(handle), STATUS_INVALID_HANDLE);
    const second = await thread.createTransaction();
    assert.equal(await thread.rollbackTransaction(second.handle), 0);
    assert.equal(await thread.closeKey(second.handle), 0);
  });

  withThread('a simulated thread calls as the kernel does, without the checks of user mode', async (thread) => {
    const path = `${SCRATCH}\\AddonKernel`;
    const key = await create(thread, path, KEY_READ);
    assert.equal(await thread.setValue(key, 'v', 4, new Uint8Array(4)), STATUS_ACCESS_DENIED);
    assert.equal(await thread.setCaller(true, 1), 0);
    assert.equal(await thread.setValue(key, 'v', 4, new Uint8Array(4)), 0);
    assert.equal(await thread.setCaller(false, 0), 0);
    assert.equal(await thread.setValue(key, 'v', 4, new Uint8Array(4)), STATUS_ACCESS_DENIED);
    assert.throws(() => void thread.setCaller(true, 2), /setCaller/);
    assert.equal(await thread.deleteKey(await create(thread, path)), 0);
  });
});
