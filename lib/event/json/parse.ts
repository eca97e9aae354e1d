// The parser of events that were written as JSON: it walks the shape of an event.

import { CmBridgeError, invalidArgument } from '../../base/errors.js';
import type { Event } from '../event.js';
import { didYouMean, quote } from '../../base/options.js';
import { eventShape } from './event-shape.js';
import type { EventShape } from './formats.js';
import type { BigShape, RecordShape, TaggedShape, TextShape } from '../../base/shape.js';

/**
 * Takes back what `stringifyEvent` or `eventToJson` gave: a line of NDJSON, or the object that JSON.parse made of it. Anything else
 * is refused with CMB_INVALID_ARGUMENT; the message names the field.
 */
export function parseEvent(line: unknown): Event {
  return parseShape(eventShape, typeof line === 'string' ? parseJson(line) : line, 'event') as Event;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`The line is no JSON: ${reason}`, { cause: error });
  }
}

function parseShape(shape: EventShape, value: unknown, path: string): unknown {
  switch (shape.kind) {
    case 'text':
      return parseText(shape, value, path);
    case 'bytes':
      return parseBytes(value, path);
    case 'big':
      return parseBig(shape, value, path);
    case 'integer':
      if (typeof value === 'number' && Number.isInteger(value) && value >= shape.minimum && value <= shape.maximum) {
        return value;
      }
      throw wrong(path, value, `an integer from ${shape.minimum} to ${shape.maximum}`);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw wrong(path, value, 'true or false');
    case 'literal':
      if ((shape.values as readonly unknown[]).includes(value)) return value;
      throw wrong(path, value, shape.values.map((known) => JSON.stringify(known)).join(' or '));
    case 'nullable':
      return value === null ? null : parseShape(shape.shape, value, path);
    case 'list':
      if (!Array.isArray(value)) throw wrong(path, value, 'an array');
      return value.map((item, index) => parseShape(shape.shape, item, `${path}[${index}]`));
    case 'record':
      return parseRecord(shape, requireObject(value, path), path);
    case 'tagged':
      return parseTagged(shape, requireObject(value, path), path);
  }
}

function parseText({ pattern, what }: TextShape, value: unknown, path: string): string {
  if (typeof value === 'string' && (pattern === null || pattern.test(value))) return value;
  throw wrong(path, value, what);
}

function parseBytes(value: unknown, path: string): Uint8Array {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    // Node.js passes over what is no base64.
    if (bytes.toString('base64') === value) return new Uint8Array(bytes);
  }
  throw wrong(path, value, 'base64 with its padding');
}

function parseBig({ minimum, maximum }: BigShape, value: unknown, path: string): bigint {
  // 21 digits hold every time and every 64-bit number.
  if (typeof value === 'string' && /^(0|-?[1-9][0-9]{0,20})$/.test(value)) {
    const number = BigInt(value);
    if (number >= minimum && number <= maximum) return number;
  }
  throw wrong(path, value, `an integer from ${minimum} to ${maximum} as a string of decimal digits`);
}

type JsonObject = Readonly<Record<string, unknown>>;

function requireObject(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrong(path, value, 'an object');
}

function parseRecord({ fields }: RecordShape<EventShape>, object: JsonObject, path: string): object {
  const result: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(fields)) {
    const field = `${path}.${name}`;
    if (!Object.hasOwn(object, name)) throw invalidArgument(`${field} is missing`);
    result[name] = parseShape(shape, object[name], field);
  }
  for (const name of Object.keys(object)) {
    if (Object.hasOwn(fields, name)) continue;
    throw invalidArgument(`${path} has no field ${quote(name)}${didYouMean(name, Object.keys(fields))}`);
  }
  return result;
}

function parseTagged({ tag, byTag, byPattern }: TaggedShape<EventShape>, object: JsonObject, path: string): unknown {
  const field = `${path}.${tag}`;
  if (!Object.hasOwn(object, tag)) throw invalidArgument(`${field} is missing`);
  const value = object[tag];
  const found = byTag.get(value as string) ?? byPattern.find(([text]) => isOf(text, value))?.[1];
  if (found !== undefined) return parseShape(found, object, path);
  const known = [...byTag.keys(), ...byPattern.map(([text]) => text.what)].map(String);
  const near = didYouMean(String(value), known);
  throw wrong(field, value, known.length > 20 ? `one of ${known.length} known names${near}` : known.join(' or '));
}

function isOf({ pattern }: TextShape, value: unknown): boolean {
  return typeof value === 'string' && (pattern === null || pattern.test(value));
}

function wrong(path: string, value: unknown, expected: string): CmBridgeError {
  return invalidArgument(`${path} must be ${expected}, not ${quote(value)}`);
}
