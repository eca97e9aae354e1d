// Queries with a buffer of the caller’s choice, which tests use to see what the kernel writes.

import { invalidArgument } from '../base/errors.js';
import type { NativeHostility, NativeQueryResult, NativeThread } from '../native/native.js';
import { checkInteger, checkOptions, quote } from '../base/options.js';

export interface RawQueryOptions {
  /**
   * What another thread of the program does to the buffers while the kernel uses them: they vanish, or all their bits turn over before
   * each touch.
   */
  readonly hostile?: 'vanish' | 'change' | undefined;
  /** So many touches of the kernel pass before that begins. Default 0. */
  readonly after?: number | undefined;
}

export interface RawQueryResult {
  /** NTSTATUS, unsigned. A failure does not throw. */
  readonly status: number;
  /** What the kernel wrote, in the layout of the information class. */
  readonly data: Uint8Array;
  /** ResultLength. */
  readonly length: number;
  /** How often the kernel touched the buffers; null if the call was not hostile. */
  readonly touches: number | null;
}

/** The queries of a key with an information class and a length of one's own choice: one system service each, whatever it answers. */
export class RawQueries {
  readonly #native: NativeThread;
  readonly #handle: number;

  /** @internal */
  constructor(native: NativeThread, handle: number) {
    this.#native = native;
    this.#handle = handle;
  }

  /** NtQueryKey. */
  async queryKey(informationClass: number, length: number, options?: RawQueryOptions): Promise<RawQueryResult> {
    const [kind, size, hostility] = check('queryKey()', informationClass, length, options);
    return result(await this.#native.queryKey(this.#handle, kind, size, hostility));
  }

  /** NtQueryValueKey. */
  async queryValue(
    name: string,
    informationClass: number,
    length: number,
    options?: RawQueryOptions,
  ): Promise<RawQueryResult> {
    const [kind, size, hostility] = check('queryValue()', informationClass, length, options);
    return result(await this.#native.queryValue(this.#handle, checkName(name), kind, size, hostility));
  }

  /** NtEnumerateKey. */
  async enumerateKey(
    index: number,
    informationClass: number,
    length: number,
    options?: RawQueryOptions,
  ): Promise<RawQueryResult> {
    const [kind, size, hostility] = check('enumerateKey()', informationClass, length, options);
    return result(await this.#native.enumerateKey(this.#handle, u32('index', index), kind, size, hostility));
  }

  /** NtEnumerateValueKey. */
  async enumerateValue(
    index: number,
    informationClass: number,
    length: number,
    options?: RawQueryOptions,
  ): Promise<RawQueryResult> {
    const [kind, size, hostility] = check('enumerateValue()', informationClass, length, options);
    return result(await this.#native.enumerateValue(this.#handle, u32('index', index), kind, size, hostility));
  }

  /** NtQueryMultipleValueKey; `data` has the values one after the other. */
  async queryMultipleValues(
    names: readonly string[],
    length: number,
    options?: RawQueryOptions,
  ): Promise<RawQueryResult> {
    const [, size, hostility] = check('queryMultipleValues()', 0, length, options);
    return result(await this.#native.queryMultipleValues(this.#handle, names.map(checkName), size, hostility));
  }

  /** NtQueryObject(ObjectNameInformation). */
  async queryName(length: number, options?: RawQueryOptions): Promise<RawQueryResult> {
    const [, size, hostility] = check('queryName()', 0, length, options);
    return result(await this.#native.queryObjectName(this.#handle, size, hostility));
  }

  /** NtQuerySecurityObject; `information` is a SECURITY_INFORMATION. */
  async querySecurity(information: number, length: number, options?: RawQueryOptions): Promise<RawQueryResult> {
    const [kind, size, hostility] = check('querySecurity()', information, length, options);
    return result(await this.#native.querySecurity(this.#handle, kind, size, hostility));
  }
}

/** Longer buffers have no use, and none of these calls may use up this process. */
const maxLength = 0x1000000;

function check(
  what: string,
  informationClass: number,
  length: number,
  options: RawQueryOptions | undefined,
): [informationClass: number, length: number, hostility: NativeHostility | null] {
  const checked = checkOptions(what, options, ['hostile', 'after']);
  const kind = checked['hostile'];
  const after = checkInteger('after', checked['after'], 0, 0xffff_ffff, 0);
  if (kind !== undefined && kind !== 'vanish' && kind !== 'change') {
    throw invalidArgument(`"hostile" must be "vanish" or "change", not ${quote(kind)}`);
  }
  return [
    u32('informationClass', informationClass),
    requireInteger('length', length, maxLength),
    kind === undefined ? null : { kind, after },
  ];
}

function u32(name: string, value: number): number {
  return requireInteger(name, value, 0xffff_ffff);
}

function requireInteger(name: string, value: unknown, maximum: number): number {
  return checkInteger(name, value ?? null, 0, maximum, 0);
}

export function checkName(name: string): string {
  if (typeof name === 'string') return name;
  throw invalidArgument(`A name must be a string, not ${quote(name)}`);
}

function result({ status, data, length, touches }: NativeQueryResult): RawQueryResult {
  return { status, data, length, touches: touches ?? null };
}
