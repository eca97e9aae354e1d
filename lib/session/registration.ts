// One registration of a callback, as programs hold it.

import type { LazyEvent } from '../decode/lazy-event.js';
import type { BreakerEvent, Event, GapEvent } from '../event/event.js';
import type { EventIterator } from './event-stream.js';
import { invalidArgument } from '../base/errors.js';
import { abortable, checkOptions, checkSignal, quote, throwIfAborted, type SignalOption } from '../base/options.js';
import { Outlet, type ErrorCallback, type EventsOptions, type OutletOwner } from './outlet.js';
import type { CompiledRules } from '../rules/rule.js';
import type { RulesInput } from '../rules/program/driver-rules.js';
import type { Statistics } from './statistics.js';

export type EventCallback = (event: Event, registration: Registration) => unknown;

/** Of `registerLazyCallback()`. */
export type LazyEventCallback = (event: LazyEvent | GapEvent | BreakerEvent, registration: LazyRegistration) => unknown;

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
  readonly coalesceReads: boolean;
  readonly rules: RegistrationRules;
  readonly persist: 'while-open' | 'until-unload';
}

/** What a registration needs of its session. */
export interface RegistrationOwner extends OutletOwner {
  /** UNREGISTER, and the wait until every record that was queued before it returned has been delivered. */
  unregister(registration: Registration): Promise<void>;
  setRules(cookie: bigint, rules: CompiledRules | null): Promise<bigint>;
  registrationStatistics(cookie: bigint): Promise<Statistics>;
}

/** What `registerLazyCallback()` made. */
export interface LazyRegistration extends Omit<Registration, 'events'> {
  events(options?: EventsOptions): EventIterator<LazyEvent | GapEvent | BreakerEvent>;
}

/** One successful CmRegisterCallbackEx. */
export class Registration {
  readonly cookie: bigint;
  readonly altitude: string;
  /** @internal Its events are LazyEvent. */
  readonly isLazy: boolean;
  /** @internal Reads that are the same are told once. */
  readonly coalescesReads: boolean;
  /** @internal It stays when its session ends. */
  readonly persists: boolean;
  /** @internal */
  readonly outlet: Outlet<Registration>;
  readonly #owner: RegistrationOwner;
  #state: 'active' | 'unregistered' | 'ended' = 'active';
  #unregistering: Promise<void> | null = null;
  #stopListening: (() => void) | null = null;
  readonly #compile: RegistrationRules['compile'];
  #rules: CompiledRules | null;
  #settingRules: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(owner: RegistrationOwner, cookie: bigint, parameters: RegistrationParameters) {
    const { altitude, callback, onError, rules, isLazy, coalesceReads, persist } = parameters;
    this.isLazy = isLazy;
    this.coalescesReads = coalesceReads;
    this.persists = persist === 'until-unload';
    this.#owner = owner;
    this.#compile = rules.compile;
    this.#rules = rules.current;
    this.cookie = cookie;
    this.altitude = altitude;
    this.outlet = new Outlet<Registration>(this, owner, callback, onError);
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
    requireCallback(compiled, this.outlet.hasCallback);
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
    return this.outlet.events(options);
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
  unregisterOn(signal: AbortSignal): void {
    const onAbort = () => {
      this.unregister().catch((error: unknown) => {
        this.outlet.report(error, null);
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
    this.#stopListening?.();
    this.outlet.end(error);
  }
}

/** Rules that ask need somebody who answers. */
export function requireCallback(rules: CompiledRules | null, hasCallback: boolean): void {
  const asks = rules?.asks ?? null;
  if (asks === null || hasCallback) return;
  const name = asks.name === null ? '' : ` (${quote(asks.name)})`;
  throw invalidArgument(
    `rules[${asks.index}]${name} asks, but the registration has no callback to answer, and iterators cannot: give one to registerCallback()`,
  );
}
