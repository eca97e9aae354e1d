// What NtQueryValueKey and NtEnumerateValueKey return, decoded by information class.

import { CapturedReader } from './captured-reader.js';
import { informationClass, type Decoded, type Decoders, type Draft } from './key-information-class.js';
import type { Captured } from '../wire/captured.js';
import { registryTypeName, type RegistryType, type RegistryValue } from './registry-value.js';

interface FullFields {
  titleIndex: number | null;
  name: string | null;
  value: RegistryValue | null;
}

/** What NtQueryValueKey and NtEnumerateValueKey return, by KEY_VALUE_INFORMATION_CLASS. */
interface ValueInformationFields {
  KeyValueBasicInformation: {
    titleIndex: number | null;
    name: string | null;
    // @json registryType
    type: RegistryType | null;
    typeNumber: number | null;
  };
  KeyValueFullInformation: FullFields;
  KeyValuePartialInformation: { titleIndex: number | null; value: RegistryValue | null };
  KeyValueFullInformationAlign64: FullFields;
  KeyValuePartialInformationAlign64: { value: RegistryValue | null };
  KeyValueLayerInformation: { isTombstone: boolean | null };
}

/** Narrows on `class`. What was not captured is null, and `truncated` tells that there is such. */
export type DecodedValueInformation = Decoded<ValueInformationFields>;

/** In the order of KEY_VALUE_INFORMATION_CLASS. */
const decoders: Decoders<ValueInformationFields> = {
  KeyValueBasicInformation: (r) => {
    const typeNumber = r.u32(4);
    return {
      class: 'KeyValueBasicInformation',
      truncated: false,
      titleIndex: r.u32(0),
      name: r.text(12, r.u32(8)),
      type: typeNumber === null ? null : registryTypeName(typeNumber),
      typeNumber,
    };
  },
  KeyValueFullInformation: (r) => decodeFull(r, 'KeyValueFullInformation'),
  KeyValuePartialInformation: (r) => ({
    class: 'KeyValuePartialInformation',
    truncated: false,
    titleIndex: r.u32(0),
    value: valueAt(r, r.u32(4), 12, r.u32(8)),
  }),
  KeyValueFullInformationAlign64: (r) => decodeFull(r, 'KeyValueFullInformationAlign64'),
  KeyValuePartialInformationAlign64: (r) => ({
    class: 'KeyValuePartialInformationAlign64',
    truncated: false,
    value: valueAt(r, r.u32(0), 8, r.u32(4)),
  }),
  KeyValueLayerInformation: (r) => ({ class: 'KeyValueLayerInformation', truncated: false, isTombstone: r.bit(0, 0) }),
};

function decodeFull<C>(reader: CapturedReader, name: C): Draft<C, FullFields> {
  const offset = reader.u32(8);
  const size = reader.u32(12);
  // Data inside the fixed part: the structure lies, so nothing of them can be told.
  const isLie = offset !== null && offset < 20 && size !== 0;
  return {
    class: name,
    truncated: false,
    titleIndex: reader.u32(0),
    name: reader.text(20, reader.u32(16)),
    value: valueAt(reader, reader.u32(4), isLie ? reader.length : offset, size),
  };
}

function valueAt(r: CapturedReader, type: number | null, offset: number | null, size: number | null) {
  return type === null || offset === null || size === null ? null : r.value(type, offset, size);
}

const valueClasses = informationClass(decoders, 'KeyValueInformation');

/** `KeyValueBasicInformation` and so on, `KeyValueInformation_0x...` for a number that has no name. */
export const keyValueInformationClassName = valueClasses.name;

/** Null for a class that is not known, and when nothing was captured. Never throws. */
export const decodeValueInformationClass: (number: number, captured: Captured) => DecodedValueInformation | null =
  valueClasses.decode;

/** One value out of the buffer of NtQueryMultipleValueKey; of one that was cut, what there is. */
export function multipleValue(type: number, offset: number, size: number, buffer: Captured): RegistryValue {
  return new CapturedReader(buffer).value(type, offset, size);
}
