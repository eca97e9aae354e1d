import { invalidArgument } from './errors.js';
import type { NativeKeyResult, NativeThread } from './native.js';
import { nativeStatus, statusError } from './nt-error.js';
import { NtStatus, ntSuccess } from './nt-status.js';
import { quote, throwIfAborted, checkOptions, checkSignal } from './options.js';
import { applyRegFile } from './reg-file/apply.js';
import { parseRegFile } from './reg-file/parse.js';
import type { SignalOption } from './registration.js';
import { nativeKey, simulatedUserSid } from './registry-path.js';
import { SimulatedKey } from './simulated-key.js';

const KEY_ALL_ACCESS = 0xf003f;

export interface OpenKeyOptions {
  /** The path is relative to this open key. */
  readonly root?: SimulatedKey | undefined;
  /** Default: KEY_ALL_ACCESS. */
  readonly access?: number | undefined;
  /** REG_OPTION_* */
  readonly options?: number | undefined;
}

export interface CreateKeyOptions extends OpenKeyOptions {
  readonly className?: string | undefined;
}

/** A thread that uses the registry; its calls happen in order, each as one Nt*Key routine. */
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
    checkOptions('createKey()', options, ['root', 'access', 'options', 'className']);
    const { access = KEY_ALL_ACCESS, options: flags = 0, className = null } = options ?? {};
    const { handle, name, full } = this.#locate(path, options?.root);
    return this.#opened('NtCreateKey', full, await this.#native.createKey(handle, name, access, flags, className));
  }

  /** NtOpenKeyEx. */
  async openKey(path: string, options?: OpenKeyOptions): Promise<SimulatedKey> {
    checkOptions('openKey()', options, ['root', 'access', 'options']);
    const { access = KEY_ALL_ACCESS, options: flags = 0 } = options ?? {};
    const { handle, name, full } = this.#locate(path, options?.root);
    return this.#opened('NtOpenKeyEx', full, await this.#native.openKey(handle, name, access, flags));
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

  /** As RegDeleteTree does: the key and everything below it. A key that is not there is no error; the result tells. */
  async deleteTree(path: string): Promise<boolean> {
    let key: SimulatedKey;
    try {
      key = await this.openKey(path);
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
    const signal = checkSignal(checkOptions('importReg()', options, ['signal'])['signal']);
    throwIfAborted(signal, 'Importing');
    await applyRegFile(this, parseRegFile(source), signal);
  }

  /** The thread ends after the calls that are under way. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#native.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #locate(path: string, root: SimulatedKey | undefined): { handle: number; name: string; full: string } {
    if (root === undefined) {
      const full = nativeKey(path, this.#userSid);
      return { handle: 0, name: full, full };
    }
    if (typeof path !== 'string') throw invalidArgument(`A key name must be a string, not ${quote(path)}`);
    return { handle: root.handle, name: path, full: `${root.path}\\${path}` };
  }

  #opened(routine: string, path: string, result: NativeKeyResult): SimulatedKey {
    if (!ntSuccess(result.status)) throw statusError(result.status, `${routine} of ${path}`);
    const disposition = result.disposition === 1 ? 'created' : result.disposition === 2 ? 'opened' : null;
    return new SimulatedKey(this, this.#native, result.handle, path, disposition);
  }
}

export function isNotFound(error: unknown): boolean {
  const status = nativeStatus(error);
  return status === NtStatus.STATUS_OBJECT_NAME_NOT_FOUND || status === NtStatus.STATUS_OBJECT_PATH_NOT_FOUND;
}
