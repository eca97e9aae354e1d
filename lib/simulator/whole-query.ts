// Queries that grow their buffer until the answer fits.

import type { NativeQueryResult } from '../native/native.js';
import { NtStatus } from '../base/nt-status.js';

const firstLength = 1024;

/** As programs do, asks again when the answer does not fit into the first buffer. */
export async function wholeQuery(query: (length: number) => Promise<NativeQueryResult>): Promise<NativeQueryResult> {
  let length = firstLength;
  for (;;) {
    const result = await query(length);
    const isTooSmall =
      result.status === NtStatus.STATUS_BUFFER_OVERFLOW || result.status === NtStatus.STATUS_BUFFER_TOO_SMALL;
    if (!isTooSmall || result.length <= length) return result;
    length = result.length;
  }
}

/** Index after index until there are no more; `check` throws for a failure. */
export async function wholeEnumeration<T>(
  enumerate: (index: number, length: number) => Promise<NativeQueryResult>,
  decode: (bytes: Uint8Array) => T,
  check: (status: number) => void,
): Promise<T[]> {
  const found: T[] = [];
  for (let index = 0; ; index++) {
    const { status, data } = await wholeQuery((length) => enumerate(index, length));
    if (status === NtStatus.STATUS_NO_MORE_ENTRIES) return found;
    check(status);
    found.push(decode(data));
  }
}
