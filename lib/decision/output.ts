// The encoder of the answers to queries, by operation.

import type { NotificationEvent } from '../event/event.js';
import { NtStatus } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import type { BytesAnswer, QueryAnswer, QueryOperation, QueryOutput, StatusInput, ValueAnswer } from './answer.js';
import { DecisionError } from './error.js';
import { fixedKeySizes, layOutKey } from './key-layout.js';
import { fitOutput, type Layout, type Output } from './layout.js';
import { fitMultiple } from './multiple-layout.js';
import { fitSecurity } from './security-layout.js';
import { emulatedStatus } from './status.js';
import { fixedValueSizes, layOutValue } from './value-layout.js';

type QueryEvent = Extract<NotificationEvent, { operation: QueryOperation }>;

/** What there is no more of, by operation. */
const ends: Readonly<Partial<Record<QueryOperation, readonly [name: string, status: number]>>> = {
  QueryValueKey: ['notFound', NtStatus.STATUS_OBJECT_NAME_NOT_FOUND],
  QueryMultipleValueKey: ['notFound', NtStatus.STATUS_OBJECT_NAME_NOT_FOUND],
  EnumerateKey: ['noMoreEntries', NtStatus.STATUS_NO_MORE_ENTRIES],
  EnumerateValueKey: ['noMoreEntries', NtStatus.STATUS_NO_MORE_ENTRIES],
};

const expected: Readonly<Record<QueryOperation, string>> = {
  QueryValueKey: '{ type, data } or { bytes }',
  EnumerateValueKey: '{ name, type, data } or { bytes }',
  QueryKey: 'an object with the fields of the information class or { bytes }',
  EnumerateKey: '{ name, ... } or { bytes }',
  QueryMultipleValueKey: 'an array of { type, data }',
  QueryKeySecurity: 'SDDL or the bytes of a descriptor',
};

const queries: ReadonlySet<string> = new Set(Object.keys(expected));

export function isQuery(event: NotificationEvent): event is QueryEvent {
  return queries.has(event.operation);
}

/** An answer without output has just a status. */
export function encodeAnswer(answer: QueryAnswer, event: QueryEvent): Partial<Output> & Pick<Output, 'status'> {
  const end = ends[event.operation];
  if (typeof answer === 'string' && answer === end?.[0]) return { status: end[1] };
  if (isStatus(answer)) return { status: emulatedStatus(answer, event.class) };
  return encodeOutputAs('emulate()', answer, event);
}

export function encodeOutput(output: QueryOutput, event: QueryEvent): Output {
  return encodeOutputAs('override()', output, event);
}

/** SDDL begins otherwise. */
function isStatus(answer: QueryAnswer): answer is StatusInput {
  return typeof answer === 'number' || (typeof answer === 'string' && answer.startsWith('STATUS_'));
}

function encodeOutputAs(what: string, output: unknown, event: QueryEvent): Output {
  const { class: where } = event;
  switch (event.operation) {
    case 'QueryMultipleValueKey': {
      if (!isValueList(output)) throw unexpected(what, output, event);
      return fitMultiple(what, output, event, bufferSize(what, event), where);
    }
    case 'QueryKeySecurity': {
      if (typeof output !== 'string' && !(output instanceof Uint8Array)) throw unexpected(what, output, event);
      return fitSecurity(what, output, event.securityInformation.value, bufferSize(what, event), where);
    }
    default:
      return fitOutput(what, layOut(what, output, event), event.length, where);
  }
}

/** Where the answer overwrites the size of the buffer, only the pre phase has seen it. */
function bufferSize(what: string, { bufferSize: size, preUnknown, class: where }: QueryEvent & WithBuffer): number {
  if (size !== null && !preUnknown) return size;
  throw new DecisionError(
    where,
    `${what}: the pre phase was not seen, so the size of the caller's buffer is not known`,
  );
}

interface WithBuffer {
  readonly bufferSize: number | null;
}

/** Null for a path that was cut. */
function wholePath({ keyPath, keyPathLength }: QueryEvent): string | null {
  return keyPath?.length === keyPathLength ? keyPath : null;
}

type StructureEvent = Exclude<QueryEvent, { operation: 'QueryMultipleValueKey' | 'QueryKeySecurity' }>;

function layOut(what: string, output: unknown, event: StructureEvent): Layout {
  const { class: where, informationClassNumber: number } = event;
  const isOfKey = event.operation === 'QueryKey' || event.operation === 'EnumerateKey';
  if (isBytes(output)) {
    return { fixed: (isOfKey ? fixedKeySizes : fixedValueSizes)[number] ?? 0, bytes: output.bytes };
  }
  if (isOfKey) {
    if (!isObject(output)) throw unexpected(what, output, event);
    return layOutKey(what, output, number, event.operation === 'QueryKey' ? wholePath(event) : null, where);
  }
  if (!isValue(output)) throw unexpected(what, output, event);
  const asked = event.operation === 'QueryValueKey' ? event.valueName : null;
  return layOutValue(what, output, number, asked, where);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** A value out of an event has bytes, too. */
function isBytes(value: unknown): value is BytesAnswer {
  return isObject(value) && 'bytes' in value && value.bytes instanceof Uint8Array && !('data' in value);
}

function isValue(value: unknown): value is ValueAnswer {
  return isObject(value) && 'data' in value;
}

function isValueList(value: unknown): value is readonly ValueAnswer[] {
  return Array.isArray(value) && value.every(isValue);
}

function unexpected(what: string, output: unknown, event: QueryEvent): DecisionError {
  const end = ends[event.operation];
  const name = end === undefined ? '' : `"${end[0]}" or `;
  const right = what === 'emulate()' ? `${expected[event.operation]}, ${name}a status` : expected[event.operation];
  return new DecisionError(event.class, `${what} was given ${quote(output)}; expected ${right}`);
}
