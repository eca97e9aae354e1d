// The stream that lines are written to: its width and colours, and when it is full or gone.

import type { Terminal } from './style.js';

/** Where the lines go. */
export interface Output extends Terminal {
  readonly isTTY: boolean;
  /** Null when lines are not cut: what is not a terminal gets everything. */
  readonly columns: number | null;
  /** Aborted when nobody reads any more. */
  readonly closed: AbortSignal;
  /** The promise, if any, asks the caller to wait before it writes more. */
  write(line: string): Promise<void> | undefined;
}

export class StreamOutput implements Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #closed = new AbortController();
  #draining: Promise<void> | null = null;
  #failure: Error | null = null;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader of a pipe has left, as `head` does: no fault of anybody.
      if (error.code !== 'EPIPE' && error.code !== 'EOF') this.#failure = error;
      this.#closed.abort();
    });
  }

  /** Why the output closed, when it is worth telling: a full disk, say. */
  get failure(): Error | null {
    return this.#failure;
  }

  get isTTY(): boolean {
    return this.#stream.isTTY;
  }

  hasColors(env: NodeJS.ProcessEnv): boolean {
    return this.#stream.isTTY && this.#stream.hasColors(env);
  }

  get columns(): number | null {
    return this.#stream.isTTY ? Math.max(20, this.#stream.columns) : null;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  write(line: string): Promise<void> | undefined {
    if (this.#closed.signal.aborted) return undefined;
    if (this.#stream.write(`${line}\n`)) return undefined;
    this.#draining ??= new Promise<void>((resolve) => {
      const done = () => {
        this.#draining = null;
        this.#stream.off('drain', done);
        this.#closed.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.once('drain', done);
      this.#closed.signal.addEventListener('abort', done, { once: true });
    });
    return this.#draining;
  }
}
