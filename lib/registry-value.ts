/** @internal In the order of their numbers. */
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
  readonly type: T;
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
  readonly data: D;
  readonly malformed: false;
}

/** The captured bytes are no value of the type (a REG_DWORD of 3 bytes, say, or one cut short, or unreadable): `data` is `bytes`. */
interface MalformedValue<T extends RegistryType> extends ValueBase<T> {
  readonly data: Uint8Array;
  readonly malformed: true;
}

type ValueOf<T extends RegistryType, D> = DecodedValue<T, D> | MalformedValue<T>;

export type RegistryValue =
  | ValueOf<'REG_SZ', string>
  | ValueOf<'REG_EXPAND_SZ', string>
  | ValueOf<'REG_LINK', string>
  | ValueOf<'REG_MULTI_SZ', readonly string[]>
  | ValueOf<'REG_DWORD', number>
  | ValueOf<'REG_DWORD_BIG_ENDIAN', number>
  | ValueOf<'REG_QWORD', bigint>
  | DecodedValue<'REG_NONE', Uint8Array>
  | DecodedValue<'REG_BINARY', Uint8Array>
  | DecodedValue<'REG_RESOURCE_LIST', Uint8Array>
  | DecodedValue<'REG_FULL_RESOURCE_DESCRIPTOR', Uint8Array>
  | DecodedValue<'REG_RESOURCE_REQUIREMENTS_LIST', Uint8Array>
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

export interface CapturedData {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly truncated: boolean;
  readonly fault: boolean;
}

export function decodeValue(typeNumber: number, captured: CapturedData): RegistryValue {
  const { bytes, size, truncated, fault } = captured;
  const { data, flaws, malformed } = decodeData(typeNumber, captured);
  return {
    type: registryTypeName(typeNumber),
    typeNumber,
    data,
    bytes,
    size,
    truncated,
    fault,
    flaws,
    malformed,
  } as RegistryValue;
}

interface Data {
  readonly data: string | string[] | number | bigint | Uint8Array;
  readonly flaws: readonly ValueFlaw[];
  readonly malformed: boolean;
}

const noFlaws: readonly ValueFlaw[] = Object.freeze([]);

function decodeData(typeNumber: number, captured: CapturedData): Data {
  const { bytes } = captured;
  switch (typeNumber) {
    case 1:
    case 2:
    case 6:
    case 7:
      return decodeText(typeNumber, captured);
    case 4:
    case 5:
      return decodeNumber(captured, 4, (view) => view.getUint32(0, typeNumber === 4));
    case 11:
      return decodeNumber(captured, 8, (view) => view.getBigUint64(0, true));
    default:
      return { data: bytes, flaws: noFlaws, malformed: false };
  }
}

function decodeNumber({ bytes, size }: CapturedData, length: number, read: (view: DataView) => number | bigint): Data {
  const flaws: readonly ValueFlaw[] = size === length ? noFlaws : ['wrong-length'];
  if (bytes.byteLength !== length || size !== length) return { data: bytes, flaws, malformed: true };
  return { data: read(new DataView(bytes.buffer, bytes.byteOffset, length)), flaws, malformed: false };
}

function decodeText(typeNumber: number, { bytes, size, truncated, fault }: CapturedData): Data {
  if (size % 2 !== 0) return { data: bytes, flaws: ['odd-length'], malformed: true };
  if (fault) return { data: bytes, flaws: noFlaws, malformed: true };
  const text = decodeUtf16(bytes, 0, bytes.byteLength & ~1);
  if (typeNumber === 7) return decodeList(text, truncated);
  // A link has no terminator.
  const isTerminated = typeNumber !== 6 && !truncated && text.endsWith('\0');
  const data = isTerminated ? text.slice(0, -1) : text;
  const flaws: ValueFlaw[] = [];
  if (typeNumber !== 6 && !truncated && !isTerminated) flaws.push('unterminated');
  if (data.includes('\0')) flaws.push('embedded-nul');
  return { data, flaws: flaws.length === 0 ? noFlaws : flaws, malformed: false };
}

/** Each string ends with NUL and the list with one more; both terminators may be missing in what programs store. */
function decodeList(text: string, truncated: boolean): Data {
  const flaws: ValueFlaw[] = [];
  let list = text;
  if (!truncated) {
    if (list.endsWith('\0\0')) list = list.slice(0, -2);
    else if (list === '\0') list = '';
    else flaws.push('unterminated');
    if (list.endsWith('\0') && flaws.length > 0) list = list.slice(0, -1);
  }
  const data = list === '' ? [] : list.split('\0');
  if (list.startsWith('\0') || list.includes('\0\0')) flaws.push('embedded-nul');
  return { data, flaws: flaws.length === 0 ? noFlaws : flaws, malformed: false };
}

/** Keeps embedded NULs and unpaired surrogates. */
export function decodeUtf16(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf16le', start, end);
}
