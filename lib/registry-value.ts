const typeNames = [
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

export type KnownRegistryType = (typeof typeNames)[number];
/** A type number that Windows gives no name to, as `REG_TYPE_0x0000FFFF`. */
export type UnknownRegistryType = `REG_TYPE_0x${string}`;
export type RegistryType = KnownRegistryType | UnknownRegistryType;

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
}

interface DecodedValue<T extends RegistryType, D> extends ValueBase<T> {
  readonly data: D;
  readonly malformed: false;
}

/** The captured bytes are no value of the type (a REG_DWORD of 3 bytes, say, or one cut short): `data` is `bytes`. */
interface MalformedValue<T extends RegistryType> extends ValueBase<T> {
  readonly data: Uint8Array;
  readonly malformed: true;
}

type ValueOf<T extends RegistryType, D> = DecodedValue<T, D> | MalformedValue<T>;

export type RegistryValue =
  | ValueOf<'REG_SZ', string>
  | ValueOf<'REG_EXPAND_SZ', string>
  | ValueOf<'REG_LINK', string>
  | ValueOf<'REG_MULTI_SZ', string[]>
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
  return typeNames[typeNumber] ?? `REG_TYPE_0x${typeNumber.toString(16).toUpperCase().padStart(8, '0')}`;
}

/** The number of a type name; undefined for a text that is none. */
export function registryTypeNumber(name: string): number | undefined {
  const index = (typeNames as readonly string[]).indexOf(name);
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
  const decoded = decodeData(typeNumber, bytes, truncated);
  return {
    type: registryTypeName(typeNumber),
    typeNumber,
    data: decoded ?? bytes,
    bytes,
    size,
    truncated,
    fault,
    malformed: decoded === null,
  } as RegistryValue;
}

/** Null when the bytes are no value of the type. */
function decodeData(
  typeNumber: number,
  bytes: Uint8Array,
  truncated: boolean,
): string | string[] | number | bigint | Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (typeNumber) {
    case 1:
    case 2:
    case 6:
    case 7: {
      const even = bytes.byteLength & ~1;
      if (even !== bytes.byteLength && !truncated) return null;
      const text = decodeUtf16(bytes, 0, even);
      if (typeNumber === 7) return splitMultiString(text, truncated);
      return typeNumber !== 6 && !truncated && text.endsWith('\0') ? text.slice(0, -1) : text;
    }
    case 4:
      return bytes.byteLength === 4 ? view.getUint32(0, true) : null;
    case 5:
      return bytes.byteLength === 4 ? view.getUint32(0, false) : null;
    case 11:
      return bytes.byteLength === 8 ? view.getBigUint64(0, true) : null;
    default:
      return bytes;
  }
}

/** Each string ends with NUL and the list with one more; both terminators may be missing in what programs store. */
function splitMultiString(text: string, truncated: boolean): string[] {
  let list = text;
  if (!truncated && list.endsWith('\0')) list = list.slice(0, list.endsWith('\0\0') ? -2 : -1);
  return list === '' ? [] : list.split('\0');
}

/** Keeps embedded NULs and unpaired surrogates. */
export function decodeUtf16(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf16le', start, end);
}
