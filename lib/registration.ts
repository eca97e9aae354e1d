import type { LazyEvent } from './decode/lazy-event.js';
import type { BreakerEvent, Event, GapEvent } from './event.js';
import { append, type Entry } from './event-buffer.js';
import { EventStream, type EventIterator, type StreamOwner } from './event-stream.js';
import { invalidArgument } from './errors.js';
import { abortable, checkInteger, checkOptions, checkSignal, quote, throwIfAborted } from './options.js';
import type { CompiledRules } from './rules/rule.js';
import type { RulesInput } from './rules/driver-rules.js';
import type { Statistics } from './statistics.js';

export type EventCallback = (event: Event, registration: Registration) => unknown;
/** `event` is null when the error is not about one event. */
export type ErrorCallback = (error: unknown, event: Event | null) => void;

/** How a callback's result gets to whoever waits for it; one of the two is called, once. */
export interface Answer {
  readonly decide: (decision: unknown) => void;
  /** There is no decision: the callback failed. */
  readonly dismiss: () => void;
}

/** Of `registerLazyCallback()`. */
export type LazyEventCallback = (event: LazyEvent | GapEvent | BreakerEvent, registration: LazyRegistration) => unknown;

export interface SignalOption {
  readonly signal?: AbortSignal | undefined;
}

export interface EventsOptions extends SignalOption {
  /** So many events are kept for the iterator before the driver's queue has to hold them. Default 1024. */
  readonly highWaterMark?: number | undefined;
}

export interface SetRulesOptions extends SignalOption {
  /** What becomes of a notification that no rule matches. Default: ignore. */
  readonly otherwise?: 'ignore' | 'notify' | undefined;
}

export interface SetRulesResult {
  /** Events of operations that began under the new rules have a higher `sequence`. */
  readonly sequence: bigint;
}

/** The rules that a registration begins with, and how others are made for its driver. */
export interface RegistrationRules {
  readonly current: CompiledRules | null;
  readonly compile: (rules: RulesInput | null, otherwise: unknown) => CompiledRules | null;
}

/** What a registration is made of, besides its cookie. */
export interface RegistrationParameters {
  readonly altitude: string;
  readonly callback: EventCallback | undefined;
  readonly onError: ErrorCallback | undefined;
  readonly isLazy: boolean;
  readonly rules: RegistrationRules;
  readonly persist: 'while-open' | 'until-unload';
}

/** What a registration needs of its session. */
export interface RegistrationOwner {
  /** UNREGISTER, and the wait until every record that was queued before it returned has been delivered. */
  unregister(registration: Registration): Promise<void>;
  setRules(cookie: bigint, rules: CompiledRules | null): Promise<bigint>;
  registrationStatistics(cookie: bigint): Promise<Statistics>;
  roomAgain(): void;
  /** Some registration of the session asks, so that its batches are not to be held back. */
  readonly asks: boolean;
}

/** What `registerLazyCallback()` made. */
export interface LazyRegistration extends Omit<Registration, 'events'> {
  events(options?: EventsOptions): EventIterator<LazyEvent | GapEvent | BreakerEvent>;
}

const defaultHighWaterMark = 1024;

/** One successful CmRegisterCallbackEx. */
export class Registration {
  readonly cookie: bigint;
  readonly altitude: string;
  /** @internal Its events are LazyEvent. */
  readonly isLazy: boolean;
  /** @internal It stays when its session ends. */
  readonly persists: boolean;
  readonly #owner: RegistrationOwner;
  readonly #callback: EventCallback | undefined;
  readonly #onError: ErrorCallback | undefined;
  readonly #streams = new Set<EventStream>();
  readonly #streamOwner: StreamOwner;
  /** Without a callback: what came while no iterator was attached. */
  #held: Entry[] = [];
  #state: 'active' | 'unregistered' | 'ended' = 'active';
  #endError: Error | null = null;
  #unregistering: Promise<void> | null = null;
  #stopListening: (() => void) | null = null;
  readonly #compile: RegistrationRules['compile'];
  #rules: CompiledRules | null;
  #settingRules: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(owner: RegistrationOwner, cookie: bigint, parameters: RegistrationParameters) {
    const { altitude, callback, onError, rules, isLazy, persist } = parameters;
    this.isLazy = isLazy;
    this.persists = persist === 'until-unload';
    this.#owner = owner;
    this.#compile = rules.compile;
    this.#rules = rules.current;
    this.cookie = cookie;
    this.altitude = altitude;
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

  /** False as soon as the driver has unregistered it. */
  get active(): boolean {
    return this.#state === 'active';
  }

  /** Those in force, with the compiler's warnings; null when there are none, so that everything registered for becomes an event. */
  get rules(): CompiledRules | null {
    return this.#rules;
  }

  /**
   * Replaces the rules as a whole. An operation belongs to the rules that are in force when it begins, in both phases. Null takes
   * all rules away. When it fails, the old ones stay in force.
   */
  async setRules(rules: RulesInput | null, options?: SetRulesOptions): Promise<SetRulesResult> {
    const checked = checkOptions('setRules()', options, ['otherwise', 'signal']);
    const signal = checkSignal(checked['signal']);
    throwIfAborted(signal, 'Setting rules');
    const compiled = this.#compile(rules, checked['otherwise']);
    requireCallback(compiled, this.#callback);
    // One after the other, so that the last call has the last word.
    const setting = this.#settingRules.then(async () => {
      const sequence = await this.#owner.setRules(this.cookie, compiled);
      this.#rules = compiled;
      this.#owner.roomAgain();
      return { sequence };
    });
    this.#settingRules = setting.catch(() => undefined);
    return abortable(setting, signal, 'Setting rules');
  }

  /**
   * An iterator over the events from now on; each iterator gets all of them. Of a registration without a callback, the events
   * that came while no iterator was attached are kept (up to a bound; then the driver's queue fills and counts what it
   * drops) and come first. Leaving the loop detaches the iterator; the registration stays.
   */
  events(options?: EventsOptions): EventIterator {
    const checked = checkOptions('events()', options, ['signal', 'highWaterMark']);
    const signal = checkSignal(checked['signal']);
    const highWaterMark = checkInteger('highWaterMark', checked['highWaterMark'], 1, 2 ** 31, defaultHighWaterMark);
    const stream = new EventStream(this.#streamOwner, this.#held, highWaterMark, signal);
    this.#held = [];
    this.#streams.add(stream);
    stream.start();
    if (this.#state === 'ended') {
      this.#streams.delete(stream);
      stream.end(this.#endError);
    } else {
      this.#owner.roomAgain();
    }
    return stream;
  }

  async statistics(options?: SignalOption): Promise<Statistics> {
    const signal = checkSignal(checkOptions('statistics()', options, ['signal'])['signal']);
    throwIfAborted(signal, 'Asking for statistics');
    return abortable(this.#owner.registrationStatistics(this.cookie), signal, 'Asking for statistics');
  }

  /**
   * Ends the registration. When it resolves, the kernel does not call for it any more and every event that it caused has been
   * given to the callback (whose promises may be pending still) and to the iterators, which then end. Idempotent.
   */
  async unregister(options?: SignalOption): Promise<void> {
    const signal = checkSignal(checkOptions('unregister()', options, ['signal'])['signal']);
    throwIfAborted(signal, 'Unregistering');
    if (this.#state === 'ended') return;
    this.#unregistering ??= this.#owner.unregister(this).catch((error: unknown) => {
      this.#unregistering = null;
      throw error;
    });
    await abortable(this.#unregistering, signal, 'Unregistering');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unregister();
  }

  /** @internal Operations may be held for its callback. */
  get asks(): boolean {
    return this.#state === 'active' && (this.#rules?.asks ?? null) !== null;
  }

  /** @internal */
  get isFull(): boolean {
    if (this.#held.length >= defaultHighWaterMark) return true;
    for (const stream of this.#streams) if (stream.isFull) return true;
    return false;
  }

  /** @internal Gives one event to everybody who wants it; the promise is that of the callback. */
  deliver(event: Event): Promise<void> | null {
    this.#enqueue({ event });
    if (this.#callback === undefined) return null;
    try {
      const result = this.#callback(event, this);
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

  /** @internal An event whose operation is held until the callback has said what becomes of it. */
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
      const result = this.#callback(event, this);
      if (isThenable(result)) void Promise.resolve(result).then(answer.decide, fail);
      else answer.decide(result);
    } catch (error) {
      fail(error);
    }
  }

  /** @internal A record that could not be read. */
  deliverDamage(error: Error): void {
    this.#enqueue({ error });
    if (this.#callback !== undefined || this.#onError !== undefined) this.report(error, null);
  }

  /** @internal Without onError, an error becomes an unhandled rejection: by default Node.js prints it and ends the process. */
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

  /** @internal */
  unregisterOn(signal: AbortSignal): void {
    const onAbort = () => {
      this.unregister().catch((error: unknown) => {
        this.report(error, null);
      });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stopListening = () => {
      signal.removeEventListener('abort', onAbort);
    };
  }

  /** @internal The driver has unregistered it; what is on its way still comes. */
  markUnregistered(): void {
    if (this.#state === 'active') this.#state = 'unregistered';
  }

  /** @internal Nothing comes any more; with an error, because the driver went away. */
  end(error: Error | null): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#endError = error;
    this.#stopListening?.();
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

/** Rules that ask need somebody who answers. */
export function requireCallback(rules: CompiledRules | null, callback: EventCallback | undefined): void {
  const asks = rules?.asks ?? null;
  if (asks === null || callback !== undefined) return;
  const name = asks.name === null ? '' : ` (${quote(asks.name)})`;
  throw invalidArgument(
    `rules[${asks.index}]${name} asks, but the registration has no callback to answer, and iterators cannot: give one to registerCallback()`,
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && 'then' in value;
}
