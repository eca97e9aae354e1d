// The fields of events about queries, enumerations and set information, whose answers go by an information class.

import type { DecodedKeyInformation } from '../registry/key-information-class.js';
import type { RegistryValue } from '../registry/registry-value.js';
import type { DecodedSetInformation } from '../registry/set-information-class.js';
import type { DecodedValueInformation } from '../registry/value-information-class.js';

/** Query and enumerate: what the four of them have in common. */
interface QueryFields {
  /** Name of the information class, `KeyBasicInformation` and so on. */
  readonly informationClass: string;
  /** The number in KEY_INFORMATION_CLASS or KEY_VALUE_INFORMATION_CLASS. */
  readonly informationClassNumber: number;
  /** Size of the caller's buffer in bytes. */
  readonly length: number;
  /** Post: bytes that the whole answer takes; more than `length` when the status is STATUS_BUFFER_OVERFLOW or STATUS_BUFFER_TOO_SMALL. */
  readonly resultLength: number | null;
  /** Post: what the caller got, as captured: at most `maxDataBytes`. Null when there was no answer. */
  readonly bytes: Uint8Array | null;
}

/** Enumerate: what both have in common, told before the fields of the query. */
interface EnumerateFields {
  /** Which subkey or value, from 0. */
  readonly index: number;
}

/** What is asked about a value that has a name. */
interface NamedFields {
  /** Empty for the default value, null when it could not be captured. */
  readonly valueName: string | null;
}

/** Query key: REG_QUERY_KEY_INFORMATION. */
export interface QueryKeyFields extends QueryFields {
  /** `bytes` decoded; null when there are none, or the class is not known. */
  readonly information: DecodedKeyInformation | null;
}

/** Enumerate key: REG_ENUMERATE_KEY_INFORMATION. */
export interface EnumerateKeyFields extends EnumerateFields, QueryKeyFields {}

/** Enumerate value: REG_ENUMERATE_VALUE_KEY_INFORMATION. */
export interface EnumerateValueFields extends EnumerateFields, QueryFields {
  /** `bytes` decoded; null when there are none, or the class is not known. */
  readonly information: DecodedValueInformation | null;
}

/** Query value: REG_QUERY_VALUE_KEY_INFORMATION. */
export interface QueryValueFields extends NamedFields, QueryFields {
  /** `bytes` decoded; null when there are none, or the class is not known. */
  readonly information: DecodedValueInformation | null;
}

/** One of the values that RegQueryMultipleValues asks for: KEY_VALUE_ENTRY. */
export interface QueriedValue extends NamedFields {
  /** Post with STATUS_SUCCESS. */
  readonly value: RegistryValue | null;
}

/** Query multiple values: REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION. */
export interface QueryMultipleFields {
  /** At most 256 of them; `entryCount` tells how many there are. */
  readonly entries: readonly QueriedValue[];
  readonly entryCount: number;
  /** In bytes. Pre: the caller's buffer; post: what was used of it. */
  readonly bufferLength: number;
  /** Size of the caller's buffer in bytes, in both phases; 0 when the pre phase was not seen. */
  readonly bufferSize: number;
  /** Post: bytes that all the values take, if the caller wanted to know. */
  readonly requiredLength: number | null;
}

/** Set information: REG_SET_INFORMATION_KEY_INFORMATION. */
export interface SetInformationFields {
  /** `KeyWriteTimeInformation` and so on; `KeySetInformation_0x...` for a number without a name. */
  readonly informationClass: string;
  /** The number in KEY_SET_INFORMATION_CLASS. */
  readonly informationClassNumber: number;
  /** `bytes` decoded; null when there are none, or the class is not known. */
  readonly information: DecodedSetInformation | null;
  /** What was captured. */
  readonly bytes: Uint8Array;
}
