// Where the events of a registration go: its callback and its iterators.

import type { Event } from '../event/event.js';
import { append, type Entry } from './event-buffer.js';
import { EventStream, type EventIterator, type StreamOwner } from './event-stream.js';
import { checkInteger, checkOptions, checkSignal, type SignalOption } from '../base/options.js';

/** `event` is null when the error is not about one event. */
export type ErrorCallback = (error: unknown, event: Event | null) => void;

export interface EventsOptions extends SignalOption {
  /** So many events are kept for the iterator before the driver's queue has to hold them. Default 1024. */
  readonly highWaterMark?: number | undefined;
}

/** How a callback's result gets to whoever waits for it; one of the two is called, once. */
export interface Answer {
  readonly decide: (decision: unknown) => void;
  /** There is no decision: the callback failed. */
  readonly dismiss: () => void;
}

/** What it needs of the session. */
export interface OutletOwner {
  roomAgain(): void;
  /** Some registration of the session asks, so that its batches are not to be held back. */
  readonly asks: boolean;
}

type OutletCallback<R> = (event: Event, registration: R) => unknown;

const defaultHighWaterMark = 1024;

/** Where the events of a registration (`R`) go: to its callback and to the iterators that are attached. */
export class Outlet<R> {
  readonly #registration: R;
  readonly #owner: OutletOwner;
  readonly #callback: OutletCallback<R> | undefined;
  readonly #onError: ErrorCallback | undefined;
  readonly #streams = new Set<EventStream>();
  readonly #streamOwner: StreamOwner;
  /** Without a callback: what came while no iterator was attached. */
  #held: Entry[] = [];
  #ended: { readonly error: Error | null } | null = null;

  constructor(
    registration: R,
    owner: OutletOwner,
    callback: OutletCallback<R> | undefined,
    onError: ErrorCallback | undefined,
  ) {
    this.#registration = registration;
    this.#owner = owner;
    this.#callback = callback;
    this.#onError = onError;
    this.#streamOwner = {
      roomAgain: () => {
        owner.roomAgain();
      },
      detached: (stream, rest) => {
        this.#streams.delete(stream);
        if (callback === undefined && this.#streams.size === 0) this.#held = [...rest, ...this.#held];
        owner.roomAgain();
      },
    };
  }

  get hasCallback(): boolean {
    return this.#callback !== undefined;
  }

  events(options?: EventsOptions): EventIterator {
    const checked = checkOptions('events()', options, ['signal', 'highWaterMark']);
    const signal = checkSignal(checked['signal']);
    const highWaterMark = checkInteger('highWaterMark', checked['highWaterMark'], 1, 2 ** 31, defaultHighWaterMark);
    const stream = new EventStream(this.#streamOwner, this.#held, highWaterMark, signal);
    this.#held = [];
    this.#streams.add(stream);
    stream.start();
    if (this.#ended) {
      this.#streams.delete(stream);
      stream.end(this.#ended.error);
    } else {
      this.#owner.roomAgain();
    }
    return stream;
  }

  /** Somebody has as many events as he wants to keep. */
  get isFull(): boolean {
    if (this.#held.length >= defaultHighWaterMark) return true;
    for (const stream of this.#streams) if (stream.isFull) return true;
    return false;
  }

  /** Gives one event to everybody who wants it; the promise is that of the callback. */
  deliver(event: Event): Promise<void> | null {
    this.#enqueue({ event });
    if (this.#callback === undefined) return null;
    try {
      const result = this.#callback(event, this.#registration);
      if (!isThenable(result)) return null;
      return Promise.resolve(result).then(
        () => undefined,
        (error: unknown) => {
          this.report(error, event);
        },
      );
    } catch (error) {
      this.report(error, event);
      return null;
    }
  }

  /** An event whose operation is held until the callback has said what becomes of it. */
  ask(event: Event, answer: Answer): void {
    this.#enqueue({ event });
    const fail = (error: unknown) => {
      answer.dismiss();
      this.report(error, event);
    };
    if (this.#callback === undefined) {
      answer.dismiss();
      return;
    }
    try {
      const result = this.#callback(event, this.#registration);
      if (isThenable(result)) void Promise.resolve(result).then(answer.decide, fail);
      else answer.decide(result);
    } catch (error) {
      fail(error);
    }
  }

  /** A record that could not be read. */
  deliverDamage(error: Error): void {
    this.#enqueue({ error });
    if (this.#callback !== undefined || this.#onError !== undefined) this.report(error, null);
  }

  /** Without onError, an error becomes an unhandled rejection: by default Node.js prints it and ends the process. */
  report(error: unknown, event: Event | null): void {
    if (this.#onError === undefined) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what the program has thrown
      void Promise.reject(error);
      return;
    }
    try {
      this.#onError(error, event);
    } catch (second) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what the program has thrown
      void Promise.reject(second);
    }
  }

  /** Nothing comes any more; with an error, because the driver went away. */
  end(error: Error | null): void {
    this.#ended = { error };
    for (const stream of [...this.#streams]) stream.end(error);
    this.#streams.clear();
    if (error !== null && this.#callback !== undefined) this.report(error, null);
  }

  #enqueue(entry: Entry): void {
    if (this.#streams.size > 0) for (const stream of this.#streams) stream.push(entry, this.#owner.asks);
    else if (this.#callback === undefined)
      append(this.#held, this.#held.length, defaultHighWaterMark, entry, this.#owner.asks);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && 'then' in value;
}
