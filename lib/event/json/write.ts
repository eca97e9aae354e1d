// Events as JSON.

import type { Event } from '../event.js';

/** What JSON can hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An event as schema/event.schema.json describes it: bigints as decimal strings, bytes as base64, the rest as it is. */
export function eventToJson(event: Event): Readonly<Record<string, JsonValue>> {
  return objectToJson(event);
}

/** One line of NDJSON, without its end. Embedded NULs and unpaired surrogates are escaped, so that any encoding keeps them. */
export function stringifyEvent(event: Event): string {
  return JSON.stringify(eventToJson(event));
}

function objectToJson(object: object): Record<string, JsonValue> {
  const result: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(object) as [string, unknown][]) result[key] = toJson(value);
  return result;
}

function toJson(value: unknown): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  return Array.isArray(value) ? value.map(toJson) : objectToJson(value);
}
