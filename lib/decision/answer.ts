// What a callback can answer a query with, by operation.

import type { Flags } from '../registry/flags.js';
import type { NtStatusName } from '../base/nt-status.js';
import type { RegistryType } from '../registry/registry-value.js';
import type { ValueData } from '../registry/value-input.js';

/** How an operation ends: `STATUS_...` by name, or the number. */
export type StatusInput = NtStatusName | number;

/**
 * The structure of the information class as the caller is to get it, whole: it is cut for a buffer that is too small. For information
 * classes that have no layout here, and for structures that are damaged on purpose.
 */
export interface BytesAnswer {
  readonly bytes: Uint8Array;
}

/**
 * A value. Data that are no bytes are stored as `SimulatedKey.setValue` does: a REG_SZ gets its NUL, a number its 4 or 8 bytes. Also a
 * value out of an event, if it is whole.
 */
export interface ValueAnswer {
  /** Without it: a string is REG_SZ, a number REG_DWORD, a bigint REG_QWORD, an array REG_MULTI_SZ, bytes are REG_BINARY. */
  readonly type?: RegistryType | number | undefined;
  readonly data: ValueData;
  /** As the key has it stored. Default: as the caller has asked for it. */
  readonly name?: string | null | undefined;
  readonly titleIndex?: number | null | undefined;
}

/** A value of an enumeration: its name can be told by nobody else. */
export interface NamedValueAnswer extends ValueAnswer {
  readonly name: string;
}

/**
 * A key: the fields of all information classes, by the names that decoded information has them under, so that one answer serves
 * whatever class a caller asks for. Null is as good as not given. Lengths are bytes.
 */
export interface KeyAnswer {
  /**
   * The last component of the path; for KeyNameInformation the whole path, `\REGISTRY\...`. Default of a queried key: what it is
   * called.
   */
  readonly name?: string | null | undefined;
  /** Nanoseconds since 1970; default: the 1st of January 1601, which is no time. */
  readonly lastWriteTime?: bigint | null | undefined;
  readonly titleIndex?: number | null | undefined;
  readonly className?: string | null | undefined;
  /** Required by KeyFullInformation and KeyCachedInformation, as are `values` and the greatest lengths: callers allocate by them. */
  readonly subKeys?: number | null | undefined;
  readonly maxNameLength?: number | null | undefined;
  readonly maxClassLength?: number | null | undefined;
  readonly values?: number | null | undefined;
  readonly maxValueNameLength?: number | null | undefined;
  readonly maxValueDataLength?: number | null | undefined;
  /** KeyCachedInformation; default: that of `name`. */
  readonly nameLength?: number | null | undefined;
  readonly userFlags?: number | null | undefined;
  readonly keyFlags?: Flags | number | null | undefined;
  readonly controlFlags?: Flags | number | null | undefined;
  readonly virtualizationCandidate?: boolean | null | undefined;
  readonly virtualizationEnabled?: boolean | null | undefined;
  readonly virtualTarget?: boolean | null | undefined;
  readonly virtualStore?: boolean | null | undefined;
  readonly virtualSource?: boolean | null | undefined;
  readonly handleTags?: number | null | undefined;
  readonly trustedKey?: boolean | null | undefined;
  readonly isTombstone?: boolean | null | undefined;
  readonly isSupersedeLocal?: boolean | null | undefined;
  readonly isSupersedeTree?: boolean | null | undefined;
  readonly classIsInherited?: boolean | null | undefined;
}

/** A subkey of an enumeration. */
export interface NamedKeyAnswer extends KeyAnswer {
  readonly name: string;
}

/** What the caller of a query gets, by operation. */
export interface QueryOutputs {
  QueryValueKey: ValueAnswer | BytesAnswer;
  EnumerateValueKey: NamedValueAnswer | BytesAnswer;
  QueryKey: KeyAnswer | BytesAnswer;
  EnumerateKey: NamedKeyAnswer | BytesAnswer;
  /** One value for each that was asked for, in the same order. */
  QueryMultipleValueKey: readonly ValueAnswer[];
  /** SDDL, or a self-relative descriptor; the caller gets the parts of it that it has asked for. */
  QueryKeySecurity: string | Uint8Array;
}

export type QueryOperation = keyof QueryOutputs;

/** Answers without output, by operation: STATUS_OBJECT_NAME_NOT_FOUND and STATUS_NO_MORE_ENTRIES have a name of their own. */
export interface QueryEnds {
  QueryValueKey: 'notFound' | StatusInput;
  EnumerateValueKey: 'noMoreEntries' | StatusInput;
  QueryKey: StatusInput;
  EnumerateKey: 'noMoreEntries' | StatusInput;
  QueryMultipleValueKey: 'notFound' | StatusInput;
  QueryKeySecurity: StatusInput;
}

export type QueryOutput = QueryOutputs[QueryOperation];
/** Any answer: the names of statuses are strings, as SDDL is. */
export type QueryAnswer = QueryOutput | number;
