// The texts of a program: each stored once, found by its hash.

import { CMB_MAX_RULES_PROBES } from '../../wire/protocol.js';

/** The texts of a program, each of which is there once. */
export class UnitPool {
  readonly #firsts = new Map<string, number>();
  #count = 0;

  /** The number of the first unit. */
  add(text: string): number {
    const known = this.#firsts.get(text);
    if (known !== undefined) return known;
    const first = this.#count;
    this.#firsts.set(text, first);
    this.#count += text.length;
    return first;
  }

  *units(): Generator<number> {
    for (const text of this.#firsts.keys()) {
      for (let index = 0; index < text.length; index++) yield text.charCodeAt(index);
    }
  }
}

/** FNV-1a with 32 bits, one step for each unit. */
export function hashUnits(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** Open addressing with linear probing, at most two thirds full; no entry is CMB_MAX_RULES_PROBES behind its place. */
export function hashTable<T extends { readonly hash: number }>(entries: readonly T[]): (T | undefined)[] {
  let count = 2;
  while (count * 2 < entries.length * 3) count *= 2;
  for (;;) {
    const table = placed(entries, count);
    if (table !== null) return table;
    count *= 2;
  }
}

function placed<T extends { readonly hash: number }>(entries: readonly T[], count: number): (T | undefined)[] | null {
  const table: (T | undefined)[] = Array.from({ length: count });
  for (const entry of entries) {
    let distance = 0;
    while (table[(entry.hash + distance) % count] !== undefined) distance++;
    if (distance >= CMB_MAX_RULES_PROBES) return null;
    table[(entry.hash + distance) % count] = entry;
  }
  return table;
}
