// The operations of a .reg file, done by a thread of the simulator.

import { checkOptions, checkSignal, throwIfAborted } from '../base/options.js';
import { isNotFound } from '../base/nt-error.js';
import type { RegistryThread } from './registry-thread.js';
import type { SimulatedKey } from './simulated-key.js';
import type { RegOperation } from '../reg-file/operation.js';
import { parseRegFile } from '../reg-file/parse.js';

/** Takes the bytes or the text of a file. Nothing is done when the file is damaged. */
export async function importRegFile(
  thread: RegistryThread,
  source: Uint8Array | string,
  options: unknown,
): Promise<void> {
  const signal = checkSignal(checkOptions('importReg()', options, ['signal'])['signal']);
  throwIfAborted(signal, 'Importing');
  await applyRegFile(thread, parseRegFile(source), signal);
}

/**
 * Does as regedit would: one handle for each key section, missing parents are created, what is to be deleted and is not there
 * is passed over.
 */
export async function applyRegFile(
  thread: RegistryThread,
  operations: Iterable<RegOperation>,
  signal?: AbortSignal,
): Promise<void> {
  let key: SimulatedKey | null = null;
  try {
    for (const operation of operations) {
      throwIfAborted(signal, 'Importing');
      switch (operation.kind) {
        case 'createKey':
          await key?.close();
          key = null;
          key = await thread.createKeyPath(operation.path);
          break;
        case 'deleteKey':
          await key?.close();
          key = null;
          await thread.deleteTree(operation.path);
          break;
        case 'setValue':
          key ??= await thread.createKeyPath(operation.path);
          await key.setValue(operation.name, { type: operation.type, data: operation.data });
          break;
        case 'deleteValue':
          key ??= await thread.createKeyPath(operation.path);
          await key.deleteValue(operation.name).catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
          break;
      }
    }
  } finally {
    await key?.close();
  }
}
