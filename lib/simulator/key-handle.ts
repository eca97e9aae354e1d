// An open handle of a key in the simulator: what its routines build on, and what options take as `root`.

import type { NativeQueryResult, NativeThread } from '../native/native.js';
import { statusError } from '../base/nt-error.js';
import { ntSuccess } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import { RawQueries } from './raw-queries.js';
import { wholeQuery } from './whole-query.js';

export class KeyHandle {
  readonly handle: number;
  readonly raw: RawQueries;
  /** @internal */
  protected readonly native: NativeThread;
  #path: string;
  #isOpen = true;

  /** @internal */
  constructor(native: NativeThread, handle: number, path: string) {
    this.native = native;
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
    this.check('NtClose', await this.native.closeKey(this.handle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal The last component of the path is another one from now on. */
  protected renamed(newName: string): void {
    this.#path = this.#path.slice(0, this.#path.lastIndexOf('\\') + 1) + newName;
  }

  /** @internal As programs do, it asks again when the answer does not fit into the first buffer. */
  protected async ask(
    routine: string,
    query: (length: number) => Promise<NativeQueryResult>,
    name?: string,
  ): Promise<Uint8Array> {
    const { status, data } = await wholeQuery(query);
    this.check(routine, status, name);
    return data;
  }

  /** @internal Throws an NtStatusError for a failure; `name` is what the routine was called with. */
  protected check(routine: string, status: number, name?: string): void {
    if (!ntSuccess(status))
      checkStatus(`${routine} on ${this.#path}${name === undefined ? '' : `, ${quote(name)},`}`, status);
  }
}

/** Throws an NtStatusError for a failure. */
export function checkStatus(what: string, status: number): void {
  if (!ntSuccess(status)) throw statusError(status, what);
}
