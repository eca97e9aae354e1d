import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { nativeFile } from '../../lib/simulator/host-file.js';
import type { NativeThread } from '../../lib/native/native.js';
import { create, withThread } from './fixture.js';
import { KEY_ALL_ACCESS, OBJ_CASE_INSENSITIVE, SCRATCH } from './harness.js';

const REG_FORCE_RESTORE = 8;
const REG_APP_HIVE = 0x10;
const KeyValuePartialInformation = 2;
const STATUS_ACCESS_DENIED = 0xc0000022;
const STATUS_OBJECT_NAME_NOT_FOUND = 0xc0000034;
const STATUS_OBJECT_NAME_COLLISION = 0xc0000035;
const STATUS_SHARING_VIOLATION = 0xc0000043;
const STATUS_PRIVILEGE_NOT_HELD = 0xc0000061;

/** A key with a value, the hive file that it was saved to, and what opens a path. */
interface Saved {
  readonly key: number;
  readonly file: string;
  /** A file beside it that does not exist. */
  readonly beside: (name: string) => string;
  readonly open: (path: string) => Promise<{ status: number; handle: number }>;
}

function withSavedKey(name: string, body: (thread: NativeThread, saved: Saved) => Promise<void>): void {
  withThread(name, async (thread) => {
    const folder = await mkdtemp(join(tmpdir(), 'cmbridge-addon-'));
    const beside = (file: string): string => nativeFile('file', join(folder, file));
    const key = await create(thread, `${SCRATCH}\\AddonSaved`);
    try {
      assert.equal(await thread.setValue(key, 'v', 4, Uint8Array.of(1, 0, 0, 0)), 0);
      assert.equal(await thread.saveKey(key, beside('saved.hiv'), 1), 0);
      assert.equal((await readFile(join(folder, 'saved.hiv'))).toString('latin1', 0, 4), 'regf');
      const open = (path: string) => thread.openKey(0, path, KEY_ALL_ACCESS, 0, OBJ_CASE_INSENSITIVE, 0);
      await body(thread, { key, file: beside('saved.hiv'), beside, open });
    } finally {
      await thread.deleteKey(key);
      await rm(folder, { recursive: true });
    }
  });
}

async function firstByte(thread: NativeThread, key: number): Promise<number | undefined> {
  return (await thread.queryValue(key, 'v', KeyValuePartialInformation, 100)).data[12];
}

describe('hive files on the addon', () => {
  withSavedKey(
    'a hive file is loaded and unloaded, and kept from others in between',
    async (thread, { file, beside, open }) => {
      const mount = '\\REGISTRY\\MACHINE\\AddonHive';
      assert.deepEqual(await thread.loadKey(0, mount, file, 0, 0), { status: 0, handle: 0 });
      assert.equal((await thread.loadKey(0, `${mount}2`, file, 0, 0)).status, STATUS_SHARING_VIOLATION);
      const loaded = await open(mount);
      assert.equal(await firstByte(thread, loaded.handle), 1);
      assert.ok((await thread.unloadKey(0, mount, 0)) >= 0xc0000000, 'a key of it is open');
      assert.equal(await thread.closeKey(loaded.handle), 0);
      assert.equal(await thread.unloadKey(0, mount, 0), 0);
      assert.equal((await open(mount)).status, STATUS_OBJECT_NAME_NOT_FOUND);
      assert.ok((await thread.loadKey(0, mount, beside('no/where.hiv'), 0, 0)).status >= 0xc0000000);
    },
  );

  withSavedKey(
    'a hive of an application has a handle, and no path that others can open',
    async (thread, { file, open }) => {
      const path = '\\REGISTRY\\A\\{0b1d9f9c-7f4b-4f0c-9a35-000000000001}';
      const { status, handle } = await thread.loadKey(0, path, file, REG_APP_HIVE, KEY_ALL_ACCESS);
      assert.equal(status, 0);
      assert.equal(await firstByte(thread, handle), 1);
      assert.equal((await open(path)).status, STATUS_ACCESS_DENIED);
      assert.equal(await thread.closeKey(handle), 0);
    },
  );

  withSavedKey('a hive file is restored, replaced and merged', async (thread, { key, file, beside, open }) => {
    await thread.setValue(key, 'v', 4, Uint8Array.of(2, 0, 0, 0));
    assert.equal(await thread.saveKey(key, beside('second.hiv'), 1), 0);
    assert.equal(await thread.restoreKey(key, file, REG_FORCE_RESTORE), 0);
    assert.equal(await firstByte(thread, key), 1);
    const [high, low] = ['\\REGISTRY\\MACHINE\\AddonHigh', '\\REGISTRY\\MACHINE\\AddonLow'] as const;
    assert.equal((await thread.loadKey(0, high, file, 0, 0)).status, 0);
    assert.equal((await thread.loadKey(0, low, beside('second.hiv'), 0, 0)).status, 0);
    const [highKey, lowKey] = [(await open(high)).handle, (await open(low)).handle];
    assert.equal(await thread.saveMergedKeys(highKey, lowKey, beside('merged.hiv')), 0);
    assert.equal(await thread.replaceKey(beside('merged.hiv'), lowKey, beside('old.hiv')), 0);
    for (const handle of [highKey, lowKey]) assert.equal(await thread.closeKey(handle), 0);
    for (const path of [high, low]) assert.equal(await thread.unloadKey(0, path, 0), 0);
  });

  withSavedKey(
    'a hive file is neither overwritten nor made without the privilege',
    async (thread, { key, file, beside }) => {
      assert.equal(await thread.saveKey(key, file, 1), STATUS_OBJECT_NAME_COLLISION);
      assert.equal(await thread.restoreKey(key, beside('none.hiv'), 0), STATUS_OBJECT_NAME_NOT_FOUND);
      assert.equal(await thread.saveKey(key, `${file}${'x'.repeat(0x8000)}`, 1), 0xc0000106);
      const user = { userSid: 'S-1-5-21-1-2-3-1001', integrityLevel: 0x2000, elevated: false, sessionId: 1 };
      await thread.impersonate(user, 2);
      assert.equal(await thread.saveKey(key, beside('denied.hiv'), 1), STATUS_PRIVILEGE_NOT_HELD);
      assert.equal(
        (await thread.loadKey(0, '\\REGISTRY\\MACHINE\\AddonDenied', file, 0, 0)).status,
        STATUS_PRIVILEGE_NOT_HELD,
      );
      await thread.revertToSelf();
    },
  );

  withSavedKey('a damaged hive file is refused', async (thread, { beside }) => {
    const bad = beside('bad.hiv');
    const host = bad.replace('\\??\\Z:', '').replaceAll('\\', '/');
    for (const bytes of [Buffer.alloc(0x2000, 'x'), Buffer.concat([Buffer.from('regf'), Buffer.alloc(0x1ffc)])]) {
      await writeFile(host, bytes);
      const { status } = await thread.loadKey(0, '\\REGISTRY\\MACHINE\\AddonBad', bad, 0, 0);
      assert.ok(status >= 0xc0000000, status.toString(16));
    }
  });
});

describe('transactions on the addon', () => {
  withThread('a transaction shows what was done in it to others only after the commit', async (thread) => {
    const path = `${SCRATCH}\\AddonTransacted`;
    const open = (transaction: number) => thread.openKey(0, path, KEY_ALL_ACCESS, 0, OBJ_CASE_INSENSITIVE, transaction);
    for (const [end, after] of [
      [(handle: number) => thread.rollbackTransaction(handle), STATUS_OBJECT_NAME_NOT_FOUND],
      [(handle: number) => thread.commitTransaction(handle), 0],
    ] as const) {
      const transaction = (await thread.createTransaction()).handle;
      const { status, handle } = await thread.createKey(
        0,
        path,
        KEY_ALL_ACCESS,
        0,
        null,
        OBJ_CASE_INSENSITIVE,
        transaction,
        null,
      );
      assert.equal(status, 0);
      assert.equal((await open(0)).status, STATUS_OBJECT_NAME_NOT_FOUND);
      const again = await open(transaction);
      assert.equal(again.status, 0);
      await thread.closeKey(again.handle);
      await thread.closeKey(handle);
      assert.equal(await end(transaction), 0);
      await thread.closeKey(transaction);
      assert.equal((await open(0)).status, after);
    }
    assert.equal(await thread.deleteKey((await open(0)).handle), 0);
  });
});
