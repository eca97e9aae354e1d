import { setImmediate as tick } from 'node:timers/promises';
import type { Driver } from '../../../lib/driver/driver.js';
import type { Event } from '../../../lib/event/event.js';
import { openDriverWith } from '../../../lib/driver/open-driver.js';
import { FakeAddon, type FakeChannel } from './fake-addon.js';

export async function open(receives = 1): Promise<[Driver, FakeChannel]> {
  const addon = new FakeAddon();
  const driver = await openDriverWith(() => addon, { receives });
  return [driver, addon.channel];
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await tick();
}

export function gateway(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

export const sequenceOf = (event: Event): bigint => event.sequence;
export const upTo = (n: number): bigint[] => Array.from({ length: n }, (_, i) => BigInt(i + 1));
