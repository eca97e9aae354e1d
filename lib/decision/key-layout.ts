// Answers about keys in the structures of KEY_INFORMATION_CLASS.

import { keyInformationClassName } from '../registry/key-information-class.js';
import { fromUnixNanoseconds } from '../base/nt-time.js';
import { quote } from '../base/options.js';
import type { KeyAnswer } from './answer.js';
import { DecisionError } from './error.js';
import { KeyAnswerReader } from './key-answer.js';
import { align, nameBytes, putNumbers, type Layout } from './layout.js';
import { noOffset } from './value-layout.js';

/** In UTF-16 units. */
const maxKeyName = 255;
const maxString = 32767;

/** In the order of KEY_INFORMATION_CLASS. */
const layouts: readonly ((key: KeyAnswerReader) => Layout)[] = [
  basic,
  node,
  full,
  name,
  cached,
  (key) => words([key.u32('userFlags', 0), key.flags('keyFlags'), key.flags('controlFlags')]),
  (key) =>
    words([
      key.bits(['virtualizationCandidate', 'virtualizationEnabled', 'virtualTarget', 'virtualStore', 'virtualSource']),
    ]),
  (key) => words([key.u32('handleTags', 0)]),
  (key) => words([key.bits(['trustedKey'])]),
  (key) => words([key.bits(['isTombstone', 'isSupersedeLocal', 'isSupersedeTree', 'classIsInherited'])]),
];

/** Size of the fixed part by KEY_INFORMATION_CLASS. */
export const fixedKeySizes: readonly number[] = [16, 24, 44, 4, 40, 12, 4, 4, 4, 4];

/** `path` is what the key is called, null for one that only the answer knows. */
export function layOutKey(
  what: string,
  answer: KeyAnswer,
  informationClass: number,
  path: string | null,
  where: string,
): Layout {
  const layout = layouts[informationClass];
  const className = keyInformationClassName(informationClass);
  if (layout === undefined) {
    throw new DecisionError(where, `${what}: the layout of ${className} is not known here; answer with { bytes }`);
  }
  return layout(new KeyAnswerReader(what, answer, className, path, where));
}

function basic(key: KeyAnswerReader): Layout {
  const text = componentBytes(key);
  const bytes = Buffer.alloc(16 + text.byteLength);
  putTime(bytes, key);
  putNumbers(bytes, 8, [key.u32('titleIndex', 0), text.byteLength]);
  text.copy(bytes, 16);
  return { fixed: 16, bytes };
}

function node(key: KeyAnswerReader): Layout {
  const text = componentBytes(key);
  const classText = classBytes(key);
  const end = 24 + text.byteLength;
  const offset = classText.byteLength === 0 ? end : align(end, 4);
  const bytes = Buffer.alloc(offset + classText.byteLength);
  putTime(bytes, key);
  putNumbers(bytes, 8, [key.u32('titleIndex', 0), classText.byteLength === 0 ? noOffset : offset]);
  putNumbers(bytes, 16, [classText.byteLength, text.byteLength]);
  text.copy(bytes, 24);
  classText.copy(bytes, offset);
  return { fixed: 24, bytes };
}

function full(key: KeyAnswerReader): Layout {
  const classText = classBytes(key);
  const bytes = Buffer.alloc(44 + classText.byteLength);
  putTime(bytes, key);
  putNumbers(bytes, 8, [
    key.u32('titleIndex', 0),
    classText.byteLength === 0 ? noOffset : 44,
    classText.byteLength,
    key.u32('subKeys'),
    key.u32('maxNameLength'),
    key.u32('maxClassLength', 0),
    key.u32('values'),
    key.u32('maxValueNameLength'),
    key.u32('maxValueDataLength'),
  ]);
  classText.copy(bytes, 44);
  return { fixed: 44, bytes };
}

function name(key: KeyAnswerReader): Layout {
  const path = key.path();
  if (!path.startsWith('\\')) {
    throw key.error(`KeyNameInformation tells the whole path, \\REGISTRY\\..., and ${quote(path)} is none`);
  }
  const text = nameBytes('"name"', path, maxString, key.where);
  const bytes = Buffer.alloc(4 + text.byteLength);
  putNumbers(bytes, 0, [text.byteLength]);
  text.copy(bytes, 4);
  return { fixed: 4, bytes };
}

function cached(key: KeyAnswerReader): Layout {
  const bytes = Buffer.alloc(40);
  putTime(bytes, key);
  putNumbers(bytes, 8, [
    key.u32('titleIndex', 0),
    key.u32('subKeys'),
    key.u32('maxNameLength'),
    key.u32('values'),
    key.u32('maxValueNameLength'),
    key.u32('maxValueDataLength'),
    key.has('nameLength') ? key.u32('nameLength') : componentBytes(key).byteLength,
  ]);
  return { fixed: 40, bytes };
}

function words(numbers: readonly number[]): Layout {
  const bytes = Buffer.alloc(4 * numbers.length);
  putNumbers(bytes, 0, numbers);
  return { fixed: bytes.byteLength, bytes };
}

function componentBytes(key: KeyAnswerReader): Buffer {
  const component = key.component();
  const bytes = nameBytes('"name"', component, maxKeyName, key.where);
  if (!component.includes('\\')) return bytes;
  throw key.error(`${key.informationClass} tells the last component of the path, and ${quote(component)} is more`);
}

function classBytes(key: KeyAnswerReader): Buffer {
  return nameBytes('"className"', key.text('className') ?? '', maxString, key.where);
}

/** 0, the 1st of January 1601, where the answer has none. */
function putTime(bytes: Buffer, key: KeyAnswerReader): void {
  const time = key.time();
  if (time !== null) bytes.writeBigInt64LE(fromUnixNanoseconds(time), 0);
}
