import type { Event } from '../event.js';

/** One line of NDJSON: bigints as decimal strings, bytes as base64. */
export function eventToJson(event: Event, processName: string | null): string {
  const object = processName === null ? event : { ...event, processName };
  return JSON.stringify(object, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    return value;
  });
}
