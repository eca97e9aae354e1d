// The simulated machine with its processes.

import { NtStatusError } from '../base/errors.js';
import type { NativePoolUsage, NativeProcess, NativeProcessOptions, NativeSimulator } from '../native/native.js';
import { nativeStatus } from '../base/nt-error.js';
import { NtStatus } from '../base/nt-status.js';
import { checkInteger } from '../base/options.js';
import { checkProcess, type CreateProcessOptions } from './process-options.js';
import { simulatedUserSid } from '../registry/registry-path.js';
import { SimulatedProcess } from './simulated-process.js';
import { localSystemSid } from './token.js';

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
    const checked = checkProcess(options);
    return this.#keep(startProcess(this.#native, checked), checked.imagePath, checked.userSid);
  }

  /**
   * PsInitialSystemProcess. Its threads are the kernel's own: their previous mode is KernelMode. Ending it ends those threads and
   * leaves the process.
   */
  systemProcess(): SimulatedProcess {
    return this.#keep(this.#native.systemProcess(), 'System', localSystemSid);
  }

  /** This program itself, whose sessions the driver never asks about it. As with the system process, only its threads end. */
  hostProcess(): SimulatedProcess {
    return this.#keep(this.#native.hostProcess(), '\\Device\\HarddiskVolume1\\host.exe', simulatedUserSid);
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

  #keep(native: NativeProcess, imagePath: string, user: string): SimulatedProcess {
    const onExit = () => {
      this.#processes.delete(process);
    };
    const process = new SimulatedProcess(native, imagePath, onExit, user);
    this.#processes.add(process);
    return process;
  }
}

function startProcess(native: NativeSimulator, options: NativeProcessOptions): NativeProcess {
  try {
    return native.createProcess(options);
  } catch (error) {
    const status = nativeStatus(error);
    if (status === null) throw error;
    const inUse =
      status === NtStatus.STATUS_OBJECT_NAME_COLLISION ? `: the id ${String(options.id)} belongs to another one` : '';
    throw new NtStatusError('CMB_NT_STATUS', status, `Starting the simulated process failed${inUse}`, { cause: error });
  }
}
