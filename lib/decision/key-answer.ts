// The reader of an answer about a key.

import { didYouMean, quote } from '../base/options.js';
import { fromUnixNanoseconds } from '../base/nt-time.js';
import type { KeyAnswer } from './answer.js';
import { DecisionError } from './error.js';
import { u32 } from './layout.js';

type Field = keyof KeyAnswer;
type FieldsOf<T> = { [F in Field]-?: T extends NonNullable<KeyAnswer[F]> ? F : never }[Field];

const fields: Readonly<Record<Field, true>> = {
  name: true,
  lastWriteTime: true,
  titleIndex: true,
  className: true,
  subKeys: true,
  maxNameLength: true,
  maxClassLength: true,
  values: true,
  maxValueNameLength: true,
  maxValueDataLength: true,
  nameLength: true,
  userFlags: true,
  keyFlags: true,
  controlFlags: true,
  virtualizationCandidate: true,
  virtualizationEnabled: true,
  virtualTarget: true,
  virtualStore: true,
  virtualSource: true,
  handleTags: true,
  trustedKey: true,
  isTombstone: true,
  isSupersedeLocal: true,
  isSupersedeTree: true,
  classIsInherited: true,
};
/** What decoded information has besides. */
const decoded = ['class', 'truncated'];

/** The fields of an answer about a key, each checked when an information class needs it. */
export class KeyAnswerReader {
  readonly informationClass: string;
  readonly where: string;
  readonly #what: string;
  readonly #answer: KeyAnswer;
  readonly #path: string | null;

  constructor(what: string, answer: KeyAnswer, informationClass: string, path: string | null, where: string) {
    this.informationClass = informationClass;
    this.where = where;
    this.#what = what;
    this.#answer = answer;
    this.#path = path;
    for (const field of Object.keys(answer)) {
      if (Object.hasOwn(fields, field) || decoded.includes(field)) continue;
      throw this.error(`an answer about a key has no field "${field}"${didYouMean(field, Object.keys(fields))}`);
    }
    if ('truncated' in answer && answer.truncated === true) {
      throw this.error('the information is only the part of it that was captured; raise maxDataBytes');
    }
  }

  error(message: string): DecisionError {
    return new DecisionError(this.where, `${this.#what}: ${message}`);
  }

  has(field: Field): boolean {
    return (this.#answer[field] ?? null) !== null;
  }

  /** Without `fallback`, a field that has to be given. */
  u32(field: FieldsOf<number>, fallback?: number): number {
    const value = this.#answer[field] ?? fallback;
    if (value === undefined) throw this.#missing(field);
    return u32(`${this.#what}: "${field}"`, value, this.where);
  }

  flags(field: 'keyFlags' | 'controlFlags'): number {
    const value = this.#answer[field] ?? 0;
    return u32(`${this.#what}: "${field}"`, typeof value === 'object' ? value.value : value, this.where);
  }

  /** Bit 0 for the first field, and so on. */
  bits(names: readonly FieldsOf<boolean>[]): number {
    return names.reduce((bits, field, index) => {
      const value: unknown = this.#answer[field] ?? false;
      if (typeof value !== 'boolean') throw this.error(`"${field}" must be true or false, not ${quote(value)}`);
      return bits | (Number(value) << index);
    }, 0);
  }

  text(field: 'name' | 'className'): string | null {
    const value: unknown = this.#answer[field] ?? null;
    if (value === null || typeof value === 'string') return value;
    throw this.error(`"${field}" must be a string, not ${quote(value)}`);
  }

  time(): bigint | null {
    const time: unknown = this.#answer.lastWriteTime ?? null;
    if (time === null) return null;
    if (typeof time === 'bigint' && BigInt.asUintN(63, fromUnixNanoseconds(time)) === fromUnixNanoseconds(time))
      return time;
    throw this.error(`"lastWriteTime" must be a bigint, nanoseconds since 1970, not before 1601, not ${quote(time)}`);
  }

  path(): string {
    const path = this.text('name') ?? this.#path;
    if (path === null) throw this.#missing('name');
    return path;
  }

  component(): string {
    const name = this.text('name') ?? this.#path?.slice(this.#path.lastIndexOf('\\') + 1);
    if (name === undefined) throw this.#missing('name');
    return name;
  }

  #missing(field: Field): DecisionError {
    return this.error(`${this.informationClass} tells "${field}", which the answer lacks`);
  }
}
