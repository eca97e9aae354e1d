// What NtQueryKey and NtEnumerateKey return, decoded by information class.

import { CapturedReader } from './captured-reader.js';
import { controlFlags, keyFlags, type Flags } from './flags.js';
import type { Captured } from '../wire/captured.js';

/** What NtQueryKey and NtEnumerateKey return, by KEY_INFORMATION_CLASS. Times are nanoseconds since 1970, lengths are bytes. */
interface KeyInformationFields {
  KeyBasicInformation: {
    // @json time
    lastWriteTime: bigint | null;
    titleIndex: number | null;
    name: string | null;
  };
  KeyNodeInformation: {
    // @json time
    lastWriteTime: bigint | null;
    titleIndex: number | null;
    name: string | null;
    className: string | null;
  };
  KeyFullInformation: {
    // @json time
    lastWriteTime: bigint | null;
    titleIndex: number | null;
    className: string | null;
    subKeys: number | null;
    maxNameLength: number | null;
    maxClassLength: number | null;
    values: number | null;
    maxValueNameLength: number | null;
    maxValueDataLength: number | null;
  };
  KeyNameInformation: { name: string | null };
  KeyCachedInformation: {
    // @json time
    lastWriteTime: bigint | null;
    titleIndex: number | null;
    subKeys: number | null;
    maxNameLength: number | null;
    values: number | null;
    maxValueNameLength: number | null;
    maxValueDataLength: number | null;
    nameLength: number | null;
  };
  /** The last two are null for a caller that knows only the older, shorter structure. */
  KeyFlagsInformation: { userFlags: number | null; keyFlags: Flags | null; controlFlags: Flags | null };
  KeyVirtualizationInformation: {
    virtualizationCandidate: boolean | null;
    virtualizationEnabled: boolean | null;
    virtualTarget: boolean | null;
    virtualStore: boolean | null;
    virtualSource: boolean | null;
  };
  KeyHandleTagsInformation: { handleTags: number | null };
  KeyTrustInformation: { trustedKey: boolean | null };
  KeyLayerInformation: LayerFields;
}

export interface LayerFields {
  isTombstone: boolean | null;
  isSupersedeLocal: boolean | null;
  isSupersedeTree: boolean | null;
  classIsInherited: boolean | null;
}

/** Narrows on `class`. What was not captured is null, and `truncated` tells that there is such. */
export type Decoded<F> = {
  readonly [C in keyof F]: { readonly class: C; readonly truncated: boolean } & Readonly<F[C]>;
}[keyof F];

export type DecodedKeyInformation = Decoded<KeyInformationFields>;

/** A decoder leaves `truncated` to its caller: it is known when everything has been read. Fields that were added later would cost more than all the others. */
export type Draft<C, F> = { class: C; truncated: boolean } & F;
export type Decoders<F> = { readonly [C in keyof F]: (reader: CapturedReader) => Draft<C, F[C]> };

/** In the order of KEY_INFORMATION_CLASS. */
const decoders: Decoders<KeyInformationFields> = {
  KeyBasicInformation: (r) => ({
    class: 'KeyBasicInformation',
    truncated: false,
    lastWriteTime: r.time(0),
    titleIndex: r.u32(8),
    name: r.text(16, r.u32(12)),
  }),
  KeyNodeInformation: (r) => ({
    class: 'KeyNodeInformation',
    truncated: false,
    lastWriteTime: r.time(0),
    titleIndex: r.u32(8),
    name: r.text(24, r.u32(20)),
    className: classText(r, 24),
  }),
  KeyFullInformation: (r) => ({
    class: 'KeyFullInformation',
    truncated: false,
    lastWriteTime: r.time(0),
    titleIndex: r.u32(8),
    className: classText(r, 44),
    subKeys: r.u32(20),
    maxNameLength: r.u32(24),
    maxClassLength: r.u32(28),
    values: r.u32(32),
    maxValueNameLength: r.u32(36),
    maxValueDataLength: r.u32(40),
  }),
  KeyNameInformation: (r) => ({ class: 'KeyNameInformation', truncated: false, name: r.text(4, r.u32(0)) }),
  KeyCachedInformation: (r) => ({
    class: 'KeyCachedInformation',
    truncated: false,
    lastWriteTime: r.time(0),
    titleIndex: r.u32(8),
    subKeys: r.u32(12),
    maxNameLength: r.u32(16),
    values: r.u32(20),
    maxValueNameLength: r.u32(24),
    maxValueDataLength: r.u32(28),
    nameLength: r.u32(32),
  }),
  KeyFlagsInformation: (r) => {
    const isLong = r.length > 4 || r.truncated;
    return {
      class: 'KeyFlagsInformation',
      truncated: false,
      userFlags: r.u32(0),
      keyFlags: isLong ? flagsAt(r, 4, keyFlags) : null,
      controlFlags: isLong ? flagsAt(r, 8, controlFlags) : null,
    };
  },
  KeyVirtualizationInformation: (r) => ({
    class: 'KeyVirtualizationInformation',
    truncated: false,
    virtualizationCandidate: r.bit(0, 0),
    virtualizationEnabled: r.bit(0, 1),
    virtualTarget: r.bit(0, 2),
    virtualStore: r.bit(0, 3),
    virtualSource: r.bit(0, 4),
  }),
  KeyHandleTagsInformation: (r) => ({ class: 'KeyHandleTagsInformation', truncated: false, handleTags: r.u32(0) }),
  KeyTrustInformation: (r) => ({ class: 'KeyTrustInformation', truncated: false, trustedKey: r.bit(0, 0) }),
  KeyLayerInformation: (r) => decodeLayer(r, 'KeyLayerInformation'),
};

/** Offset and length of the class name stand at 12 and 16 in both structures that have one. */
function classText(reader: CapturedReader, header: number): string | null {
  const offset = reader.u32(12);
  const size = reader.u32(16);
  if (size === null || offset === null || size === 0 || offset >= header) return reader.text(offset, size);
  reader.truncated = true;
  return null;
}

export function flagsAt(reader: CapturedReader, offset: number, flags: (value: number) => Flags): Flags | null {
  const value = reader.u32(offset);
  return value === null ? null : flags(value);
}

export function decodeLayer<C>(reader: CapturedReader, name: C): Draft<C, LayerFields> {
  return {
    class: name,
    truncated: false,
    isTombstone: reader.bit(0, 0),
    isSupersedeLocal: reader.bit(0, 1),
    isSupersedeTree: reader.bit(0, 2),
    classIsInherited: reader.bit(0, 3),
  };
}

/** `name` and `decode` for an enumeration whose values are the places in `decoders`. */
export function informationClass<F>(decoders: Decoders<F>, unknown: string) {
  const names = Object.keys(decoders) as (keyof F & string)[];
  return {
    name: (number: number): string =>
      names[number] ?? `${unknown}_0x${(number >>> 0).toString(16).toUpperCase().padStart(8, '0')}`,
    decode: (number: number, captured: Captured): Decoded<F> | null => {
      const name = names[number];
      if (name === undefined || captured.fault || captured.length === 0) return null;
      const reader = new CapturedReader(captured);
      const decoded = decoders[name](reader);
      decoded.truncated = reader.truncated;
      return decoded;
    },
  };
}

const keyClasses = informationClass(decoders, 'KeyInformation');

/** `KeyBasicInformation` and so on, `KeyInformation_0x...` for a number that has no name. */
export const keyInformationClassName = keyClasses.name;

/** Null for a class that is not known, and when nothing was captured. Never throws. */
export const decodeKeyInformationClass: (number: number, captured: Captured) => DecodedKeyInformation | null =
  keyClasses.decode;
