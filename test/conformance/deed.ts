// An operation to try decisions on.
import type { Operation } from '../../lib/index.js';
import { statusOf, text } from './decision-fixture.js';
import type { Fixture } from './fixture.js';
import type { Ability } from './host.js';

export interface Deed {
  /** What rules call the key. */
  readonly path: string;
  act(): Promise<number>;
  /** Whether what the operation does was done; null where nothing is left to see. */
  readonly happened: (() => Promise<boolean>) | null;
  undo?(): Promise<unknown>;
}

export interface DeedKind {
  readonly operation: Operation;
  readonly ability?: Ability;
  /** What may be decided about it in pre, besides to allow and to block. */
  readonly fits: readonly ('bypass' | 'emulate' | 'replace' | 'redirect')[];
  prepare(fixture: Fixture, folder: string): Promise<Deed>;
}

let serial = 0;
export const fresh = (): string => `Deed${String(process.pid)}-${String((serial += 1))}`;
/** A key below HKLM that no other test uses. */
export const mountPoint = (): string => `\\REGISTRY\\MACHINE\\CmBridge${fresh()}`;

export const exists = async ({ actor }: Fixture, path: string): Promise<boolean> => {
  const status = await statusOf(actor.openKey(path).then((opened) => opened.close()));
  return status === 0;
};

/** A key of its own that is gone afterwards, with one value. */
export async function child(fixture: Fixture) {
  const key = await fixture.key.createKey(fresh());
  await key.setValue('v', text('before'));
  const undo = async () => {
    await key.close();
    await fixture.actor.deleteTree(key.path);
  };
  return { key, path: key.path, undo };
}
