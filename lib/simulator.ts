import { invalidArgument } from './errors.js';
import type { NativeLoadResult, NativePoolUsage, NativeProcess, NativeSimulator } from './native.js';
import { checkInteger, checkOptions, quote } from './options.js';
import type { SignalOption } from './registration.js';
import { nativeKey } from './registry-path.js';
import { RegistryThread, type CreateKeyOptions, type OpenKeyOptions } from './registry-thread.js';
import type { SimulatedKey } from './simulated-key.js';

export interface CreateProcessOptions {
  /** Default: C:\Windows\regedit.exe. */
  readonly imagePath?: string | undefined;
}

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

/** The machine that the driver runs in where there is no Windows. */
export class Simulator {
  readonly #native: NativeSimulator;
  readonly #processes = new Set<SimulatedProcess>();

  /** @internal */
  constructor(native: NativeSimulator) {
    this.#native = native;
  }

  /** A made-up process. Closing the driver ends it, if nothing else does. */
  createProcess(options?: CreateProcessOptions): SimulatedProcess {
    const { imagePath = 'C:\\Windows\\regedit.exe' } = checkOptions('createProcess()', options, ['imagePath']);
    if (typeof imagePath !== 'string') throw invalidArgument(`"imagePath" must be a string, not ${quote(imagePath)}`);
    const process = new SimulatedProcess(this.#native.createProcess(imagePath), imagePath, () => {
      this.#processes.delete(process);
    });
    this.#processes.add(process);
    return process;
  }

  /** Those that have not exited. */
  get processes(): readonly SimulatedProcess[] {
    return [...this.#processes];
  }

  /** Pool that the driver holds. */
  poolUsage(): NativePoolUsage {
    return this.#native.poolUsage();
  }

  /** The n-th next allocation of the driver fails, once; 0 takes that back. */
  failAllocation(n: number): void {
    this.#native.failAllocation(checkInteger('n', n, 0, 2 ** 31 - 1, 0));
  }

  /** Every allocation of the driver fails once for each call stack that it comes from. */
  failEachStackOnce(on: boolean): void {
    this.#native.failEachStackOnce(on);
  }

  /** How many allocations were made to fail since the machine started. */
  failedAllocations(): number {
    return this.#native.failedAllocations();
  }

  /** @internal */
  async exitProcesses(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.exit()));
  }
}

/** A process of the simulator. Registry calls on the process itself happen on its first thread. */
export class SimulatedProcess {
  readonly id: number;
  readonly imagePath: string;
  readonly #native: NativeProcess;
  readonly #onExit: () => void;
  #firstThread: RegistryThread | null = null;
  #exiting: Promise<void> | null = null;

  /** @internal */
  constructor(native: NativeProcess, imagePath: string, onExit: () => void) {
    this.#native = native;
    this.id = native.id;
    this.imagePath = imagePath;
    this.#onExit = onExit;
  }

  createThread(): RegistryThread {
    if (this.#exiting !== null) throw invalidArgument(`The simulated process ${this.id} has exited`);
    return new RegistryThread(this.#native.createThread());
  }

  async createKey(path: string, options?: CreateKeyOptions): Promise<SimulatedKey> {
    return this.#thread().createKey(path, options);
  }

  async openKey(path: string, options?: OpenKeyOptions): Promise<SimulatedKey> {
    return this.#thread().openKey(path, options);
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

  /** Registry operations from native threads, as fast as they go. */
  async load(options: LoadOptions): Promise<NativeLoadResult> {
    const checked = checkOptions('load()', options, ['path', 'threads', 'operations', 'kind']);
    const kind = checked['kind'] ?? 'set';
    if (kind !== 'set' && kind !== 'query')
      throw invalidArgument(`"kind" must be "set" or "query", not ${quote(kind)}`);
    const threads = checkInteger('threads', checked['threads'], 1, 64, 1);
    const operations = checkInteger('operations', checked['operations'], 1, 2 ** 31 - 1, 1000);
    return this.#native.load(nativeKey(options.path), threads, operations, kind);
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
