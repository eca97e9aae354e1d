// An open handle of a key in the simulator: its path and its end, and how the answers of its routines are checked.

import type { NativeQueryResult, NativeThread } from '../native/native.js';
import { statusError } from '../base/nt-error.js';
import { ntSuccess } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import { checkName, RawQueries } from './raw-queries.js';
import { wholeQuery } from './whole-query.js';

export class KeyHandle {
  readonly handle: number;
  readonly raw: RawQueries;
  readonly #native: NativeThread;
  #path: string;
  #isOpen = true;

  /** @internal */
  constructor(native: NativeThread, handle: number, path: string) {
    this.#native = native;
    this.handle = handle;
    this.#path = path;
    this.raw = new RawQueries(native, handle);
  }

  /** `\REGISTRY\...`, as it was asked for. */
  get path(): string {
    return this.#path;
  }

  /** NtClose; a second time it does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    check(this, 'NtClose', await this.#native.closeKey(this.handle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** NtRenameKey; the last component of the path is the new name from then on. */
  async rename(newName: string): Promise<void> {
    check(this, 'NtRenameKey', await this.#native.renameKey(this.handle, checkName(newName)), newName);
    this.#path = this.#path.slice(0, this.#path.lastIndexOf('\\') + 1) + newName;
  }
}

/** As programs do, it asks again when the answer does not fit into the first buffer. */
export async function ask(
  key: KeyHandle,
  routine: string,
  query: (length: number) => Promise<NativeQueryResult>,
  name?: string,
): Promise<Uint8Array> {
  const { status, data } = await wholeQuery(query);
  check(key, routine, status, name);
  return data;
}

/** Throws an NtStatusError for a failure; `name` is what the routine was called with. */
export function check(key: KeyHandle, routine: string, status: number, name?: string): void {
  if (!ntSuccess(status))
    checkStatus(`${routine} on ${key.path}${name === undefined ? '' : `, ${quote(name)},`}`, status);
}

/** Throws an NtStatusError for a failure. */
export function checkStatus(what: string, status: number): void {
  if (!ntSuccess(status)) throw statusError(status, what);
}
