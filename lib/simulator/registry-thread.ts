// A thread of a simulated process, with the system services that open keys, load hives and change who it acts for.

import { randomUUID } from 'node:crypto';
import { nativeFile } from './host-file.js';
import {
  checkKeyOptions,
  createKeyOptionNames,
  locate,
  OBJ_OPENLINK,
  openKeyOptionNames,
  REG_OPTION_CREATE_LINK,
  type CreateKeyOptions,
  type OpenKeyOptions,
} from './key-options.js';
import type { NativeHandleResult, NativeThread } from '../native/native.js';
import { isNotFound } from '../base/nt-error.js';
import { checkBoolean, checkOptions, type SignalOption } from '../base/options.js';
import { importRegFile } from './apply-reg-file.js';
import { nativeKey, simulatedUserSid } from '../registry/registry-path.js';
import { checkStatus } from './key-handle.js';
import { SimulatedKey } from './simulated-key.js';
import { SimulatedTransaction } from './simulated-transaction.js';
import {
  checkCaller,
  checkImpersonation,
  checkLoadAppKey,
  checkLoadKey,
  type CallerOptions,
  type ImpersonateOptions,
  type LoadAppKeyOptions,
  type LoadKeyOptions,
} from './thread-options.js';

const REG_FORCE_UNLOAD = 1;

/** A thread that uses the registry; its calls happen in order, each as one system service. */
export class RegistryThread {
  readonly processId: number;
  readonly #native: NativeThread;
  readonly #userSid: string;
  #closing: Promise<void> | null = null;

  /** HKCU means the user with `userSid`. */
  constructor(native: NativeThread, userSid = simulatedUserSid) {
    this.#native = native;
    this.processId = native.processId;
    this.#userSid = userSid;
  }

  /** NtCreateKey: creates the last component of the path, or opens the key that is there. */
  async createKey(path: string, options?: CreateKeyOptions): Promise<SimulatedKey> {
    const checked = checkKeyOptions('createKey()', options, createKeyOptionNames);
    const { access, className, attributes, transaction, securityDescriptor } = checked;
    const { handle, name, full } = locate(path, options?.root, this.#userSid);
    const result = await this.#native.createKey(
      handle,
      name,
      access,
      checked.options,
      className,
      attributes,
      transaction,
      securityDescriptor,
    );
    const disposition = result.disposition === 1 ? 'created' : result.disposition === 2 ? 'opened' : null;
    return this.#opened('NtCreateKey', full, result, disposition);
  }

  /** NtOpenKeyEx. */
  async openKey(path: string, options?: OpenKeyOptions): Promise<SimulatedKey> {
    const checked = checkKeyOptions('openKey()', options, openKeyOptionNames);
    const { access, attributes, transaction } = checked;
    const { handle, name, full } = locate(path, options?.root, this.#userSid);
    const result = await this.#native.openKey(handle, name, access, checked.options, attributes, transaction);
    return this.#opened('NtOpenKeyEx', full, result);
  }

  /** A key that is a symbolic link to another one: NtCreateKey with REG_OPTION_CREATE_LINK, and its SymbolicLinkValue. */
  async createLink(path: string, target: string, options?: CreateKeyOptions): Promise<SimulatedKey> {
    nativeKey(target, this.#userSid);
    const { options: flags, attributes } = checkKeyOptions('createLink()', options, createKeyOptionNames);
    const link = await this.createKey(path, {
      ...options,
      options: (flags | REG_OPTION_CREATE_LINK) >>> 0,
      attributes: (attributes | OBJ_OPENLINK) >>> 0,
    });
    await link.setLinkTarget(target);
    return link;
  }

  /** As RegCreateKeyEx does: NtCreateKey, and when a parent is missing, the parents first. */
  async createKeyPath(path: string, options?: Omit<CreateKeyOptions, 'root'>): Promise<SimulatedKey> {
    const full = nativeKey(path, this.#userSid);
    try {
      return await this.createKey(full, options);
    } catch (error) {
      const parent = full.slice(0, full.lastIndexOf('\\'));
      if (!isNotFound(error) || parent.split('\\').length <= 3) throw error;
      await (await this.createKeyPath(parent)).close();
      return await this.createKey(full, options);
    }
  }

  /**
   * As RegDeleteTree does: the key and everything below it; of a symbolic link, the link and not what it leads to. A key that is not
   * there is no error; the result tells.
   */
  async deleteTree(path: string): Promise<boolean> {
    let key: SimulatedKey;
    try {
      key = await this.openKey(path, { attributes: OBJ_OPENLINK });
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
    try {
      for (const name of await key.enumerateKeys()) await this.deleteTree(`${key.path}\\${name}`);
      await key.delete();
    } finally {
      await key.close();
    }
    return true;
  }

  /** Does what regedit would do with the file: its bytes, or its text. Nothing is done when the file is damaged. */
  async importReg(source: Uint8Array | string, options?: SignalOption): Promise<void> {
    await importRegFile(this, source, options);
  }

  /** NtCreateTransaction, for `transaction` of createKey() and openKey(). */
  async createTransaction(): Promise<SimulatedTransaction> {
    const { status, handle } = await this.#native.createTransaction();
    checkStatus('NtCreateTransaction', status);
    return new SimulatedTransaction(this.#native, handle);
  }

  /** NtLoadKeyEx: the hive file becomes the key at `path`, a child of HKLM or HKU. */
  async loadKey(path: string, file: string, options?: LoadKeyOptions): Promise<void> {
    const flags = checkLoadKey(options);
    const { handle, name, full } = locate(path, options?.root, this.#userSid);
    const result = await this.#native.loadKey(handle, name, nativeFile('file', file), flags, 0);
    checkStatus(`NtLoadKeyEx of ${file} at ${full}`, result.status);
  }

  /** As RegLoadAppKey does: the hive is this program's own, has no path that others can open, and goes with its last handle. */
  async loadAppKey(file: string, options?: LoadAppKeyOptions): Promise<SimulatedKey> {
    const { access, flags } = checkLoadAppKey(options);
    const path = `\\REGISTRY\\A\\{${randomUUID()}}`;
    const result = await this.#native.loadKey(0, path, nativeFile('file', file), flags, access);
    return this.#opened(`NtLoadKeyEx of ${file}`, path, result);
  }

  /** NtUnloadKey2; `force` also takes keys away that are open. */
  async unloadKey(path: string, options?: { readonly force?: boolean | undefined }): Promise<void> {
    const force = checkBoolean('force', checkOptions('unloadKey()', options, ['force'])['force'], false);
    const full = nativeKey(path, this.#userSid);
    checkStatus(`NtUnloadKey2 of ${full}`, await this.#native.unloadKey(0, full, force ? REG_FORCE_UNLOAD : 0));
  }

  /** The thread acts for someone else until revertToSelf(). By default for the usual user, not elevated. */
  async impersonate(options?: ImpersonateOptions): Promise<void> {
    const { token, level } = checkImpersonation(options);
    checkStatus('Impersonating', await this.#native.impersonate(token, level));
  }

  async revertToSelf(): Promise<void> {
    checkStatus('Reverting to self', await this.#native.revertToSelf());
  }

  /** Later calls are made as code in the kernel makes them, or as user mode does again. */
  async setCaller(options?: CallerOptions): Promise<void> {
    const { kernelMode, irql } = checkCaller(options);
    checkStatus('Changing the caller', await this.#native.setCaller(kernelMode, irql));
  }

  /** @internal */
  nativeKey(path: string): string {
    return nativeKey(path, this.#userSid);
  }

  /** The thread ends after the calls that are under way. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#native.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #opened(
    routine: string,
    path: string,
    { status, handle }: NativeHandleResult,
    disposition: SimulatedKey['disposition'] = null,
  ): SimulatedKey {
    checkStatus(`${routine} of ${path}`, status);
    return new SimulatedKey(this, this.#native, handle, path, disposition);
  }
}
