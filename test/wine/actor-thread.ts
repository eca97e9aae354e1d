import type { NativeHandleResult, NativeKeyResult, NativeQueryResult, NativeThread } from '../../lib/native/native.js';
import { Operation, type Reply, type Request } from './actor-protocol.js';

const STATUS_NOT_SUPPORTED = 0xc00000bb;

const notSupported = (): Promise<number> => Promise.resolve(STATUS_NOT_SUPPORTED);

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
    attributes: number,
    transaction: number,
    securityDescriptor: Uint8Array | null,
  ): Promise<NativeKeyResult> {
    return this.#ask(Operation.createKey, {
      handle: root,
      other: transaction,
      name: path,
      access,
      options,
      className,
      attributes,
      data: securityDescriptor,
    });
  }

  openKey(
    root: number,
    path: string,
    access: number,
    options: number,
    attributes: number,
    transaction: number,
  ): Promise<NativeKeyResult> {
    const other = transaction;
    return this.#ask(Operation.openKey, { handle: root, other, name: path, access, options, attributes });
  }

  closeKey(handle: number): Promise<number> {
    return this.#status(Operation.closeKey, { handle });
  }

  duplicateHandle(handle: number): Promise<NativeHandleResult> {
    return this.#ask(Operation.duplicateHandle, { handle });
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

  querySecurity(handle: number, information: number, length: number): Promise<NativeQueryResult> {
    return this.#ask(Operation.querySecurity, { handle, informationClass: information, length });
  }

  setSecurity(handle: number, information: number, descriptor: Uint8Array): Promise<number> {
    return this.#status(Operation.setSecurity, { handle, informationClass: information, data: descriptor });
  }

  loadKey(root: number, path: string, file: string, flags: number, access: number): Promise<NativeHandleResult> {
    return this.#ask(Operation.loadKey, { handle: root, name: path, className: file, options: flags, access });
  }

  unloadKey(root: number, path: string, flags: number): Promise<number> {
    return this.#status(Operation.unloadKey, { handle: root, name: path, options: flags });
  }

  saveKey(handle: number, file: string, format: number): Promise<number> {
    return this.#status(Operation.saveKey, { handle, name: file, options: format });
  }

  saveMergedKeys(high: number, low: number, file: string): Promise<number> {
    return this.#status(Operation.saveMergedKeys, { handle: high, other: low, name: file });
  }

  restoreKey(handle: number, file: string, flags: number): Promise<number> {
    return this.#status(Operation.restoreKey, { handle, name: file, options: flags });
  }

  replaceKey(newFile: string, handle: number, oldFile: string): Promise<number> {
    return this.#status(Operation.replaceKey, { handle, name: newFile, className: oldFile });
  }

  createTransaction(): Promise<NativeHandleResult> {
    return this.#ask(Operation.createTransaction, {});
  }

  commitTransaction(handle: number): Promise<number> {
    return this.#status(Operation.commitTransaction, { handle });
  }

  rollbackTransaction(handle: number): Promise<number> {
    return this.#status(Operation.rollbackTransaction, { handle });
  }

  injectNotification(handle: number, notifyClass: number, status = 0): Promise<number> {
    return this.#status(Operation.inject, { handle, informationClass: notifyClass, options: status });
  }

  // A program cannot make tokens of its choice, nor calls as the kernel makes them.
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
