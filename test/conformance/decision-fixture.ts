import assert from 'node:assert/strict';
import {
  NtStatusError,
  type Driver,
  type Event,
  type EventDecision,
  type NotificationEvent,
  type RegisterOptions,
  type Registration,
  type Rule,
} from '../../lib/index.js';
import { nextAltitude } from './fixture.js';
import type { Actor } from './host.js';
import { assertWellFormed } from './well-formed.js';

export const STATUS_SUCCESS = 0;
export const STATUS_BUFFER_OVERFLOW = 0x8000_0005;
export const STATUS_ACCESS_DENIED = 0xc000_0022;
export const STATUS_OBJECT_NAME_NOT_FOUND = 0xc000_0034;
export const STATUS_CANCELLED = 0xc000_0120;
/** Longer than any test takes: what ends before was not ended by a deadline. */
export const LONG = 10_000;
/** What nobody is to answer. A question that takes half of it until it is put is no miss for the breaker. */
export const SHORT = 250;

export const text = (data: string) => ({ type: 'REG_SZ', data }) as const;

/** How an operation of an actor ended. */
export async function statusOf(operation: Promise<unknown>): Promise<number> {
  try {
    await operation;
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof NtStatusError) return error.ntStatus;
    throw error;
  }
}

/** Whether a promise has settled by now. */
export async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const first = promise.then(
    () => null,
    () => null,
  );
  return (await Promise.race([first, Promise.resolve(pending)])) !== pending;
}

export type Decide = (event: NotificationEvent) => unknown;
export type PolicyOptions = Partial<RegisterOptions> & { readonly rules: readonly Rule[] };

/** A registration that decides; keeps the events that `actor` caused, and what was wrong with decisions. */
export class Policy {
  readonly events: Event[] = [];
  readonly questions: NotificationEvent[] = [];
  readonly errors: unknown[] = [];
  #registration: Registration | null = null;

  static async set(driver: Driver, actor: Actor, options: PolicyOptions, decide?: Decide): Promise<Policy> {
    const policy = new Policy();
    policy.#registration = await driver.registerCallback(
      { altitude: nextAltitude(), onError: (error) => policy.errors.push(error), ...options },
      (event) => policy.#take(event, actor, decide),
    );
    return policy;
  }

  get registration(): Registration {
    assert.ok(this.#registration);
    return this.#registration;
  }

  /** Unregisters, and fails for an error that no test has taken. */
  async end(): Promise<void> {
    await this.registration.unregister();
    const [error] = this.errors;
    if (error !== undefined) throw error as Error;
  }

  /** The next error that the program was told of. */
  takeError(code: string, message: RegExp): void {
    const error = this.errors.shift() as (Error & { code?: string }) | undefined;
    assert.ok(error, `no error ${code}`);
    assert.equal(error.code, code, String(error));
    assert.match(error.message, message);
  }

  /** Events that tell what was decided, in their order. */
  get decided(): (NotificationEvent & { readonly decision: EventDecision })[] {
    return this.events.filter(
      (event): event is NotificationEvent & { readonly decision: EventDecision } =>
        'decision' in event && event.decision !== null,
    );
  }

  /** The only decision. */
  get decision(): EventDecision {
    const [first] = this.decided;
    assert.ok(first, 'no event tells of a decision');
    assert.equal(this.decided.length, 1);
    return first.decision;
  }

  #take(event: Event, actor: Actor, decide: Decide | undefined): unknown {
    assertWellFormed(event);
    if (!('processId' in event) || event.class === 'unknown') {
      this.events.push(event);
      return undefined;
    }
    if (event.processId !== actor.id) return undefined;
    this.events.push(event);
    if (event.question === null) return undefined;
    this.questions.push(event);
    return decide?.(event);
  }
}
