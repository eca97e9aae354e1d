import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Driver, Event, OpenDriverOptions, Registration } from '../../lib/index.js';
import type { Actor, ActorKey, ConformanceHost } from './host.js';
import { assertWellFormed } from './well-formed.js';

export interface Fixture {
  readonly host: ConformanceHost;
  readonly driver: Driver;
  readonly actor: Actor;
  /** A fresh, empty key of this test alone. */
  readonly key: ActorKey;
}

let serial = 0;

/** An altitude that no other test uses, so that a test that fails cannot make the next one collide. */
export function nextAltitude(): string {
  serial += 1;
  return `385210.${process.pid}${String(serial).padStart(4, '0')}1`;
}

/** Runs `body` as one test with a session, an actor and a scratch key, and takes all three away again. */
export function scenario(
  host: ConformanceHost,
  name: string,
  body: (fixture: Fixture) => Promise<void>,
  options: Omit<OpenDriverOptions, 'backend' | 'deviceName'> = {},
): void {
  it(name, { timeout: 60_000 }, async () => {
    await attempt(host, async () => {
      await using driver = await host.openDriver(options);
      const actor = await host.createActor(driver);
      try {
        serial += 1;
        const key = await actor.createKeyPath(`${host.scratch}\\${process.pid}-${String(serial)}`);
        try {
          await body({ host, driver, actor, key });
        } finally {
          await removeKey(key);
        }
      } finally {
        await actor.exit();
      }
    });
  });
}

/**
 * With CMBRIDGE_TEST_FAULTS every allocation of the driver fails once per call stack. A test that met such a failure must have
 * left nothing behind, and pass when it is repeated; one that failed without meeting a new failure has really failed.
 */
export async function attempt(host: ConformanceHost, body: () => Promise<void>): Promise<void> {
  const faults = process.env['CMBRIDGE_TEST_FAULTS'] ? host.addon.simulator : null;
  for (;;) {
    const before = faults?.failedAllocations() ?? 0;
    try {
      await body();
      return;
    } catch (error) {
      if (!faults || faults.failedAllocations() === before) throw error;
    }
  }
}

async function removeKey(key: ActorKey): Promise<void> {
  // A test may have deleted or renamed its key; what is left then lies below the scratch key and dies with the prefix or machine.
  await key.delete().catch(() => undefined);
  await key.close().catch(() => undefined);
}

export interface Collected {
  readonly registration: Registration;
  readonly events: Event[];
}

/** Registers and keeps the events that `actor` caused, gaps included. Complete after `registration.unregister()`. */
export async function collect(
  driver: Driver,
  actor: Actor | null,
  options: Partial<Parameters<Driver['registerCallback']>[0]> = {},
): Promise<Collected> {
  const events: Event[] = [];
  const registration = await driver.registerCallback({ altitude: nextAltitude(), ...options }, (event) => {
    assertWellFormed(event);
    if (actor === null || !('processId' in event) || event.processId === actor.id) events.push(event);
  });
  return { registration, events };
}

export function ofClass<C extends Event['class']>(events: readonly Event[], name: C): Extract<Event, { class: C }>[] {
  return events.filter((event): event is Extract<Event, { class: C }> => event.class === name);
}

/** The only event of a class; fails when there is none or more than one. */
export function only<C extends Event['class']>(events: readonly Event[], name: C): Extract<Event, { class: C }> {
  const found = ofClass(events, name);
  const [first] = found;
  if (!first || found.length !== 1) throw new Error(`expected one ${name}, got ${String(found.length)}`);
  return first;
}

export const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

/** Waits for what comes about by itself, a few seconds at most; what should hold then is for the caller to assert. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000 && !(await condition()); i += 1) await tick();
}

/** The reader thread pends its `receives` requests after openDriver has resolved. */
export function requestsPended(driver: Driver, receives: number): Promise<void> {
  return until(async () => (await driver.statistics({ scope: 'session' })).pendedReceives === receives);
}

/**
 * What all sessions of the driver hold. Blocks of pool are counted by the simulator; under Wine the test kernel counts them, and must find
 * none when the driver is unloaded.
 */
export async function inUse({ addon }: ConformanceHost, driver: Driver): Promise<unknown[]> {
  const { sessions, registrations } = await driver.statistics({ scope: 'driver' });
  return [sessions, registrations, addon.simulator?.poolUsage().blocks];
}

/** Key names compare without regard to case; the case in which a key is stored differs between hosts. */
export function sameKey(actual: string | null | undefined, expected: string): void {
  assert.equal(actual?.toUpperCase(), expected.toUpperCase());
}

/** The last component of the key's path, as the kernel told it. */
export function lastPath(event: { readonly keyPath: string | null }): string | undefined {
  return event.keyPath?.split('\\').at(-1);
}
