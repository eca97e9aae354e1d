// A transaction of the kernel transaction manager that a thread of the simulator has open.

import type { NativeThread } from '../native/native.js';
import { checkStatus } from './key-handle.js';

/** An open handle of a KTM transaction. What was done in it is undone if it closes without a commit. */
export class SimulatedTransaction {
  readonly handle: number;
  readonly #native: NativeThread;
  #isOpen = true;

  /** @internal */
  constructor(native: NativeThread, handle: number) {
    this.#native = native;
    this.handle = handle;
  }

  /** NtCommitTransaction, and waits for it. */
  async commit(): Promise<void> {
    checkStatus('NtCommitTransaction', await this.#native.commitTransaction(this.handle));
  }

  /** NtRollbackTransaction, and waits for it. */
  async rollback(): Promise<void> {
    checkStatus('NtRollbackTransaction', await this.#native.rollbackTransaction(this.handle));
  }

  /** NtClose; a second time it does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    checkStatus('NtClose of a transaction', await this.#native.closeKey(this.handle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
