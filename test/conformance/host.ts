import type { NativeAddon, NativeChannel } from '../../lib/native.js';
import type { Driver, OpenDriverOptions } from '../../lib/index.js';

export interface ValueInput {
  readonly type: string;
  readonly data: string | number | bigint | readonly string[] | Uint8Array;
}

/** An open key handle of an actor; each method is one Nt*Key routine. */
export interface ActorKey {
  readonly path: string;
  createKey(name: string): Promise<ActorKey>;
  setValue(name: string, value: ValueInput): Promise<void>;
  deleteValue(name: string): Promise<void>;
  delete(): Promise<void>;
  rename(newName: string): Promise<void>;
  flush(): Promise<void>;
  queryValue(name: string): Promise<unknown>;
  injectNotification(notifyClass: number): Promise<void>;
  close(): Promise<void>;
}

/** A process, other than the one that holds the driver, that uses the registry. */
export interface Actor {
  readonly id: number;
  createKey(path: string): Promise<ActorKey>;
  openKey(path: string): Promise<ActorKey>;
  /** Creates every missing key on the way. */
  createKeyPath(path: string): Promise<ActorKey>;
  /** `threads` threads write values below `path`, `operations` times each. */
  load(options: { path: string; threads: number; operations: number }): Promise<void>;
  exit(): Promise<void>;
}

/** A program that holds a session with one registration and is ended without a chance to clean up. */
export interface Victim {
  kill(): Promise<void>;
}

export interface ConformanceHost {
  readonly name: string;
  openDriver(options?: Omit<OpenDriverOptions, 'backend' | 'deviceName'>): Promise<Driver>;
  createActor(driver: Driver): Promise<Actor>;
  startVictim(altitude: string): Promise<Victim>;
  /** A handle of the control device below the typed layer, for forged requests. */
  openChannel(onBatch: (batch: ArrayBuffer) => void): Promise<NativeChannel>;
  readonly addon: NativeAddon;
  readonly backend: 'device' | 'simulator';
  /** Native path of an existing key below which the suite may create what it likes. */
  readonly scratch: string;
  /** Can raise notification classes that no registry routine of the host causes. */
  readonly injects: boolean;
}
