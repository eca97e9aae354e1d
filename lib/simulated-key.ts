import { invalidArgument } from './errors.js';
import * as I from './key-information.js';
import type { NativeQueryResult, NativeThread } from './native.js';
import { statusError } from './nt-error.js';
import { NtStatus, ntSuccess } from './nt-status.js';
import { quote } from './options.js';
import type { CreateKeyOptions, OpenKeyOptions, RegistryThread } from './registry-thread.js';
import type { RegistryValue } from './registry-value.js';
import { encodeValue, type ValueInput } from './value-input.js';

const firstLength = 1024;

/** An open handle of a key. Each method is one Nt*Key routine, unless it says otherwise; a failing status is an NtStatusError. */
export class SimulatedKey {
  readonly handle: number;
  /** Of the create that opened it; null for an open. */
  readonly disposition: 'created' | 'opened' | null;
  readonly #thread: RegistryThread;
  readonly #native: NativeThread;
  #path: string;
  #isOpen = true;

  /** @internal */
  constructor(
    thread: RegistryThread,
    native: NativeThread,
    handle: number,
    path: string,
    disposition: SimulatedKey['disposition'],
  ) {
    this.#thread = thread;
    this.#native = native;
    this.handle = handle;
    this.#path = path;
    this.disposition = disposition;
  }

  /** `\REGISTRY\...`, as it was asked for. */
  get path(): string {
    return this.#path;
  }

  createKey(name: string, options?: Omit<CreateKeyOptions, 'root'>): Promise<SimulatedKey> {
    return this.#thread.createKey(name, { ...options, root: this });
  }

  openKey(name: string, options?: Omit<OpenKeyOptions, 'root'>): Promise<SimulatedKey> {
    return this.#thread.openKey(name, { ...options, root: this });
  }

  async setValue(name: string, value: ValueInput): Promise<void> {
    const { type, data } = encodeValue(value);
    this.#check('NtSetValueKey', await this.#native.setValue(this.handle, checkName(name), type, data), name);
  }

  async deleteValue(name: string): Promise<void> {
    this.#check('NtDeleteValueKey', await this.#native.deleteValue(this.handle, checkName(name)), name);
  }

  async delete(): Promise<void> {
    this.#check('NtDeleteKey', await this.#native.deleteKey(this.handle));
  }

  async rename(newName: string): Promise<void> {
    this.#check('NtRenameKey', await this.#native.renameKey(this.handle, checkName(newName)), newName);
    this.#path = this.#path.slice(0, this.#path.lastIndexOf('\\') + 1) + newName;
  }

  async flush(): Promise<void> {
    this.#check('NtFlushKey', await this.#native.flushKey(this.handle));
  }

  async setInformation(informationClass: number, data: Uint8Array): Promise<void> {
    this.#check('NtSetInformationKey', await this.#native.setInformation(this.handle, informationClass, data));
  }

  /** NtSetInformationKey; in 100 ns units since 1601. */
  async setLastWriteTime(time: bigint): Promise<void> {
    const data = Buffer.alloc(8);
    data.writeBigInt64LE(time);
    await this.setInformation(I.KeyWriteTimeInformation, data);
  }

  /** As programs do, it asks again when the data does not fit into the first buffer. */
  async queryValue(name: string): Promise<RegistryValue> {
    checkName(name);
    const query = (length: number) => this.#native.queryValue(this.handle, name, I.KeyValuePartialInformation, length);
    return I.decodePartialValue(await this.#query('NtQueryValueKey', query, name));
  }

  async query(): Promise<I.KeyInformation> {
    const query = (length: number) => this.#native.queryKey(this.handle, I.KeyFullInformation, length);
    return I.decodeKeyInformation(await this.#query('NtQueryKey', query));
  }

  /** NtEnumerateKey until there are no more. */
  async enumerateKeys(): Promise<string[]> {
    const enumerate = (index: number, length: number) =>
      this.#native.enumerateKey(this.handle, index, I.KeyBasicInformation, length);
    return this.#enumerate('NtEnumerateKey', enumerate, I.decodeKeyName);
  }

  /** NtEnumerateValueKey until there are no more. */
  async enumerateValues(): Promise<I.NamedValue[]> {
    const enumerate = (index: number, length: number) =>
      this.#native.enumerateValue(this.handle, index, I.KeyValueFullInformation, length);
    return this.#enumerate('NtEnumerateValueKey', enumerate, I.decodeFullValue);
  }

  /** The data of all the values, one after the other, as the kernel lays it out. */
  async queryMultipleValues(names: readonly string[]): Promise<Uint8Array> {
    const list = names.map(checkName);
    const query = (length: number) => this.#native.queryMultipleValues(this.handle, list, length);
    return this.#query('NtQueryMultipleValueKey', query);
  }

  /** NtQueryObject(ObjectNameInformation). */
  async queryName(): Promise<string> {
    const query = (length: number) => this.#native.queryObjectName(this.handle, length);
    return I.decodeObjectName(await this.#query('NtQueryObject', query));
  }

  /** Tells every registration of a notification class that no routine of the simulator causes. */
  async injectNotification(notifyClass: number): Promise<void> {
    const status = await this.#native.injectNotification(this.handle, notifyClass);
    this.#check(`Injecting notification class ${notifyClass}`, status);
  }

  /** NtClose; a second time it does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#check('NtClose', await this.#native.closeKey(this.handle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #query(
    routine: string,
    query: (length: number) => Promise<NativeQueryResult>,
    name?: string,
  ): Promise<Uint8Array> {
    let length = firstLength;
    for (;;) {
      const result = await query(length);
      const isTooSmall =
        result.status === NtStatus.STATUS_BUFFER_OVERFLOW || result.status === NtStatus.STATUS_BUFFER_TOO_SMALL;
      if (!isTooSmall || result.length <= length) {
        this.#check(routine, result.status, name);
        return result.data;
      }
      length = result.length;
    }
  }

  async #enumerate<T>(
    routine: string,
    enumerate: (index: number, length: number) => Promise<NativeQueryResult>,
    decode: (bytes: Uint8Array) => T,
  ): Promise<T[]> {
    const found: T[] = [];
    for (let index = 0; ; index++) {
      let hasEnded = false;
      const bytes = await this.#query(routine, async (length) => {
        const result = await enumerate(index, length);
        hasEnded = result.status === NtStatus.STATUS_NO_MORE_ENTRIES;
        return hasEnded ? { status: 0, data: new Uint8Array(), length: 0 } : result;
      });
      if (hasEnded) return found;
      found.push(decode(bytes));
    }
  }

  #check(routine: string, status: number, name?: string): void {
    if (ntSuccess(status)) return;
    throw statusError(status, `${routine} on ${this.#path}${name === undefined ? '' : `, ${quote(name)},`}`);
  }
}

function checkName(name: string): string {
  if (typeof name === 'string') return name;
  throw invalidArgument(`A name must be a string, not ${quote(name)}`);
}
