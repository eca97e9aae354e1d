// A process of its own, regactor.exe, behind the interface that the addon has for simulated processes.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { NativeKeyResult, NativeLoadResult, NativeProcess, NativeQueryResult, NativeThread } from '../../lib/native.js';

/** CMK_OPERATION of test/wine/cmkernel/actor.h and the operations of test/wine/regactor/actor.h. */
const Operation = {
  endThread: 0,
  createKey: 1,
  openKey: 2,
  closeKey: 3,
  setValue: 4,
  deleteValue: 5,
  deleteKey: 6,
  renameKey: 7,
  flushKey: 8,
  setInformation: 9,
  queryKey: 10,
  queryValue: 11,
  enumerateKey: 12,
  enumerateValue: 13,
  queryMultipleValues: 14,
  queryObjectName: 15,
  inject: 16,
  load: 100,
} as const;

interface Request {
  readonly handle?: number;
  readonly access?: number;
  readonly options?: number;
  readonly informationClass?: number;
  readonly index?: number;
  readonly length?: number;
  readonly name?: string;
  readonly className?: string | null;
  readonly data?: Uint8Array;
}

interface Reply {
  readonly status: number;
  readonly handle: number;
  readonly disposition: number;
  readonly length: number;
  readonly data: Uint8Array;
}

interface Pending {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

function hex(bytes: Uint8Array | null | undefined): string {
  if (!bytes) return '-';
  return bytes.length === 0 ? '=' : Buffer.from(bytes).toString('hex');
}

const utf16 = (text: string | null | undefined): Uint8Array | null => (text == null ? null : Buffer.from(text, 'utf16le'));

export class ActorProcess implements NativeProcess {
  readonly id: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<unknown>;
  #serial = 0;
  #threads = 0;

  static async start(executable: string, args: readonly string[] = []): Promise<ActorProcess> {
    const child = spawn(executable, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => Number(line)),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`${executable} ended with ${String(code)}`))),
    ]);
    return new ActorProcess(child, lines, first);
  }

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: ReturnType<typeof createInterface>,
    id: number,
  ) {
    this.id = id;
    this.#child = child;
    this.#ended = once(child, 'exit');
    lines.on('line', (line) => {
      this.#answer(line);
    });
    child.on('exit', (code) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the actor ended with ${String(code)}`));
      this.#pending.clear();
    });
  }

  createThread(): NativeThread {
    this.#threads += 1;
    return new ActorThread(this, this.#threads);
  }

  async load(path: string, threads: number, operations: number, kind: 'set' | 'query'): Promise<NativeLoadResult> {
    const reply = await this.ask(0, Operation.load, {
      name: path,
      index: threads,
      length: operations,
      options: kind === 'set' ? 0 : 1,
    });
    const nanoseconds = Buffer.from(reply.data).readBigUInt64LE(0);
    return { operations: threads * operations, failures: reply.disposition, nanoseconds };
  }

  async exit(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  ask(thread: number, operation: number, request: Request): Promise<Reply> {
    this.#serial += 1;
    const id = this.#serial;
    const { handle = 0, access = 0, options = 0, informationClass = 0, index = 0, length = 0 } = request;
    const numbers = [id, thread, operation, handle, access, options, informationClass, index, length];
    const texts = [hex(utf16(request.name)), hex(utf16(request.className)), hex(request.data)];
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.stdin.write(`${[...numbers, ...texts].join(' ')}\n`);
    });
  }

  #answer(line: string): void {
    const [id, status, handle, disposition, length, data] = line.trim().split(' ');
    const pending = this.#pending.get(Number(id));
    if (!pending || data === undefined) throw new Error(`the actor said ${JSON.stringify(line)}`);
    this.#pending.delete(Number(id));
    pending.resolve({
      status: Number(status),
      handle: Number(handle),
      disposition: Number(disposition),
      length: Number(length),
      data: data === '-' ? new Uint8Array(0) : Buffer.from(data, 'hex'),
    });
  }
}

class ActorThread implements NativeThread {
  readonly #process: ActorProcess;
  readonly #number: number;

  constructor(process: ActorProcess, number: number) {
    this.#process = process;
    this.#number = number;
  }

  get processId(): number {
    return this.#process.id;
  }

  createKey(root: number, path: string, access: number, options: number, className: string | null): Promise<NativeKeyResult> {
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
