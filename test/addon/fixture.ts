import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NativeProcess, NativeThread } from '../../lib/native/native.js';
import { addon, DEVICE, KEY_ALL_ACCESS, OBJ_CASE_INSENSITIVE, startProcess } from './harness.js';

/** Runs `body` with a thread of a process, and takes both away again. */
export function withThread(name: string, body: (thread: NativeThread, process: NativeProcess) => Promise<void>): void {
  it(name, async () => {
    const channel = await addon.openChannel(
      'simulator',
      DEVICE,
      () => undefined,
      () => undefined,
    );
    const process = startProcess('\\Device\\HarddiskVolume3\\thread.exe');
    try {
      await body(process.createThread(), process);
    } finally {
      await process.exit();
      await channel.close();
    }
  });
}

export async function create(thread: NativeThread, path: string, access = KEY_ALL_ACCESS): Promise<number> {
  const { status, handle } = await thread.createKey(0, path, access, 0, null, OBJ_CASE_INSENSITIVE, 0, null);
  assert.equal(status, 0, `NtCreateKey of ${path}: 0x${status.toString(16)}`);
  return handle;
}
