// A process of the simulator, with its threads.

import { invalidArgument } from '../base/errors.js';
import type { CreateKeyOptions, OpenKeyOptions } from './key-options.js';
import type { LoadKind, NativeLoadResult, NativeLoadShape, NativeProcess } from '../native/native.js';
import { checkInteger, checkOptions, quote, type SignalOption } from '../base/options.js';
import { nativeKey, simulatedUserSid } from '../registry/registry-path.js';
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
  /**
   * `set` (default): NtSetValueKey. `query`: NtQueryValueKey. `open`: NtOpenKey and NtClose. `churn`: NtCreateKey of a new
   * name each time, NtSetValueKey, NtDeleteKey, NtClose. `notify`: both notifications of
   * `notifyClass`, with nothing behind them; what is measured is the way of a notification.
   */
  readonly kind?: LoadKind | undefined;
  /** How many keys each thread uses in turn. Default 1. */
  readonly keys?: number | undefined;
  /** How many levels deeper those keys lie. Default 0. */
  readonly depth?: number | undefined;
  /** How many values of each key are used in turn. Default 1. */
  readonly valueNames?: number | undefined;
  /** A number of REG_NOTIFY_CLASS. Default: RegNtPreQueryValueKey. */
  readonly notifyClass?: number | undefined;
  /** At most so many operations per second and thread, 1 to 10,000,000. Default: as fast as they go. */
  readonly perSecond?: number | undefined;
}

const LOAD_KINDS: readonly LoadKind[] = ['set', 'query', 'open', 'churn', 'notify'];
const LOAD_OPTIONS = [
  'path',
  'threads',
  'operations',
  'kind',
  'keys',
  'depth',
  'valueNames',
  'notifyClass',
  'perSecond',
];
const REG_NT_PRE_QUERY_VALUE_KEY = 8;

function loadShape(options: Record<string, unknown>): NativeLoadShape {
  return {
    keys: checkInteger('keys', options['keys'], 1, 2 ** 24, 1),
    depth: checkInteger('depth', options['depth'], 0, 256, 0),
    valueNames: checkInteger('valueNames', options['valueNames'], 1, 2 ** 16, 1),
    notifyClass: checkInteger('notifyClass', options['notifyClass'], 0, 255, REG_NT_PRE_QUERY_VALUE_KEY),
    perSecond: checkInteger('perSecond', options['perSecond'], 1, 10_000_000, 0),
  };
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

  /** Registry operations from native threads, as fast as they go or at a rate. */
  async load(options: LoadOptions): Promise<NativeLoadResult> {
    const checked = checkOptions('load()', options, LOAD_OPTIONS);
    const kind = LOAD_KINDS.find((known) => known === (checked['kind'] ?? 'set'));
    if (!kind)
      throw invalidArgument(
        `"kind" must be "set", "query", "open", "churn" or "notify", not ${quote(checked['kind'])}`,
      );
    const threads = checkInteger('threads', checked['threads'], 1, 64, 1);
    const operations = checkInteger('operations', checked['operations'], 1, 2 ** 31 - 1, 1000);
    return this.#native.load(nativeKey(options.path, this.user), threads, operations, kind, loadShape(checked));
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
