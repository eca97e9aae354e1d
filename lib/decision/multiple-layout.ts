// Answers to NtQueryMultipleValueKey.

import type { QueriedValue } from '../event/event.js';
import { NtStatus } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import { CMB_MULTIPLE_ENTRY as E, CMB_REPLY_OUTPUT } from '../wire/protocol.js';
import type { ValueAnswer } from './answer.js';
import { requireSize } from './check.js';
import { DecisionError } from './error.js';
import { align, putNumbers, type Output } from './layout.js';
import { encodedValue } from './value-layout.js';

interface Asked {
  readonly entries: readonly QueriedValue[];
  readonly entryCount: number;
}

/** All entries tell of their value; of the data, whole values go to the buffer until one does not fit. */
export function fitMultiple(
  what: string,
  answer: readonly ValueAnswer[],
  { entries, entryCount }: Asked,
  length: number,
  where: string,
): Output {
  if (answer.length !== entryCount) {
    const names = entries.map(({ valueName }) => quote(valueName));
    if (entries.length < entryCount) names.push('...');
    throw new DecisionError(
      where,
      `${what}: ${entryCount} values were asked for (${names.join(', ')}), and the answer has ${answer.length}; it takes one for each, in that order`,
    );
  }
  const values = answer.map((value, index) => encodedValue(`${what}, value ${index}`, value, where));
  const heads = Buffer.alloc(E.size * values.length);
  let needed = 0;
  let used = 0;
  const offsets = values.map(({ type, data }, index) => {
    const offset = align(needed, 4);
    needed = offset + data.byteLength;
    if (needed > 0xffff_ffff) throw new DecisionError(where, `${what}: the values have more than 4 GiB`);
    if (needed <= length) used = needed;
    putNumbers(heads, E.size * index, [data.byteLength, offset, type]);
    return offset;
  });
  requireSize(what, heads.byteLength + used, where);
  const data = new Uint8Array(heads.byteLength + used);
  data.set(heads);
  values.forEach((value, index) => {
    const offset = offsets[index] ?? 0;
    if (offset + value.data.byteLength <= used) data.set(value.data, heads.byteLength + offset);
  });
  const status = needed > length ? NtStatus.STATUS_BUFFER_OVERFLOW : NtStatus.STATUS_SUCCESS;
  return { flags: CMB_REPLY_OUTPUT, status, resultLength: needed, data };
}
