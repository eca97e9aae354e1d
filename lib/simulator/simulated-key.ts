// A key that a thread of the simulator has open, with a method for each system service that works on one.

import { invalidArgument } from '../base/errors.js';
import { nativeFile } from './host-file.js';
import * as I from '../registry/key-information.js';
import type { CreateKeyOptions, OpenKeyOptions } from './key-options.js';
import type { NativeThread } from '../native/native.js';
import { checkBytes, checkInteger, checkOptions, quote } from '../base/options.js';
import { ask, check, KeyHandle } from './key-handle.js';
import { checkName } from './raw-queries.js';
import type { RegistryValue } from '../registry/registry-value.js';
import { encodeValue, type ValueInput } from '../registry/value-input.js';
import { wholeEnumeration } from './whole-query.js';

/** OWNER_SECURITY_INFORMATION, GROUP_..., DACL_... */
const ownerGroupDacl = 7;
const REG_STANDARD_FORMAT = 1;

/** What a key needs of the thread that opened it. */
interface KeyThread {
  createKey(path: string, options: CreateKeyOptions): Promise<SimulatedKey>;
  openKey(path: string, options: OpenKeyOptions): Promise<SimulatedKey>;
  nativeKey(path: string): string;
}

/** An open handle of a key. Each method is one Nt*Key routine, unless it says otherwise; a failing status is an NtStatusError. */
export class SimulatedKey extends KeyHandle {
  /** Of the create that opened it; null for an open. */
  readonly disposition: 'created' | 'opened' | null;
  readonly #thread: KeyThread;
  readonly #native: NativeThread;

  /** @internal */
  constructor(
    thread: KeyThread,
    native: NativeThread,
    handle: number,
    path: string,
    disposition: SimulatedKey['disposition'],
  ) {
    super(native, handle, path);
    this.#thread = thread;
    this.#native = native;
    this.disposition = disposition;
  }

  createKey(name: string, options?: Omit<CreateKeyOptions, 'root'>): Promise<SimulatedKey> {
    return this.#thread.createKey(name, { ...options, root: this });
  }

  openKey(name: string, options?: Omit<OpenKeyOptions, 'root'>): Promise<SimulatedKey> {
    return this.#thread.openKey(name, { ...options, root: this });
  }

  async setValue(name: string, value: ValueInput): Promise<void> {
    const { type, data } = encodeValue(value);
    check(this, 'NtSetValueKey', await this.#native.setValue(this.handle, checkName(name), type, data), name);
  }

  async deleteValue(name: string): Promise<void> {
    check(this, 'NtDeleteValueKey', await this.#native.deleteValue(this.handle, checkName(name)), name);
  }

  async delete(): Promise<void> {
    check(this, 'NtDeleteKey', await this.#native.deleteKey(this.handle));
  }

  async flush(): Promise<void> {
    check(this, 'NtFlushKey', await this.#native.flushKey(this.handle));
  }

  async setInformation(informationClass: number, data: Uint8Array): Promise<void> {
    check(this, 'NtSetInformationKey', await this.#native.setInformation(this.handle, informationClass, data));
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
    return I.decodePartialValue(await ask(this, 'NtQueryValueKey', query, name));
  }

  async query(): Promise<I.KeyInformation> {
    const query = (length: number) => this.#native.queryKey(this.handle, I.KeyFullInformation, length);
    return I.decodeKeyInformation(await ask(this, 'NtQueryKey', query));
  }

  /** NtEnumerateKey until there are no more. */
  async enumerateKeys(): Promise<string[]> {
    return wholeEnumeration(
      (index, length) => this.#native.enumerateKey(this.handle, index, I.KeyBasicInformation, length),
      I.decodeKeyName,
      (status) => {
        check(this, 'NtEnumerateKey', status);
      },
    );
  }

  /** NtEnumerateValueKey until there are no more. */
  async enumerateValues(): Promise<I.NamedValue[]> {
    return wholeEnumeration(
      (index, length) => this.#native.enumerateValue(this.handle, index, I.KeyValueFullInformation, length),
      I.decodeFullValue,
      (status) => {
        check(this, 'NtEnumerateValueKey', status);
      },
    );
  }

  /** The data of all the values, one after the other, as the kernel lays it out. */
  async queryMultipleValues(names: readonly string[]): Promise<Uint8Array> {
    const list = names.map(checkName);
    const query = (length: number) => this.#native.queryMultipleValues(this.handle, list, length);
    return ask(this, 'NtQueryMultipleValueKey', query);
  }

  /** NtQueryObject(ObjectNameInformation). */
  async queryName(): Promise<string> {
    const query = (length: number) => this.#native.queryObjectName(this.handle, length);
    return I.decodeObjectName(await ask(this, 'NtQueryObject', query));
  }

  /** NtQuerySecurityObject: a self-relative SECURITY_DESCRIPTOR. Default: owner, group and DACL. */
  async querySecurity(information = ownerGroupDacl): Promise<Uint8Array> {
    const asked = checkInteger('information', information, 0, 0xffff_ffff, 0);
    const query = (length: number) => this.#native.querySecurity(this.handle, asked, length);
    return ask(this, 'NtQuerySecurityObject', query);
  }

  /** NtSetSecurityObject; `information` is a SECURITY_INFORMATION, the descriptor self-relative. */
  async setSecurity(information: number, descriptor: Uint8Array): Promise<void> {
    const asked = checkInteger('information', information, 0, 0xffff_ffff, 0);
    const bytes = checkBytes('descriptor', descriptor);
    check(this, 'NtSetSecurityObject', await this.#native.setSecurity(this.handle, asked, bytes));
  }

  /** NtSaveKeyEx into a new file. `format`: REG_STANDARD_FORMAT (default), REG_LATEST_FORMAT or REG_NO_COMPRESSION. */
  async save(file: string, options?: { readonly format?: number | undefined }): Promise<void> {
    const checked = checkOptions('save()', options, ['format']);
    const format = checkInteger('format', checked['format'], 0, 0xffff_ffff, REG_STANDARD_FORMAT);
    check(this, 'NtSaveKeyEx', await this.#native.saveKey(this.handle, nativeFile('file', file), format), file);
  }

  /** NtSaveMergedKeys: this key laid over the other one. */
  async saveMerged(low: SimulatedKey, file: string): Promise<void> {
    if (!(low instanceof SimulatedKey)) throw invalidArgument(`"low" must be an open key, not ${quote(low)}`);
    const path = nativeFile('file', file);
    check(this, 'NtSaveMergedKeys', await this.#native.saveMergedKeys(this.handle, low.handle, path), file);
  }

  /** NtRestoreKey. `flags`: REG_WHOLE_HIVE_VOLATILE, REG_REFRESH_HIVE, REG_FORCE_RESTORE ... */
  async restore(file: string, options?: { readonly flags?: number | undefined }): Promise<void> {
    const flags = checkInteger('flags', checkOptions('restore()', options, ['flags'])['flags'], 0, 0xffff_ffff, 0);
    check(this, 'NtRestoreKey', await this.#native.restoreKey(this.handle, nativeFile('file', file), flags), file);
  }

  /** NtReplaceKey: the hive of the key is read from `newFile` when it is loaded again; what it was goes to `oldFile`. */
  async replace(newFile: string, oldFile: string): Promise<void> {
    const [from, to] = [nativeFile('newFile', newFile), nativeFile('oldFile', oldFile)];
    check(this, 'NtReplaceKey', await this.#native.replaceKey(from, this.handle, to), newFile);
  }

  /** Where this key, made with REG_OPTION_CREATE_LINK, leads: `\REGISTRY\...`, or any form that people write. */
  async setLinkTarget(target: string): Promise<void> {
    const path = this.#thread.nativeKey(target);
    await this.setValue('SymbolicLinkValue', { type: 'REG_LINK', data: path });
  }

  /** NtDuplicateObject: another handle of the same key object. */
  async duplicate(): Promise<SimulatedKey> {
    const { status, handle } = await this.#native.duplicateHandle(this.handle);
    check(this, 'NtDuplicateObject', status);
    return new SimulatedKey(this.#thread, this.#native, handle, this.path, null);
  }

  /** Tells every registration of a notification class, and that the operation ended with `status` if it is one of post. */
  async injectNotification(notifyClass: number, options?: { readonly status?: number | undefined }): Promise<void> {
    const checked = checkOptions('injectNotification()', options, ['status']);
    const given = checkInteger('status', checked['status'], -0x8000_0000, 0xffff_ffff, 0);
    const status = await this.#native.injectNotification(this.handle, notifyClass, given >>> 0);
    if (status !== given >>> 0) check(this, `Injecting notification class ${notifyClass}`, status);
  }
}
