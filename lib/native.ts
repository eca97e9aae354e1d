// The surface of the addon as JavaScript sees it: primitives and buffers that this package has already checked.
// Nothing else in the package loads native code.

export type BackendName = 'device' | 'simulator';

/** Native failures are rejections with an Error that carries the NTSTATUS, as an unsigned 32-bit number. */
export interface NativeError extends Error {
  readonly ntStatus: number;
}

/** One open handle of the control device. */
export interface NativeChannel {
  /** One IOCTL that completes by itself. Resolves with the bytes the driver returned. Runs off the JavaScript thread. */
  control(code: number, input: Uint8Array, outputLength: number): Promise<Uint8Array>;
  /**
   * Keeps `receives` RECEIVE requests of `bytes` each pended. Every completed batch goes to `onBatch` in one call, in the
   * driver's order. The request is pended again only after `acknowledge()`, so a program that does not keep up is
   * bounded by receives * bytes, and the driver's queue does the counting.
   */
  startReceive(receives: number, bytes: number): void;
  acknowledge(): void;
  /** While unreferenced, the channel does not keep the event loop alive. */
  ref(): void;
  unref(): void;
  /** Cancels what is pended, waits for it, closes the handle. No onBatch call comes after it resolves. Idempotent. */
  close(): Promise<void>;
}

export interface NativeKeyResult {
  /** NTSTATUS, unsigned. */
  readonly status: number;
  /** Handle of the key in the simulated process, 0 if none. */
  readonly handle: number;
  /** REG_CREATED_NEW_KEY 1, REG_OPENED_EXISTING_KEY 2, 0 if not told. */
  readonly disposition: number;
}

export interface NativeQueryResult {
  readonly status: number;
  /** What the kernel wrote, in the layout of the information class. */
  readonly data: Uint8Array;
  /** ResultLength. */
  readonly length: number;
}

export interface NativeLoadResult {
  readonly operations: number;
  readonly failures: number;
  readonly nanoseconds: bigint;
}

/** A thread of a simulated process. Calls run in order on an OS thread of their own; every call is one Nt*Key routine. */
export interface NativeThread {
  readonly processId: number;
  /** NtCreateKey. `root` 0: `path` is absolute (`\REGISTRY\...`). */
  createKey(
    root: number,
    path: string,
    access: number,
    options: number,
    className: string | null,
  ): Promise<NativeKeyResult>;
  /** NtOpenKeyEx. */
  openKey(root: number, path: string, access: number, options: number): Promise<NativeKeyResult>;
  /** NtClose. */
  closeKey(handle: number): Promise<number>;
  setValue(handle: number, name: string, type: number, data: Uint8Array): Promise<number>;
  deleteValue(handle: number, name: string): Promise<number>;
  deleteKey(handle: number): Promise<number>;
  renameKey(handle: number, newName: string): Promise<number>;
  flushKey(handle: number): Promise<number>;
  /** NtSetInformationKey(KeyWriteTimeInformation ...). */
  setInformation(handle: number, informationClass: number, data: Uint8Array): Promise<number>;
  queryKey(handle: number, informationClass: number, length: number): Promise<NativeQueryResult>;
  queryValue(handle: number, name: string, informationClass: number, length: number): Promise<NativeQueryResult>;
  enumerateKey(handle: number, index: number, informationClass: number, length: number): Promise<NativeQueryResult>;
  enumerateValue(handle: number, index: number, informationClass: number, length: number): Promise<NativeQueryResult>;
  queryMultipleValues(handle: number, names: string[], length: number): Promise<NativeQueryResult>;
  /** NtQueryObject(ObjectNameInformation). */
  queryObjectName(handle: number, length: number): Promise<NativeQueryResult>;
  /** Tells every registration of a notification class that no routine above causes, with a well-formed structure for the key. */
  injectNotification(handle: number, notifyClass: number): Promise<number>;
  /** The thread ends: pending calls finish first. */
  close(): Promise<void>;
}

export interface NativeProcess {
  readonly id: number;
  createThread(): NativeThread;
  /**
   * Load from native threads, without JavaScript in the way: each of `threads` threads does `operations` times
   * NtSetValueKey / NtQueryValueKey (`kind`) on a key of its own below `path`.
   */
  load(path: string, threads: number, operations: number, kind: 'set' | 'query'): Promise<NativeLoadResult>;
  /** Process exit: its threads end, its handles are closed. */
  exit(): Promise<void>;
}

export interface NativePoolUsage {
  readonly blocks: number;
  readonly bytes: number;
}

/** Only where the simulator is compiled in. Needs an open simulator channel: the machine halts with the last one. */
export interface NativeSimulator {
  createProcess(imagePath: string): NativeProcess;
  poolUsage(): NativePoolUsage;
  failAllocation(nth: number): void;
  failEachStackOnce(on: boolean): void;
  failedAllocations(): number;
}

export interface NativeAddon {
  /** Of the package that the addon was built from. */
  readonly version: string;
  readonly backends: readonly BackendName[];
  /**
   * Opens the control device. `onBatch` gets the bytes of one completed RECEIVE; `onEnd` gets the NTSTATUS
   * when the channel ends by itself: the driver went away, or there was no memory for a batch. Rejects with NativeError.
   */
  openChannel(
    backend: BackendName,
    deviceName: string,
    onBatch: (batch: ArrayBuffer) => void,
    onEnd: (ntStatus: number) => void,
  ): Promise<NativeChannel>;
  readonly simulator: NativeSimulator | null;
}
