import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Arrivals, type Consumer } from './consumers.js';
import type { LiveReply, Request } from './json-child.js';
import type { Recording } from './native.js';

/** A child process that writes events as lines of JSON, and what reads them here. */
export class JsonPipe {
  readonly #child: ChildProcess;
  readonly #onEvent: () => void;
  readonly #failed: Promise<never>;
  #rest = '';
  #last: object | null = null;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
    this.#child = fork(fileURLToPath(new URL('json-child.js', import.meta.url)), {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#failed = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`the child process ended with ${String(signal ?? code)}`);
    });
    this.#failed.catch(() => undefined);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#read(text);
    });
  }

  get last(): object | null {
    return this.#last;
  }

  async ask(request: Request): Promise<LiveReply | null> {
    const reply = once(this.#child, 'message') as Promise<[LiveReply | null]>;
    this.#child.send(request);
    const [message] = await Promise.race([reply, this.#failed]);
    return message;
  }

  async close(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill();
    await exit;
  }

  #read(text: string): void {
    const all = this.#rest + text;
    let start = 0;
    for (let end = all.indexOf('\n'); end !== -1; end = all.indexOf('\n', start)) {
      this.#last = JSON.parse(all.slice(start, end)) as object;
      start = end + 1;
      this.#onEvent();
    }
    this.#rest = all.slice(start);
  }
}

export async function jsonConsumer(recording: Recording): Promise<Consumer> {
  const arrivals = new Arrivals();
  const pipe = new JsonPipe(() => {
    arrivals.add(1);
  });
  await pipe.ask({ what: 'open', recording });
  return {
    id: 'json',
    label: 'lines of JSON from a child process (b)',
    play: async (times) => {
      const arrived = arrivals.expect(times * recording.notifications);
      await pipe.ask({ what: 'play', times });
      return arrived;
    },
    lastEvent: () => pipe.last,
    close: () => pipe.close(),
  };
}
