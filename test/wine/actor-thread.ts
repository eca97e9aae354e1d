import type { NativeHandleResult, NativeKeyResult, NativeQueryResult, NativeThread } from '../../lib/native.js';
import { Operation, type Reply, type Request } from './actor-protocol.js';

const STATUS_NOT_SUPPORTED = 0xc00000bb;

const notSupported = (): Promise<number> => Promise.resolve(STATUS_NOT_SUPPORTED);
const noHandle = (): Promise<NativeHandleResult> => Promise.resolve({ status: STATUS_NOT_SUPPORTED, handle: 0 });
const noData = (): Promise<NativeQueryResult> =>
  Promise.resolve({ status: STATUS_NOT_SUPPORTED, data: new Uint8Array(), length: 0 });

/** The process that carries a request to one of its threads. */
export interface Asker {
  readonly id: number;
  ask(thread: number, operation: number, request: Request): Promise<Reply>;
}

/** A thread of regactor.exe; it starts with its first request. */
export class ActorThread implements NativeThread {
  readonly #process: Asker;
  readonly #number: number;

  constructor(process: Asker, number: number) {
    this.#process = process;
    this.#number = number;
  }

  get processId(): number {
    return this.#process.id;
  }

  createKey(
    root: number,
    path: string,
    access: number,
    options: number,
    className: string | null,
  ): Promise<NativeKeyResult> {
    return this.#ask(Operation.createKey, { handle: root, name: path, access, options, className });
  }

  openKey(root: number, path: string, access: number, options: number): Promise<NativeKeyResult> {
    return this.#ask(Operation.openKey, { handle: root, name: path, access, options });
  }

  closeKey(handle: number): Promise<number> {
    return this.#status(Operation.closeKey, { handle });
  }

  setValue(handle: number, name: string, type: number, data: Uint8Array): Promise<number> {
    return this.#status(Operation.setValue, { handle, name, informationClass: type, data });
  }

  deleteValue(handle: number, name: string): Promise<number> {
    return this.#status(Operation.deleteValue, { handle, name });
  }

  deleteKey(handle: number): Promise<number> {
    return this.#status(Operation.deleteKey, { handle });
  }

  renameKey(handle: number, newName: string): Promise<number> {
    return this.#status(Operation.renameKey, { handle, name: newName });
  }

  flushKey(handle: number): Promise<number> {
    return this.#status(Operation.flushKey, { handle });
  }

  setInformation(handle: number, informationClass: number, data: Uint8Array): Promise<number> {
    return this.#status(Operation.setInformation, { handle, informationClass, data });
  }

  queryKey(handle: number, informationClass: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.queryKey, { handle, informationClass, length });
  }

  queryValue(handle: number, name: string, informationClass: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.queryValue, { handle, name, informationClass, length });
  }

  enumerateKey(handle: number, index: number, informationClass: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.enumerateKey, { handle, index, informationClass, length });
  }

  enumerateValue(handle: number, index: number, informationClass: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.enumerateValue, { handle, index, informationClass, length });
  }

  queryMultipleValues(handle: number, names: string[], length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.queryMultipleValues, { handle, name: names.join('\0'), length });
  }

  queryObjectName(handle: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.queryObjectName, { handle, length });
  }

  injectNotification(handle: number, notifyClass: number): Promise<number> {
    return this.#status(Operation.inject, { handle, informationClass: notifyClass });
  }

  // What regactor.exe has no operation for.
  readonly duplicateHandle = noHandle;
  readonly querySecurity = noData;
  readonly setSecurity = notSupported;
  readonly loadKey = noHandle;
  readonly unloadKey = notSupported;
  readonly saveKey = notSupported;
  readonly saveMergedKeys = notSupported;
  readonly restoreKey = notSupported;
  readonly replaceKey = notSupported;
  readonly createTransaction = noHandle;
  readonly commitTransaction = notSupported;
  readonly rollbackTransaction = notSupported;
  readonly impersonate = notSupported;
  readonly revertToSelf = notSupported;
  readonly setCaller = notSupported;

  async close(): Promise<void> {
    await this.#ask(Operation.endThread, {});
  }

  #ask(operation: number, request: Request): Promise<Reply> {
    return this.#process.ask(this.#number, operation, request);
  }

  async #status(operation: number, request: Request): Promise<number> {
    return (await this.#ask(operation, request)).status;
  }
}
