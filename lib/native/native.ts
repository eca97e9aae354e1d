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
  /** One REPLY, on this thread: it waits for nobody. Throws a NativeError. */
  reply(input: Uint8Array): Uint8Array;
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

export interface NativeHandleResult {
  /** NTSTATUS, unsigned. */
  readonly status: number;
  /** In the simulated process, 0 if none. */
  readonly handle: number;
}

export interface NativeKeyResult extends NativeHandleResult {
  /** REG_CREATED_NEW_KEY 1, REG_OPENED_EXISTING_KEY 2, 0 if not told. */
  readonly disposition: number;
}

export interface NativeQueryResult {
  readonly status: number;
  /** What the kernel wrote, in the layout of the information class. */
  readonly data: Uint8Array;
  /** ResultLength. */
  readonly length: number;
  /** How often the kernel touched the buffers; only of a hostile call. */
  readonly touches?: number;
}

/** What another thread of the program does to the buffers of a call while the kernel uses them. */
export interface NativeHostility {
  /** They vanish, or their bytes turn over before each touch. */
  readonly kind: 'vanish' | 'change';
  /** So many touches pass before it begins. */
  readonly after: number;
}

/** Whom a token speaks for. */
export interface NativeToken {
  /** `S-1-...` */
  readonly userSid: string;
  /** The RID of the mandatory label. */
  readonly integrityLevel: number;
  readonly elevated: boolean;
  readonly sessionId: number;
}

export interface NativeProcessOptions extends NativeToken {
  /** As the kernel tells it: `\Device\HarddiskVolume...`. */
  readonly imagePath: string;
  readonly commandLine: string | null;
  readonly parentId: number;
  readonly wow64: boolean;
  /** A process id that is free now; null: the next one. */
  readonly id: number | null;
}

export interface NativeLoadResult {
  readonly operations: number;
  readonly failures: number;
  readonly nanoseconds: bigint;
}

/**
 * A thread of a simulated process. Calls run in order on an OS thread of their own; every call is one system service, and a status is
 * an unsigned NTSTATUS. `root` is the handle that a path is relative to; 0: the path is absolute (`\REGISTRY\...`).
 * `file` is an NT path.
 */
export interface NativeThread {
  readonly processId: number;
  /**
   * NtCreateKey, or NtCreateKeyTransacted if `transaction` (a handle) is not 0. `access` has KEY_WOW64_*, `attributes` OBJ_*;
   * `securityDescriptor` is self-relative.
   */
  createKey(
    root: number,
    path: string,
    access: number,
    options: number,
    className: string | null,
    attributes: number,
    transaction: number,
    securityDescriptor: Uint8Array | null,
  ): Promise<NativeKeyResult>;
  /** NtOpenKeyEx, or NtOpenKeyTransactedEx. */
  openKey(
    root: number,
    path: string,
    access: number,
    options: number,
    attributes: number,
    transaction: number,
  ): Promise<NativeKeyResult>;
  /** NtClose, also of handles that are no keys. */
  closeKey(handle: number): Promise<number>;
  /** NtDuplicateObject within the process, with the same access. */
  duplicateHandle(handle: number): Promise<NativeHandleResult>;
  setValue(handle: number, name: string, type: number, data: Uint8Array): Promise<number>;
  deleteValue(handle: number, name: string): Promise<number>;
  deleteKey(handle: number): Promise<number>;
  renameKey(handle: number, newName: string): Promise<number>;
  flushKey(handle: number): Promise<number>;
  /** NtSetInformationKey(KeyWriteTimeInformation ...). */
  setInformation(handle: number, informationClass: number, data: Uint8Array): Promise<number>;
  queryKey(
    handle: number,
    informationClass: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  queryValue(
    handle: number,
    name: string,
    informationClass: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  enumerateKey(
    handle: number,
    index: number,
    informationClass: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  enumerateValue(
    handle: number,
    index: number,
    informationClass: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  queryMultipleValues(
    handle: number,
    names: string[],
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  /** NtQueryObject(ObjectNameInformation). */
  queryObjectName(handle: number, length: number, hostility?: NativeHostility | null): Promise<NativeQueryResult>;
  /** NtQuerySecurityObject and NtSetSecurityObject; `information` is a SECURITY_INFORMATION. */
  querySecurity(
    handle: number,
    information: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult>;
  setSecurity(handle: number, information: number, descriptor: Uint8Array): Promise<number>;
  /** NtLoadKeyEx; `access` counts, and there is a handle, only with REG_APP_HIVE. */
  loadKey(root: number, path: string, file: string, flags: number, access: number): Promise<NativeHandleResult>;
  /** NtUnloadKey2. */
  unloadKey(root: number, path: string, flags: number): Promise<number>;
  /** NtSaveKeyEx, NtSaveMergedKeys, NtRestoreKey: the file is made, or opened, first. */
  saveKey(handle: number, file: string, format: number): Promise<number>;
  saveMergedKeys(high: number, low: number, file: string): Promise<number>;
  restoreKey(handle: number, file: string, flags: number): Promise<number>;
  replaceKey(newFile: string, handle: number, oldFile: string): Promise<number>;
  createTransaction(): Promise<NativeHandleResult>;
  commitTransaction(handle: number): Promise<number>;
  rollbackTransaction(handle: number): Promise<number>;
  /** The thread acts for another token; `level` is a SECURITY_IMPERSONATION_LEVEL. */
  impersonate(token: NativeToken, level: number): Promise<number>;
  revertToSelf(): Promise<number>;
  /** Later calls are made as code in the kernel makes them: from KernelMode, at PASSIVE_LEVEL 0 or APC_LEVEL 1. */
  setCaller(kernelMode: boolean, irql: number): Promise<number>;
  /**
   * Tells every registration of a notification class that no routine above causes, with a well-formed structure for the key. The
   * post notification has `status`, by default success.
   */
  injectNotification(handle: number, notifyClass: number, status?: number): Promise<number>;
  /** The thread ends: pending calls finish first. */
  close(): Promise<void>;
}

/** NtSetValueKey, NtQueryValueKey, NtOpenKey with NtClose, a key's whole life, or the notifications alone. */
export type LoadKind = 'set' | 'query' | 'open' | 'churn' | 'notify';

export interface NativeLoadShape {
  /** Of each thread. */
  readonly keys: number;
  /** How many components are added to the path of each. */
  readonly depth: number;
  /** Of each key. */
  readonly valueNames: number;
  /** What `notify` tells of: the number of the pre class. */
  readonly notifyClass: number;
  /** 0: as fast as they go. */
  readonly perSecond: number;
}

export interface NativeProcess {
  readonly id: number;
  createThread(): NativeThread;
  /**
   * Load from native threads, without JavaScript in the way: each of `threads` threads does `operations` times what `kind` says
   * on keys of its own below `path`.
   */
  load(
    path: string,
    threads: number,
    operations: number,
    kind: LoadKind,
    shape?: NativeLoadShape,
  ): Promise<NativeLoadResult>;
  /** Process exit: its threads end, its handles are closed. */
  exit(): Promise<void>;
}

export interface NativePoolUsage {
  readonly blocks: number;
  readonly bytes: number;
}

/** Only where the simulator is compiled in. Needs an open simulator channel: the machine halts with the last one. */
export interface NativeSimulator {
  /** Throws a NativeError when there can be no such process. */
  createProcess(options: NativeProcessOptions): NativeProcess;
  /** PsInitialSystemProcess: its threads are system threads, and it does not exit. */
  systemProcess(): NativeProcess;
  /** The process that opens channels; it does not exit either. */
  hostProcess(): NativeProcess;
  poolUsage(): NativePoolUsage;
  failAllocation(nth: number): void;
  failEachStackOnce(on: boolean): void;
  failedAllocations(): number;
}

/** A service as the service control manager has it; numbers are those of winsvc.h. */
export interface NativeService {
  readonly type: number;
  readonly startType: number;
  readonly path: string;
  readonly group: string;
  readonly displayName: string;
  readonly state: number;
  readonly exitCode: number;
}

/** Failures are rejections with an Error that carries the code of Windows as `windowsError`. */
export interface NativeServices {
  query(name: string): Promise<NativeService | null>;
  /** A kernel driver. */
  create(name: string, config: Pick<NativeService, 'startType' | 'path' | 'group' | 'displayName'>): Promise<void>;
  change(name: string, config: Partial<Pick<NativeService, 'startType' | 'path'>>): Promise<void>;
  /** Resolves when DriverEntry has returned. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface NativeRegistryValue {
  readonly type: number;
  readonly data: Uint8Array;
}

/** What installing, starting and examining the driver needs of Windows. Keys are those below HKEY_LOCAL_MACHINE. */
export interface NativeWindows {
  readonly services: NativeServices;
  /** Administrators are among the groups that this process may use. */
  isElevated(): boolean;
  /** `C:\Windows`, whatever the environment says. */
  systemRoot(): string;
  /** IMAGE_FILE_MACHINE_* of the machine, whatever this process was compiled for. */
  nativeMachine(): number;
  /** CODEINTEGRITY_OPTION_*; null where Windows does not tell. */
  codeIntegrityOptions(): number | null;
  /** Owner and DACL, as a self-relative security descriptor. */
  fileSecurity(path: string): Uint8Array;
  readRegistry(key: string, name: string): NativeRegistryValue | null;
  /** The names of the keys below; null when there is no such key. */
  registryKeys(key: string): string[] | null;
  writeRegistry(key: string, name: string, type: number, data: Uint8Array): void;
  /** Stores of the machine: `Root`, `TrustedPublisher`. A thumbprint is the SHA-1 of the certificate. */
  hasCertificate(store: string, thumbprint: Uint8Array): boolean;
  addCertificate(store: string, certificate: Uint8Array): void;
  removeCertificate(store: string, thumbprint: Uint8Array): void;
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
  /** Null where there is no Windows. */
  readonly windows: NativeWindows | null;
}
