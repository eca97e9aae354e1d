import { invalidArgument } from './errors.js';
import type { CreateKeyOptions, OpenKeyOptions } from './key-options.js';
import type { NativeLoadResult, NativeProcess } from './native.js';
import { checkInteger, checkOptions, quote } from './options.js';
import type { SignalOption } from './registration.js';
import { nativeKey, simulatedUserSid } from './registry-path.js';
import { RegistryThread } from './registry-thread.js';
import type { SimulatedKey } from './simulated-key.js';
import type { SimulatedTransaction } from './simulated-transaction.js';
import type { LoadAppKeyOptions, LoadKeyOptions } from './thread-options.js';

export interface LoadOptions {
  /** Each thread uses a key of its own below this one. */
  readonly path: string;
  /** Default 1. */
  readonly threads?: number | undefined;
  /** Of each thread. Default 1000. */
  readonly operations?: number | undefined;
  /** Default: set. */
  readonly kind?: 'set' | 'query' | undefined;
}

/** A process of the simulator. Registry calls on the process itself happen on its first thread. */
export class SimulatedProcess {
  readonly id: number;
  /** As the kernel tells it: `\Device\HarddiskVolume3\Windows\regedit.exe` for C:\Windows\regedit.exe. */
  readonly imagePath: string;
  /** The SID of its user, whose keys HKCU means. */
  readonly user: string;
  readonly #native: NativeProcess;
  readonly #onExit: () => void;
  #firstThread: RegistryThread | null = null;
  #exiting: Promise<void> | null = null;

  /** @internal */
  constructor(native: NativeProcess, imagePath: string, onExit: () => void, user = simulatedUserSid) {
    this.#native = native;
    this.id = native.id;
    this.imagePath = imagePath;
    this.user = user;
    this.#onExit = onExit;
  }

  createThread(): RegistryThread {
    if (this.#exiting !== null) throw invalidArgument(`The simulated process ${this.id} has exited`);
    return new RegistryThread(this.#native.createThread(), this.user);
  }

  async createKey(path: string, options?: CreateKeyOptions): Promise<SimulatedKey> {
    return this.#thread().createKey(path, options);
  }

  async openKey(path: string, options?: OpenKeyOptions): Promise<SimulatedKey> {
    return this.#thread().openKey(path, options);
  }

  async createLink(path: string, target: string, options?: CreateKeyOptions): Promise<SimulatedKey> {
    return this.#thread().createLink(path, target, options);
  }

  async createKeyPath(path: string, options?: Omit<CreateKeyOptions, 'root'>): Promise<SimulatedKey> {
    return this.#thread().createKeyPath(path, options);
  }

  async deleteTree(path: string): Promise<boolean> {
    return this.#thread().deleteTree(path);
  }

  async importReg(source: Uint8Array | string, options?: SignalOption): Promise<void> {
    return this.#thread().importReg(source, options);
  }

  async createTransaction(): Promise<SimulatedTransaction> {
    return this.#thread().createTransaction();
  }

  async loadKey(path: string, file: string, options?: LoadKeyOptions): Promise<void> {
    return this.#thread().loadKey(path, file, options);
  }

  async loadAppKey(file: string, options?: LoadAppKeyOptions): Promise<SimulatedKey> {
    return this.#thread().loadAppKey(file, options);
  }

  async unloadKey(path: string, options?: { readonly force?: boolean | undefined }): Promise<void> {
    return this.#thread().unloadKey(path, options);
  }

  /** Registry operations from native threads, as fast as they go. */
  async load(options: LoadOptions): Promise<NativeLoadResult> {
    const checked = checkOptions('load()', options, ['path', 'threads', 'operations', 'kind']);
    const kind = checked['kind'] ?? 'set';
    if (kind !== 'set' && kind !== 'query')
      throw invalidArgument(`"kind" must be "set" or "query", not ${quote(kind)}`);
    const threads = checkInteger('threads', checked['threads'], 1, 64, 1);
    const operations = checkInteger('operations', checked['operations'], 1, 2 ** 31 - 1, 1000);
    return this.#native.load(nativeKey(options.path, this.user), threads, operations, kind);
  }

  /** Its threads end and its handles are closed. Idempotent. */
  async exit(): Promise<void> {
    this.#exiting ??= this.#native.exit().finally(this.#onExit);
    await this.#exiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exit();
  }

  #thread(): RegistryThread {
    this.#firstThread ??= this.createThread();
    return this.#firstThread;
  }
}
