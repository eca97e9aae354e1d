// An open session with the driver: what programs register, guard, ask and close.

import { abortError, invalidArgument } from '../base/errors.js';
import { startGuard, type Guard } from '../guard/guard.js';
import type { GuardedByDefault, GuardedOperation, GuardHandler, GuardHandlers, GuardOptions } from '../guard/guard-options.js';
import type { GuardHandlerInput } from '../guard/guard-rules.js';
import type { BackendName } from '../native/native.js';
import {
  abortable,
  checkFunction,
  checkOptions,
  checkSignal,
  quote,
  throwIfAborted,
  type SignalOption,
} from '../base/options.js';
import { CMB_SCOPE_DRIVER, CMB_SCOPE_SESSION } from '../wire/protocol.js';
import {
  checkRegisterOptions,
  registerOptionNames,
  type LazyRegisterOptions,
  type RegisterOptions,
} from '../session/register-options.js';
import {
  requireCallback,
  type EventCallback,
  type LazyEventCallback,
  type LazyRegistration,
  type Registration,
  type RegistrationRules,
} from '../session/registration.js';
import type { DriverLimits, HelloReply } from '../session/requests.js';
import { rulesForDriver, type RulesInput, type RulesTarget } from '../rules/program/driver-rules.js';
import type { RegisterParameters, Session } from '../session/session.js';
import type { Simulator } from '../simulator/simulator.js';
import type { Statistics } from '../session/statistics.js';

export interface StatisticsOptions extends SignalOption {
  /** Default: session. */
  readonly scope?: 'session' | 'driver' | undefined;
}

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** In the order of opening. The kernel's own routines name no driver, so they look here. */
export const openDrivers = new Set<Driver>();

/** A session with the driver. */
export class Driver {
  readonly backend: BackendName;
  /** Of the driver's protocol. */
  readonly protocol: Version;
  /** What CmGetCallbackVersion tells. */
  readonly callbackVersion: Version;
  readonly limits: DriverLimits;
  /** The machine to play with where there is no Windows; null for the real device. */
  readonly simulator: Simulator | null;
  readonly #session: Session;
  readonly #rulesTarget: RulesTarget;
  #isClosed = false;

  /** @internal */
  constructor(backend: BackendName, hello: HelloReply, session: Session, simulator: Simulator | null) {
    this.backend = backend;
    this.protocol = hello.protocol;
    this.callbackVersion = hello.callbackVersion;
    this.limits = hello.limits;
    this.simulator = simulator;
    this.#session = session;
    this.#rulesTarget = hello;
    openDrivers.add(this);
  }

  /** Those that are active now. */
  get registrations(): readonly Registration[] {
    return this.#session.dispatcher.registrations.filter((registration) => registration.active);
  }

  get closed(): boolean {
    return this.#isClosed || !this.#session.isOpen;
  }

  /** One CmRegisterCallbackEx. Events go to the callback, to the iterators of `registration.events()`, or to both. */
  async registerCallback(options: RegisterOptions, callback?: EventCallback): Promise<Registration> {
    return this.register(options, callback);
  }

  /**
   * Registers as registerCallback() does, with events whose properties are read when they are asked for: for programs that look at few
   * of them, or at few events.
   * `event.toEvent()` is the whole event.
   */
  async registerLazyCallback(options: LazyRegisterOptions, callback?: LazyEventCallback): Promise<LazyRegistration> {
    // What the types promise of the events, the dispatcher keeps.
    const known = callback as EventCallback | undefined;
    const registration = await this.register(options as RegisterOptions, known, { isLazy: true });
    return registration as unknown as LazyRegistration;
  }

  /** @internal */
  async register(
    options: RegisterOptions,
    callback: EventCallback | undefined,
    { onCookie, isLazy = false }: Pick<Partial<RegisterParameters>, 'onCookie' | 'isLazy'> = {},
  ): Promise<Registration> {
    const checked = checkOptions('registerCallback()', options, registerOptionNames);
    const signal = checkSignal(checked['signal']);
    const rules = this.#registrationRules(checked['rules'], checked['otherwise']);
    const parameters: RegisterParameters = {
      ...checkRegisterOptions(checked, this.limits),
      rules,
      program: rules.current?.bytes ?? null,
      isLazy,
      callback: checkFunction('callback', callback),
      onError: checkFunction('onError', options.onError),
      ...(onCookie === undefined ? {} : { onCookie }),
    };
    requireCallback(rules.current, callback !== undefined);
    throwIfAborted(signal, 'Registering');
    const registration = await this.#session.register(parameters);
    if (signal?.aborted === true) {
      await registration.unregister();
      throw abortError(signal, 'Registering');
    }
    if (signal !== undefined) registration.unregisterOn(signal);
    return registration;
  }

  #registrationRules(rules: unknown, otherwise: unknown): RegistrationRules {
    const compile: RegistrationRules['compile'] = (input, action) => {
      if (input !== null) return rulesForDriver(input, action, this.#rulesTarget);
      if (action === undefined) return null;
      throw invalidArgument('"otherwise" says what becomes of what no rule matches; there are no rules');
    };
    return { current: compile((rules ?? null) as RulesInput | null, otherwise), compile };
  }

  /**
   * The common shape of a policy: a registration that asks the handler, or the one for the operation, before something is done to the
   * keys, with `onTimeout` for when no answer comes in time and `except` for what needs no question. It also asks about what would go round
   * the keys: renaming, restoring, replacing, loading and unloading keys above them.
   */
  async guard<O extends GuardedOperation = GuardedByDefault>(
    options: GuardOptions<O>,
    handler: GuardHandler<O> | GuardHandlers,
  ): Promise<Guard> {
    const register = (registering: RegisterOptions, callback: EventCallback) =>
      this.registerCallback(registering, callback);
    return startGuard(register, options, handler as GuardHandlerInput);
  }

  async statistics(options?: StatisticsOptions): Promise<Statistics> {
    const checked = checkOptions('statistics()', options, ['scope', 'signal']);
    const signal = checkSignal(checked['signal']);
    const scope = checked['scope'] ?? 'session';
    if (scope !== 'session' && scope !== 'driver') {
      throw invalidArgument(`"scope" must be "session" or "driver", not ${quote(scope)}`);
    }
    throwIfAborted(signal, 'Asking for statistics');
    const statistics = this.#session.statistics(scope === 'driver' ? CMB_SCOPE_DRIVER : CMB_SCOPE_SESSION, 0n);
    return abortable(statistics, signal, 'Asking for statistics');
  }

  /** @internal UNREGISTER for whatever cookie; the NTSTATUS that the driver answered. */
  async unregisterCookie(cookie: bigint): Promise<number> {
    return (await this.#session.unregisterCookie(cookie)).status;
  }

  /** While something is registered, the session keeps the process alive. This is the default. */
  ref(): void {
    this.#session.setReferenced(true);
  }

  unref(): void {
    this.#session.setReferenced(false);
  }

  /** Unregisters everything that is not to stay (`persist`), delivers what is on its way, ends the simulated processes, and closes the handle. Idempotent. */
  async close(options?: SignalOption): Promise<void> {
    const signal = checkSignal(checkOptions('close()', options, ['signal'])['signal']);
    throwIfAborted(signal, 'Closing the driver');
    this.#isClosed = true;
    openDrivers.delete(this);
    const closing = this.#session.close(async () => this.simulator?.exitProcesses());
    await abortable(closing, signal, 'Waiting for the driver to close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
