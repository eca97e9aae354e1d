// Values of the registry, decoded by their type.

import type { Captured } from '../wire/captured.js';

/** In the order of their numbers. */
export const knownRegistryTypes = [
  'REG_NONE',
  'REG_SZ',
  'REG_EXPAND_SZ',
  'REG_BINARY',
  'REG_DWORD',
  'REG_DWORD_BIG_ENDIAN',
  'REG_LINK',
  'REG_MULTI_SZ',
  'REG_RESOURCE_LIST',
  'REG_FULL_RESOURCE_DESCRIPTOR',
  'REG_RESOURCE_REQUIREMENTS_LIST',
  'REG_QWORD',
] as const;

export type KnownRegistryType = (typeof knownRegistryTypes)[number];
/** A type number that Windows gives no name to, as `REG_TYPE_0x0000FFFF`. */
export type UnknownRegistryType = `REG_TYPE_0x${string}`;
export type RegistryType = KnownRegistryType | UnknownRegistryType;

/**
 * What is unusual about the data. `odd-length`: a text of half a character; `wrong-length`: a number of too few or too many bytes;
 * `unterminated`: a text without the NUL at its end, which is legal and frequent; `embedded-nul`: a NUL before the end of a text, or
 * an empty string inside a list, where many programs stop reading.
 */
export type ValueFlaw = 'odd-length' | 'wrong-length' | 'unterminated' | 'embedded-nul';

interface ValueBase<T extends RegistryType> {
  // @json unknownRegistryType
  readonly type: T;
  // @json typeNumber(type)
  readonly typeNumber: number;
  /** What was captured, terminators included. */
  readonly bytes: Uint8Array;
  /** Of the whole data in bytes, captured or not. */
  readonly size: number;
  /** `bytes` is only the start of the data, because of `maxDataBytes`. */
  readonly truncated: boolean;
  /** The caller's memory could not be read; `bytes` is empty. */
  readonly fault: boolean;
  /** Mostly empty. Of data that were cut, only what shows in the captured part. */
  readonly flaws: readonly ValueFlaw[];
}

interface DecodedValue<T extends RegistryType, D> extends ValueBase<T> {
  readonly malformed: false;
  readonly data: D;
}

/** The captured bytes are no value of the type (a REG_DWORD of 3 bytes, say, or one cut short, or unreadable): `data` is `bytes`. */
interface MalformedValue<T extends RegistryType> extends ValueBase<T> {
  readonly malformed: true;
  readonly data: Uint8Array;
}

type ValueOf<T extends RegistryType, D> = DecodedValue<T, D> | MalformedValue<T>;

/** In the order of the type numbers. */
export type RegistryValue =
  | DecodedValue<'REG_NONE', Uint8Array>
  | ValueOf<'REG_SZ', string>
  | ValueOf<'REG_EXPAND_SZ', string>
  | DecodedValue<'REG_BINARY', Uint8Array>
  | ValueOf<'REG_DWORD', number>
  | ValueOf<'REG_DWORD_BIG_ENDIAN', number>
  | ValueOf<'REG_LINK', string>
  | ValueOf<'REG_MULTI_SZ', readonly string[]>
  | DecodedValue<'REG_RESOURCE_LIST', Uint8Array>
  | DecodedValue<'REG_FULL_RESOURCE_DESCRIPTOR', Uint8Array>
  | DecodedValue<'REG_RESOURCE_REQUIREMENTS_LIST', Uint8Array>
  | ValueOf<'REG_QWORD', bigint>
  | DecodedValue<UnknownRegistryType, Uint8Array>;

export function registryTypeName(typeNumber: number): RegistryType {
  return knownRegistryTypes[typeNumber] ?? `REG_TYPE_0x${typeNumber.toString(16).toUpperCase().padStart(8, '0')}`;
}

/** The number of a type name; undefined for a text that is none. */
export function registryTypeNumber(name: string): number | undefined {
  const index = (knownRegistryTypes as readonly string[]).indexOf(name);
  if (index !== -1) return index;
  const unknown = /^REG_TYPE_0x([0-9A-Fa-f]{1,8})$/.exec(name);
  return unknown === null ? undefined : parseInt(unknown[1] ?? '', 16);
}

export function decodeValue(typeNumber: number, captured: Captured): RegistryValue {
  const { size, truncated, fault } = captured;
  const bytes = captured.copy();
  const value: Draft = {
    type: registryTypeName(typeNumber),
    typeNumber,
    data: bytes,
    bytes,
    size,
    truncated,
    fault,
    flaws: noFlaws,
    malformed: false,
  };
  switch (typeNumber) {
    case 1:
    case 2:
    case 6:
    case 7:
      decodeText(value, captured);
      break;
    case 4:
    case 5:
      if (hasLength(value, 4)) value.data = captured.source.view.getUint32(captured.start, typeNumber === 4);
      break;
    case 11:
      if (hasLength(value, 8)) value.data = captured.source.view.getBigUint64(captured.start, true);
      break;
  }
  return value as RegistryValue;
}

/** A value that is being made. */
interface Draft extends Omit<ValueBase<RegistryType>, 'flaws'> {
  data: string | string[] | number | bigint | Uint8Array;
  flaws: readonly ValueFlaw[];
  malformed: boolean;
}

const noFlaws: readonly ValueFlaw[] = Object.freeze([]);

function hasLength(value: Draft, length: number): boolean {
  if (value.size !== length) value.flaws = ['wrong-length'];
  value.malformed = value.bytes.byteLength !== length || value.size !== length;
  return !value.malformed;
}

function decodeText(value: Draft, captured: Captured): void {
  const { typeNumber, size, truncated, fault } = value;
  if (size % 2 !== 0) value.flaws = ['odd-length'];
  value.malformed = size % 2 !== 0 || fault;
  if (value.malformed) return;
  const text = captured.source.text(captured.start, captured.start + (captured.length & ~1));
  if (typeNumber === 7) {
    decodeList(value, text);
    return;
  }
  // A link has no terminator.
  const isTerminated = typeNumber !== 6 && !truncated && text.endsWith('\0');
  const data = isTerminated ? text.slice(0, -1) : text;
  value.data = data;
  const isUnterminated = typeNumber !== 6 && !truncated && !isTerminated;
  const hasNul = data.includes('\0');
  if (isUnterminated) value.flaws = hasNul ? ['unterminated', 'embedded-nul'] : ['unterminated'];
  else if (hasNul) value.flaws = ['embedded-nul'];
}

/** Each string ends with NUL and the list with one more; both terminators may be missing in what programs store. */
function decodeList(value: Draft, text: string): void {
  const flaws: ValueFlaw[] = [];
  let list = text;
  if (!value.truncated) {
    if (list.endsWith('\0\0')) list = list.slice(0, -2);
    else if (list === '\0') list = '';
    else flaws.push('unterminated');
    if (list.endsWith('\0') && flaws.length > 0) list = list.slice(0, -1);
  }
  value.data = list === '' ? [] : list.split('\0');
  if (list.startsWith('\0') || list.includes('\0\0')) flaws.push('embedded-nul');
  if (flaws.length > 0) value.flaws = flaws;
}

/** Keeps embedded NULs and unpaired surrogates. */
export function decodeUtf16(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf16le', start, end);
}
