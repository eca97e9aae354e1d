// The memory of a batch, and how bytes are copied out of it.

import { markAsUntransferable } from 'node:worker_threads';

const empty = new Uint8Array(0);

/** V8 keeps arrays of up to 64 bytes in its own heap. Memory of its own costs a larger one most of the time that its event takes. */
const heapBytes = 64;
const pooledBytes = 2048;
const poolBytes = 16_384;

const rememberedBytes = 48;
const remembered = new Array<string>(512).fill('');

let pool = newPool();
let used = 0;

function newPool(): Uint8Array {
  const bytes = new Uint8Array(poolBytes);
  // As Node.js does with its own: who transfers one array away must not take the others along.
  markAsUntransferable(bytes.buffer);
  return bytes;
}

/** The same bytes in the forms that are fastest to read: one set of views for a whole batch. */
export class ByteSource {
  readonly view: DataView;
  readonly #octets: Uint8Array;
  readonly #buffer: Buffer;

  constructor(bytes: ArrayBufferLike, offset: number, length: number) {
    this.view = new DataView(bytes, offset, length);
    this.#octets = new Uint8Array(bytes, offset, length);
    this.#buffer = Buffer.from(bytes, offset, length);
  }

  /** Keeps embedded NULs and unpaired surrogates. */
  text(start: number, end: number): string {
    return end - start <= rememberedBytes
      ? this.#rememberedText(start, end)
      : this.#buffer.toString('utf16le', start, end);
  }

  /** Names of values are short and come again and again: to compare one is cheaper than to make one. */
  #rememberedText(start: number, end: number): string {
    let hash = 0;
    for (let at = start; at < end; at += 2) hash = Math.imul(hash ^ this.view.getUint16(at, true), 0x9e37_79b1);
    const slot = (hash >>> 16) % remembered.length;
    const text = remembered[slot] ?? '';
    if (text.length * 2 === end - start && this.#isText(text, start)) return text;
    const made = this.#buffer.toString('utf16le', start, end);
    remembered[slot] = made;
    return made;
  }

  #isText(text: string, start: number): boolean {
    for (let index = 0; index < text.length; index++) {
      if (text.charCodeAt(index) !== this.view.getUint16(start + 2 * index, true)) return false;
    }
    return true;
  }

  hex(start: number, end: number): string {
    return this.#buffer.toString('hex', start, end);
  }

  /** Only for as long as the batch is there. */
  subarray(start: number, end: number): Uint8Array {
    return this.#octets.subarray(start, end);
  }

  /** For an event that a program may keep, which must not keep the whole batch. Copies of middle size share pieces of memory, like those of Buffer.from(). */
  copy(start: number, end: number): Uint8Array {
    const size = end - start;
    if (size === 0) return empty;
    if (size <= heapBytes || size > pooledBytes) return this.#octets.slice(start, end);
    if (used + size > poolBytes) {
      pool = newPool();
      used = 0;
    }
    this.#buffer.copy(pool, used, start, end);
    const copy = new Uint8Array(pool.buffer, used, size);
    used = (used + size + 7) & ~7;
    return copy;
  }
}
