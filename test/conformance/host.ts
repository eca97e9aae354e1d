import type {
  CreateProcessOptions,
  Driver,
  OpenDriverOptions,
  Rule,
  SimulatedKey,
  SimulatedProcess,
} from '../../lib/index.js';
import type { NativeAddon, NativeChannel } from '../../lib/native/native.js';

/** An open key handle of an actor; each method is one system service. */
export type ActorKey = SimulatedKey;
/** A process, other than the one that holds the driver, that uses the registry. */
export type Actor = SimulatedProcess;

/** A program that holds a session with one registration and is ended without a chance to clean up. */
export interface Victim {
  kill(): Promise<void>;
}

export interface VictimOptions {
  /** Its registration has these, and what they ask is never answered. */
  readonly rules?: readonly Rule[];
  /** Its event loop stands still. */
  readonly blocks?: boolean;
  /** Its registration stays when it ends. */
  readonly persists?: boolean;
}

/**
 * What not every host can do. Tests that need something the host cannot do do not exist there; docs/contributing.md says which
 * and why.
 */
export type Ability =
  /** Notification classes that no registry routine of the host causes. */
  | 'injection'
  /** Processes with a user, a pid and a command line of one's choice; threads that impersonate. */
  | 'identities'
  /** Calls with previous mode KernelMode, at APC_LEVEL, by the System process. */
  | 'kernel callers'
  /** Access checks by the security descriptors of keys. */
  | 'access checks'
  | 'application hives'
  | 'restore'
  | 'transactions'
  | 'wow64 views'
  /** HKLM\SYSTEM\CurrentControlSet is a link, and HKLM\SYSTEM\Select says where to. */
  | 'control sets'
  /** Rules about a process and its descendants. */
  | 'process trees'
  /** Buffers that vanish or change while the kernel uses them. */
  | 'hostile memory'
  /** NtSetInformationKey changes the time that it is given. */
  | 'write times'
  /** Calls by the process of the program itself. */
  | 'own process'
  /** A thousand threads that wait at once. */
  | 'many threads';

export interface ConformanceHost {
  readonly name: string;
  openDriver(options?: Omit<OpenDriverOptions, 'backend' | 'deviceName'>): Promise<Driver>;
  /** `options` only where the host can do 'identities'. */
  createActor(driver: Driver, options?: CreateProcessOptions): Promise<Actor>;
  startVictim(altitude: string, options?: VictimOptions): Promise<Victim>;
  /** A handle of the control device below the typed layer, for forged requests. */
  openChannel(onBatch: (batch: ArrayBuffer) => void): Promise<NativeChannel>;
  /** Only with 'own process': this program as a user of the registry. */
  ownProcess?(driver: Driver): Actor;
  readonly addon: NativeAddon;
  readonly backend: 'device' | 'simulator';
  /** Native path of an existing key below which the suite may create what it likes. */
  readonly scratch: string;
  readonly abilities: ReadonlySet<Ability>;
}
