import { checkAltitude } from './altitude.js';
import { abortError } from './errors.js';
import type { BackendName } from './native.js';
import { checkNotifyClasses, checkPhases, notifyClassMask, type NotifyClassName, type Phase } from './notify-class.js';
import { openDrivers } from './open-drivers.js';
import { invalidArgument } from './errors.js';
import {
  abortable,
  checkBoolean,
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  quote,
  throwIfAborted,
} from './options.js';
import { CMB_DEFAULT_DATA_BYTES, CMB_MAX_RATE, CMB_SCOPE_DRIVER, CMB_SCOPE_SESSION } from './protocol.js';
import type {
  ErrorCallback,
  EventCallback,
  LazyEventCallback,
  LazyRegistration,
  Registration,
  RegistrationRules,
  SignalOption,
} from './registration.js';
import type { LazyEvent } from './decode/lazy-event.js';
import type { GapEvent } from './event.js';
import type { DriverLimits, HelloReply, RateLimit } from './requests.js';
import { rulesForDriver, type RulesInput, type RulesTarget } from './rules/driver-rules.js';
import type { RegisterParameters, Session } from './session.js';
import type { Simulator } from './simulator.js';
import type { Statistics } from './statistics.js';

export interface RegisterOptions extends SignalOption {
  /** A decimal number as text. The higher, the earlier the pre and the later the post notification. */
  readonly altitude: string;
  /** Default: every class that Windows delivers, those of future versions included. */
  readonly classes?: readonly NotifyClassName[] | undefined;
  /** Default: both. */
  readonly phases?: readonly Phase[] | undefined;
  /** At most so many bytes of value data are captured per event. Default 4096. */
  readonly maxDataBytes?: number | undefined;
  /**
   * Set value and delete value tell what was there before (`previous`), delete key how many values and subkeys there were. It costs one
   * or two reads for each of these operations, which callbacks of lower altitude see. Default: false.
   */
  readonly oldValues?: boolean | undefined;
  /**
   * Which notifications of `classes` and `phases` become events: the first rule that matches decides, in the driver. Also takes what
   * `compileRules` made. Default: all become events.
   */
  readonly rules?: RulesInput | undefined;
  /** What becomes of a notification that no rule matches. Default: ignore. */
  readonly otherwise?: 'ignore' | 'notify' | undefined;
  /**
   * Reads that are alike in everything but number, time and duration, and come while the first of them still waits in the driver's
   * queue, make one event: its `repeats` counts the others. Default: false.
   */
  readonly coalesceReads?: boolean | undefined;
  /** At most so many events per second. What is beyond is dropped before it costs anything, and counted in gaps. Default: no limit. */
  readonly rateLimit?: number | RateLimit | undefined;
  /** Gets what the callback throws or rejects with, and errors of the registration itself. */
  readonly onError?: ErrorCallback | undefined;
}

export interface LazyRegisterOptions extends Omit<RegisterOptions, 'onError'> {
  /** Gets what the callback throws or rejects with, and errors of the registration itself. */
  readonly onError?: ((error: unknown, event: LazyEvent | GapEvent | null) => void) | undefined;
}

export interface StatisticsOptions extends SignalOption {
  /** Default: session. */
  readonly scope?: 'session' | 'driver' | undefined;
}

export interface Version {
  readonly major: number;
  readonly minor: number;
}

const registerOptionNames = [
  'altitude',
  'classes',
  'phases',
  'maxDataBytes',
  'oldValues',
  'rules',
  'otherwise',
  'coalesceReads',
  'rateLimit',
  'signal',
  'onError',
];

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
   * The same with events whose properties are read when they are asked for: for programs that look at few of them, or at few events.
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
      altitude: checkAltitude(checked['altitude']),
      classMask: checkClassMask(checked['classes'], checked['phases']),
      maxDataBytes: checkInteger(
        'maxDataBytes',
        checked['maxDataBytes'],
        0,
        this.limits.maxDataBytes,
        Math.min(CMB_DEFAULT_DATA_BYTES, this.limits.maxDataBytes),
      ),
      oldValues: checkBoolean('oldValues', checked['oldValues'], false),
      rules,
      program: rules.current?.bytes ?? null,
      coalesceReads: checkBoolean('coalesceReads', checked['coalesceReads'], false),
      rateLimit: checkRateLimit(checked['rateLimit']),
      isLazy,
      callback: checkFunction('callback', callback),
      onError: checkFunction('onError', options.onError),
      ...(onCookie === undefined ? {} : { onCookie }),
    };
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

  /** Unregisters everything, delivers what is on its way, ends the simulated processes, and closes the handle. Idempotent. */
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

function checkRateLimit(value: unknown): RateLimit | null {
  if (value === undefined) return null;
  if (typeof value === 'number') return { perSecond: checkInteger('rateLimit', value, 1, CMB_MAX_RATE, 0) };
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(`"rateLimit" must be a number or { perSecond, burst }, not ${quote(value)}`);
  }
  const { perSecond, burst } = checkOptions('rateLimit', value, ['perSecond', 'burst']);
  if (perSecond === undefined) throw invalidArgument('"rateLimit.perSecond" is missing');
  return {
    perSecond: checkInteger('rateLimit.perSecond', perSecond, 1, CMB_MAX_RATE, 0),
    burst: burst === undefined ? undefined : checkInteger('rateLimit.burst', burst, 1, CMB_MAX_RATE, 0),
  };
}

function checkClassMask(classes: unknown, phases: unknown): bigint {
  const checkedClasses = classes === undefined ? null : checkNotifyClasses(classes);
  const mask = notifyClassMask(checkedClasses, phases === undefined ? null : checkPhases(phases));
  if (mask !== 0n) return mask;
  throw invalidArgument(`None of the classes ${quote(classes)} belongs to the phases ${quote(phases)}`);
}
