import type {
  NativeHandleResult,
  NativeHostility,
  NativeKeyResult,
  NativeQueryResult,
  NativeThread,
  NativeToken,
} from '../../../lib/native/native.js';

const STATUS_OBJECT_NAME_NOT_FOUND = 0xc0000034;
const STATUS_BUFFER_OVERFLOW = 0x80000005;
const STATUS_NO_MORE_ENTRIES = 0x8000001a;
const STATUS_INVALID_HANDLE = 0xc0000008;
const STATUS_CANNOT_DELETE = 0xc0000121;
const STATUS_ACCESS_VIOLATION = 0xc0000005;
const STATUS_BUFFER_TOO_SMALL = 0xc0000023;
const STATUS_TRANSACTION_NOT_ACTIVE = 0xc0190003;

interface Value {
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
}

/** A registry of the plainest kind behind the interface of a native thread; `calls` has what was asked of it. */
export class FakeThread implements NativeThread {
  readonly processId = 77;
  readonly calls: string[] = [];
  readonly keys = new Map<string, Value[]>();
  readonly handles = new Map<number, string>();
  security: Uint8Array = Uint8Array.of(1, 0, 0, 0x80);
  isClosed = false;
  #nextHandle = 4;

  constructor(...existing: string[]) {
    for (const key of ['\\REGISTRY\\MACHINE', '\\REGISTRY\\USER', ...existing]) this.keys.set(key.toUpperCase(), []);
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
    const full = this.#resolve(root, path);
    const descriptor = securityDescriptor === null ? '' : ` ${hex(securityDescriptor)}`;
    this.calls.push(
      `create ${full} ${access.toString(16)} ${options} ${String(className)} ${attributes.toString(16)} ${transaction}${descriptor}`,
    );
    if (this.keys.has(full.toUpperCase())) return Promise.resolve(this.#open(full, 2));
    if (!this.keys.has(full.slice(0, full.lastIndexOf('\\')).toUpperCase())) return Promise.resolve(notFound);
    this.keys.set(full.toUpperCase(), []);
    return Promise.resolve(this.#open(full, 1));
  }

  openKey(
    root: number,
    path: string,
    access: number,
    options: number,
    attributes: number,
    transaction: number,
  ): Promise<NativeKeyResult> {
    const full = this.#resolve(root, path);
    this.calls.push(`open ${full} ${access.toString(16)} ${options} ${attributes.toString(16)} ${transaction}`);
    return Promise.resolve(this.keys.has(full.toUpperCase()) ? this.#open(full, 0) : notFound);
  }

  closeKey(handle: number): Promise<number> {
    this.calls.push(`close ${this.handles.get(handle) ?? '?'}`);
    return Promise.resolve(this.handles.delete(handle) ? 0 : STATUS_INVALID_HANDLE);
  }

  setValue(handle: number, name: string, type: number, data: Uint8Array): Promise<number> {
    const values = this.#values(handle);
    this.calls.push(`set ${name} ${type} ${hex(data)}`);
    const index = values.findIndex((value) => value.name === name);
    values.splice(index === -1 ? values.length : index, 1, { name, type, data });
    return Promise.resolve(0);
  }

  deleteValue(handle: number, name: string): Promise<number> {
    const values = this.#values(handle);
    const index = values.findIndex((value) => value.name === name);
    this.calls.push(`delete value ${name}`);
    if (index === -1) return Promise.resolve(STATUS_OBJECT_NAME_NOT_FOUND);
    values.splice(index, 1);
    return Promise.resolve(0);
  }

  deleteKey(handle: number): Promise<number> {
    const path = this.handles.get(handle) ?? '';
    this.calls.push(`delete ${path}`);
    if (this.#children(path).length > 0) return Promise.resolve(STATUS_CANNOT_DELETE);
    this.keys.delete(path.toUpperCase());
    return Promise.resolve(0);
  }

  renameKey(_handle: number, newName: string): Promise<number> {
    this.calls.push(`rename ${newName}`);
    return Promise.resolve(0);
  }

  flushKey(): Promise<number> {
    return Promise.resolve(0);
  }

  setInformation(_handle: number, informationClass: number, data: Uint8Array): Promise<number> {
    this.calls.push(`information ${informationClass} ${hex(data)}`);
    return Promise.resolve(0);
  }

  queryKey(
    handle: number,
    informationClass: number,
    length: number,
    hostility?: NativeHostility | null,
  ): Promise<NativeQueryResult> {
    if (hostility) {
      this.calls.push(`hostile ${hostility.kind} ${hostility.after} ${informationClass} ${length}`);
      return Promise.resolve({ status: STATUS_ACCESS_VIOLATION, data: new Uint8Array(), length: 0, touches: 3 });
    }
    const data = Buffer.alloc(44);
    data.writeBigInt64LE(5n);
    data.writeUInt32LE(this.#children(this.handles.get(handle) ?? '').length, 20);
    data.writeUInt32LE(this.#values(handle).length, 32);
    return Promise.resolve(answer(data, length));
  }

  queryValue(handle: number, name: string, _informationClass: number, length: number): Promise<NativeQueryResult> {
    this.calls.push(`query ${name} ${length}`);
    const value = this.#values(handle).find((candidate) => candidate.name === name);
    if (value === undefined)
      return Promise.resolve({ status: STATUS_OBJECT_NAME_NOT_FOUND, data: new Uint8Array(), length: 0 });
    const data = Buffer.alloc(12 + value.data.length);
    data.writeUInt32LE(value.type, 4);
    data.writeUInt32LE(value.data.length, 8);
    data.set(value.data, 12);
    return Promise.resolve(answer(data, length));
  }

  enumerateKey(handle: number, index: number, _informationClass: number, length: number): Promise<NativeQueryResult> {
    const name = this.#children(this.handles.get(handle) ?? '')[index];
    if (name === undefined)
      return Promise.resolve({ status: STATUS_NO_MORE_ENTRIES, data: new Uint8Array(), length: 0 });
    const text = Buffer.from(name, 'utf16le');
    const data = Buffer.alloc(16 + text.length);
    data.writeUInt32LE(text.length, 12);
    data.set(text, 16);
    return Promise.resolve(answer(data, length));
  }

  enumerateValue(handle: number, index: number, _informationClass: number, length: number): Promise<NativeQueryResult> {
    const value = this.#values(handle)[index];
    if (value === undefined)
      return Promise.resolve({ status: STATUS_NO_MORE_ENTRIES, data: new Uint8Array(), length: 0 });
    const name = Buffer.from(value.name, 'utf16le');
    const offset = (20 + name.length + 7) & ~7;
    const data = Buffer.alloc(offset + value.data.length);
    data.writeUInt32LE(value.type, 4);
    data.writeUInt32LE(offset, 8);
    data.writeUInt32LE(value.data.length, 12);
    data.writeUInt32LE(name.length, 16);
    data.set(name, 20);
    data.set(value.data, offset);
    return Promise.resolve(answer(data, length));
  }

  queryMultipleValues(handle: number, names: string[], length: number): Promise<NativeQueryResult> {
    const found = this.#values(handle).filter((value) => names.includes(value.name));
    return Promise.resolve(answer(Buffer.concat(found.map((value) => value.data)), length));
  }

  queryObjectName(handle: number, length: number): Promise<NativeQueryResult> {
    const text = Buffer.from(this.handles.get(handle) ?? '', 'utf16le');
    const data = Buffer.alloc(16 + text.length);
    data.writeUInt16LE(text.length);
    data.set(text, 16);
    return Promise.resolve(answer(data, length));
  }

  duplicateHandle(handle: number): Promise<NativeHandleResult> {
    const path = this.handles.get(handle);
    if (path === undefined) return Promise.resolve({ status: STATUS_INVALID_HANDLE, handle: 0 });
    return Promise.resolve(this.#open(path, 0));
  }

  querySecurity(_handle: number, information: number, length: number): Promise<NativeQueryResult> {
    this.calls.push(`query security ${information} ${length}`);
    if (length < this.security.length) {
      const status = STATUS_BUFFER_TOO_SMALL;
      return Promise.resolve({ status, data: new Uint8Array(), length: this.security.length });
    }
    return Promise.resolve({ status: 0, data: this.security, length: this.security.length });
  }

  setSecurity(_handle: number, information: number, descriptor: Uint8Array): Promise<number> {
    return this.#note(`set security ${information} ${hex(descriptor)}`);
  }

  loadKey(root: number, path: string, file: string, flags: number, access: number): Promise<NativeHandleResult> {
    const full = this.#resolve(root, path);
    this.calls.push(`load ${full} ${file} ${flags} ${access.toString(16)}`);
    this.keys.set(full.toUpperCase(), []);
    return Promise.resolve(access === 0 ? { status: 0, handle: 0 } : this.#open(full, 0));
  }

  unloadKey(_root: number, path: string, flags: number): Promise<number> {
    const status = this.keys.delete(path.toUpperCase()) ? 0 : STATUS_OBJECT_NAME_NOT_FOUND;
    return this.#note(`unload ${path} ${flags}`, status);
  }

  saveKey(handle: number, file: string, format: number): Promise<number> {
    return this.#note(`save ${this.handles.get(handle) ?? '?'} ${file} ${format}`);
  }

  saveMergedKeys(high: number, low: number, file: string): Promise<number> {
    return this.#note(`save merged ${this.handles.get(high) ?? '?'} ${this.handles.get(low) ?? '?'} ${file}`);
  }

  restoreKey(handle: number, file: string, flags: number): Promise<number> {
    return this.#note(`restore ${this.handles.get(handle) ?? '?'} ${file} ${flags}`);
  }

  replaceKey(newFile: string, handle: number, oldFile: string): Promise<number> {
    return this.#note(`replace ${newFile} ${this.handles.get(handle) ?? '?'} ${oldFile}`);
  }

  createTransaction(): Promise<NativeHandleResult> {
    return Promise.resolve(this.#open('transaction', 0));
  }

  commitTransaction(handle: number): Promise<number> {
    return this.#note(`commit ${handle}`);
  }

  rollbackTransaction(handle: number): Promise<number> {
    return this.#note(`roll back ${handle}`, STATUS_TRANSACTION_NOT_ACTIVE);
  }

  impersonate(token: NativeToken, level: number): Promise<number> {
    return this.#note(`impersonate ${JSON.stringify(token)} ${level}`);
  }

  revertToSelf(): Promise<number> {
    return this.#note('revert');
  }

  setCaller(kernelMode: boolean, irql: number): Promise<number> {
    return this.#note(`caller ${String(kernelMode)} ${irql}`);
  }

  injectNotification(_handle: number, notifyClass: number, status = 0): Promise<number> {
    return this.#note(`inject ${notifyClass} ${status.toString(16)}`, status);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  #note(call: string, status = 0): Promise<number> {
    this.calls.push(call);
    return Promise.resolve(status);
  }

  #open(path: string, disposition: number): NativeKeyResult {
    const handle = this.#nextHandle;
    this.#nextHandle += 4;
    this.handles.set(handle, path);
    return { status: 0, handle, disposition };
  }

  #resolve(root: number, path: string): string {
    return root === 0 ? path : `${this.handles.get(root) ?? '?'}\\${path}`;
  }

  #values(handle: number): Value[] {
    return this.keys.get((this.handles.get(handle) ?? '').toUpperCase()) ?? [];
  }

  #children(path: string): string[] {
    const prefix = `${path.toUpperCase()}\\`;
    const below = [...this.keys.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    return below.filter((name) => !name.includes('\\'));
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const notFound: NativeKeyResult = { status: STATUS_OBJECT_NAME_NOT_FOUND, handle: 0, disposition: 0 };

function answer(data: Uint8Array, length: number): NativeQueryResult {
  if (data.length <= length) return { status: 0, data, length: data.length };
  return { status: STATUS_BUFFER_OVERFLOW, data: data.slice(0, length), length: data.length };
}
