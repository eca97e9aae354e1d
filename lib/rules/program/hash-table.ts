import { CMB_MAX_RULES_PROBES } from '../../wire/protocol.js';

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
