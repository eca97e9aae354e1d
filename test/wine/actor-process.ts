// A process of its own, regactor.exe, behind the interface that the addon has for simulated processes.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type {
  LoadKind,
  NativeLoadResult,
  NativeLoadShape,
  NativeProcess,
  NativeThread,
} from '../../lib/native/native.js';
import { Operation, type Reply, type Request } from './actor-protocol.js';
import { ActorThread } from './actor-thread.js';

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

function hex(bytes: Uint8Array | null | undefined): string {
  if (!bytes) return '-';
  return bytes.length === 0 ? '=' : Buffer.from(bytes).toString('hex');
}

const utf16 = (text: string | null | undefined): Uint8Array | null =>
  text == null ? null : Buffer.from(text, 'utf16le');

export class ActorProcess implements NativeProcess {
  readonly id: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<unknown>;
  #serial = 0;
  #threads = 0;

  static async start(executable: string, args: readonly string[] = []): Promise<ActorProcess> {
    const child = spawnAgain(executable, args);
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

  async load(
    path: string,
    threads: number,
    operations: number,
    kind: LoadKind,
    shape?: NativeLoadShape,
  ): Promise<NativeLoadResult> {
    if ((kind !== 'set' && kind !== 'query') || (shape && (shape.keys > 1 || shape.depth > 0 || shape.valueNames > 1)))
      throw new Error('the actor only sets and queries one value of one key per thread');
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
    const { handle = 0, other = 0, access = 0, options = 0, informationClass = 0, index = 0, length = 0 } = request;
    const { attributes = 0 } = request;
    const numbers = [
      id,
      thread,
      operation,
      handle,
      other,
      access,
      options,
      informationClass,
      index,
      length,
      attributes,
    ];
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

/** Wine's CreateProcess fails once in thousands of times, with an error that Node.js has no name for. */
function spawnAgain(executable: string, args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const start = () => spawn(executable, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    return start();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'UNKNOWN') throw error;
    console.error(`${executable} could not be started and is tried once more: ${String(error)}`);
    return start();
  }
}
