// The common shape of a policy: handlers decide about operations before they are done.

import type { Event } from '../event/event.js';
import {
  guardConditionNames,
  guardRegisterNames,
  type DecidedEvent,
  type GuardConditions,
  type GuardEvent,
  type GuardOptions,
} from './guard-options.js';
import { checkHandlers, guardRules, handlerOf, withGuardPlaces, type GuardHandlerInput } from './guard-rules.js';
import { checkFunction, checkOptions, type SignalOption } from '../base/options.js';
import type { EventCallback, Registration, SetRulesResult } from '../session/registration.js';
import type { RegisterOptions } from '../session/register-options.js';
import type { CompiledRules, Rule } from '../rules/rule.js';
import type { Statistics } from '../session/statistics.js';

/** How a guard registers. */
type Register = (options: RegisterOptions, callback: EventCallback) => Promise<Registration>;

/** Asks a program about operations before they are done: a registration with a rule that asks, and its exceptions. */
export class Guard {
  /** What it stands on: for iterators over all its events, and all else that a registration can do. */
  readonly registration: Registration;
  readonly #handlers: GuardHandlerInput;
  #conditions: GuardConditions;
  #updating: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(registration: Registration, handlers: GuardHandlerInput, conditions: GuardConditions) {
    this.registration = registration;
    this.#handlers = handlers;
    this.#conditions = conditions;
  }

  get cookie(): bigint {
    return this.registration.cookie;
  }

  get altitude(): string {
    return this.registration.altitude;
  }

  /** False as soon as the driver has unregistered it. */
  get active(): boolean {
    return this.registration.active;
  }

  /** What it was compiled to, with the compiler's warnings. */
  get rules(): CompiledRules | null {
    return this.registration.rules;
  }

  /**
   * Changes what is guarded; what is left out stays as it is, and undefined is the default. It is in force when this resolves, for
   * operations that begin then; those that are held stay held. When it fails, nothing has changed.
   */
  async update(changes: GuardConditions): Promise<SetRulesResult> {
    checkOptions('update()', changes, guardConditionNames);
    // One after the other, as each builds on what the one before has left.
    const updating = this.#updating.then(async () => {
      const conditions = { ...this.#conditions, ...changes };
      const result = await compiled(conditions, this.#handlers, (rules) => this.registration.setRules(rules));
      this.#conditions = conditions;
      return result;
    });
    this.#updating = updating.catch(() => undefined);
    return updating;
  }

  async statistics(options?: SignalOption): Promise<Statistics> {
    return this.registration.statistics(options);
  }

  /** Ends it. Operations that are held go on at once with what `onTimeout` says. Idempotent. */
  async unregister(options?: SignalOption): Promise<void> {
    await this.registration.unregister(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unregister();
  }
}

/** @internal */
export async function startGuard(
  register: Register,
  options: GuardOptions,
  handler: GuardHandlerInput,
): Promise<Guard> {
  const names = [...guardConditionNames, ...guardRegisterNames, 'onDecision', 'onBreaker'];
  const checked = checkOptions('guard()', options, names);
  const handlers = checkHandlers(handler);
  const onDecision = checkFunction('onDecision', options.onDecision);
  const onBreaker = checkFunction('onBreaker', options.onBreaker);
  const pick = (wanted: readonly string[]) =>
    Object.fromEntries(Object.entries(checked).filter(([name]) => wanted.includes(name)));
  const conditions: GuardConditions = pick(guardConditionNames);
  const callback = (event: Event): unknown => {
    if (event.class === 'breaker') return onBreaker?.(event);
    if (event.class === 'gap' || event.class === 'unknown') return undefined;
    if (event.question !== null) {
      const asked = event as GuardEvent;
      return handlerOf(handlers, asked.operation)?.(asked);
    }
    return event.decision === null ? undefined : onDecision?.(event as DecidedEvent);
  };
  const registration = await compiled(conditions, handlers, (rules) =>
    register({ ...(pick(guardRegisterNames) as Pick<RegisterOptions, 'altitude'>), rules }, callback),
  );
  return new Guard(registration, handlers, conditions);
}

async function compiled<T>(
  conditions: GuardConditions,
  handlers: GuardHandlerInput,
  use: (rules: readonly Rule[]) => Promise<T>,
): Promise<T> {
  const rules = guardRules(conditions, handlers);
  return withGuardPlaces(rules.length - 1, Array.isArray(conditions.except), () => use(rules));
}
