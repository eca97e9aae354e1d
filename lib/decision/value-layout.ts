// Answers about values in the structures of KEY_VALUE_INFORMATION_CLASS.

import type { EncodedValue } from '../registry/value-input.js';
import { keyValueInformationClassName } from '../registry/value-information-class.js';
import type { ValueAnswer } from './answer.js';
import { encoded, requireWhole } from './check.js';
import { DecisionError } from './error.js';
import { align, nameBytes, putNumbers, u32, type Layout } from './layout.js';

/** In UTF-16 units. */
const maxValueName = 16383;
/** Offset of data or a class name that there is none of. */
export const noOffset = 0xffff_ffff;

interface Value extends EncodedValue {
  readonly titleIndex: number;
  /** Only some structures have it, and only for them it need be known. */
  readonly name: () => Buffer;
}

/** In the order of KEY_VALUE_INFORMATION_CLASS. */
const layouts: readonly ((value: Value) => Layout)[] = [
  basic,
  (value) => full(value, 4),
  partial,
  (value) => full(value, 8),
  partialAlign64,
  // A value that can be seen is no tombstone.
  () => ({ fixed: 4, bytes: Buffer.alloc(4) }),
];

/** Size of the fixed part by KEY_VALUE_INFORMATION_CLASS. */
export const fixedValueSizes: readonly number[] = [12, 20, 12, 20, 8, 4];

/** `asked` is the name that the caller has asked for, null when it is not known. */
export function layOutValue(
  what: string,
  answer: ValueAnswer,
  informationClass: number,
  asked: string | null,
  where: string,
): Layout {
  const layout = layouts[informationClass];
  if (layout === undefined) {
    const name = keyValueInformationClassName(informationClass);
    throw new DecisionError(where, `${what}: the layout of ${name} is not known here; answer with { bytes }`);
  }
  return layout({
    ...encodedValue(what, answer, where),
    titleIndex: u32(`${what}: "titleIndex"`, answer.titleIndex ?? 0, where),
    name: () => {
      const name = answer.name ?? asked;
      if (name !== null) return nameBytes(`${what}: "name"`, name, maxValueName, where);
      throw new DecisionError(
        where,
        `${what}: ${keyValueInformationClassName(informationClass)} tells the name; give it as "name"`,
      );
    },
  });
}

/** `type` may be left out, as in `setValue`. */
export function encodedValue(what: string, answer: ValueAnswer, where: string): EncodedValue {
  requireWhole(what, answer, where);
  const { type, data } = answer;
  return encoded(what, type === undefined ? data : { type, data }, where);
}

function basic({ titleIndex, type, name: nameOf }: Value): Layout {
  const name = nameOf();
  const bytes = Buffer.alloc(12 + name.byteLength);
  putNumbers(bytes, 0, [titleIndex, type, name.byteLength]);
  name.copy(bytes, 12);
  return { fixed: 12, bytes };
}

function full({ titleIndex, type, data, name: nameOf }: Value, alignment: number): Layout {
  const name = nameOf();
  const end = 20 + name.byteLength;
  const offset = data.byteLength === 0 ? end : align(end, alignment);
  const bytes = Buffer.alloc(offset + data.byteLength);
  putNumbers(bytes, 0, [titleIndex, type, data.byteLength === 0 ? noOffset : offset, data.byteLength, name.byteLength]);
  name.copy(bytes, 20);
  bytes.set(data, offset);
  return { fixed: 20, bytes };
}

function partial({ titleIndex, type, data }: Value): Layout {
  const bytes = Buffer.alloc(12 + data.byteLength);
  putNumbers(bytes, 0, [titleIndex, type, data.byteLength]);
  bytes.set(data, 12);
  return { fixed: 12, bytes };
}

function partialAlign64({ type, data }: Value): Layout {
  const bytes = Buffer.alloc(8 + data.byteLength);
  putNumbers(bytes, 0, [type, data.byteLength]);
  bytes.set(data, 8);
  return { fixed: 8, bytes };
}
