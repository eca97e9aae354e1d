// The async iterator over the events of a registration.

import { abortError } from '../base/errors.js';
import type { Event } from '../event/event.js';
import { append, type Entry } from './event-buffer.js';

interface Waiter {
  readonly resolve: (result: IteratorResult<Event, undefined>) => void;
  readonly reject: (error: Error) => void;
}

export interface StreamOwner {
  /** The stream has room again. */
  roomAgain(): void;
  /** The stream takes no more; `rest` is what it had and was not asked for. */
  detached(stream: EventStream, rest: readonly Entry[]): void;
}

/** The async iterator of one `registration.events()` call. */
export interface EventIterator<E = Event> extends AsyncIterableIterator<E, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<E, undefined>>;
  [Symbol.asyncIterator](): EventIterator<E>;
}

export class EventStream implements EventIterator {
  readonly #owner: StreamOwner;
  readonly #highWaterMark: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #queue: Entry[];
  #head = 0;
  #waiters: Waiter[] = [];
  #state: 'open' | 'ended' | 'detached' = 'open';
  #lastError: Error | null = null;

  constructor(owner: StreamOwner, backlog: Entry[], highWaterMark: number, signal: AbortSignal | undefined) {
    this.#owner = owner;
    this.#queue = backlog;
    this.#highWaterMark = highWaterMark;
    this.#signal = signal;
    this.#onAbort = () => {
      if (signal !== undefined) this.#detach(abortError(signal, 'Waiting for events'));
    };
  }

  /** Separate from the constructor, for an aborted signal detaches at once. */
  start(): void {
    if (this.#signal?.aborted === true) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isFull(): boolean {
    return this.#state === 'open' && this.#queue.length - this.#head >= this.#highWaterMark;
  }

  /** With `mayLose`, events for which there is no room become a gap. */
  push(entry: Entry, mayLose: boolean): void {
    if (this.#state !== 'open') return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#settle(waiter, entry);
    else append(this.#queue, this.#queue.length - this.#head, this.#highWaterMark, entry, mayLose);
  }

  /** What is queued still comes out; then the iterator is done, or rejects once when there is an error. */
  end(error: Error | null): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#lastError = error;
    this.#finishWaiters();
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    return new Promise((resolve, reject) => {
      const entry = this.#queue[this.#head];
      if (entry !== undefined) {
        this.#advance();
        this.#settle({ resolve, reject }, entry);
      } else {
        this.#waiters.push({ resolve, reject });
        if (this.#state !== 'open') this.#finishWaiters();
      }
    });
  }

  return(): Promise<IteratorResult<Event, undefined>> {
    this.#detach(null);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #advance(): void {
    const wasFull = this.isFull;
    this.#head++;
    if (this.#head === this.#queue.length || this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    if (wasFull && !this.isFull) this.#owner.roomAgain();
  }

  #settle(waiter: Waiter, entry: Entry): void {
    if ('event' in entry) {
      waiter.resolve({ done: false, value: entry.event });
      return;
    }
    // `for await` leaves the loop on a rejection without calling return(), so nobody would empty the queue any more.
    waiter.reject(entry.error);
    this.#detach(null);
  }

  #detach(error: Error | null): void {
    if (this.#state === 'detached') return;
    const rest = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    this.#state = 'detached';
    this.#lastError = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#finishWaiters();
    this.#owner.detached(this, rest);
  }

  #finishWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) {
      const error = this.#lastError;
      this.#lastError = null;
      if (error === null) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
  }
}
