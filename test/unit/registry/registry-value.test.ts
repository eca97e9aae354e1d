import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Captured } from '../../../lib/wire/captured.js';
import { decodeValue, type RegistryValue } from '../../../lib/registry/registry-value.js';
import { encodeValue } from '../../../lib/registry/value-input.js';
import { Random } from '../support/random.js';

interface Cut {
  readonly size?: number;
  readonly fault?: boolean;
}

function decode(type: number, bytes: Uint8Array, { size = bytes.byteLength, fault = false }: Cut = {}): RegistryValue {
  return decodeValue(type, Captured.of(bytes, { size, truncated: size > bytes.byteLength && !fault, fault }));
}

const utf16 = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'));

function assertText(type: number, stored: string, data: unknown, flaws: readonly string[]): void {
  const value = decode(type, utf16(stored));
  assert.deepEqual([value.data, value.flaws, value.malformed], [data, flaws, false], JSON.stringify(stored));
}

describe('values', () => {
  it('a text value is decoded with a word on missing terminators and embedded NULs', () => {
    for (const type of [1, 2]) {
      assertText(type, 'a\0', 'a', []);
      assertText(type, 'a', 'a', ['unterminated']);
      assertText(type, '', '', ['unterminated']);
      assertText(type, '\0', '', []);
      assertText(type, 'a\0b\0', 'a\0b', ['embedded-nul']);
      assertText(type, 'a\0\0', 'a\0', ['embedded-nul']);
      assertText(type, 'a\0b', 'a\0b', ['unterminated', 'embedded-nul']);
      assertText(type, '\ud800x\0', '\ud800x', []);
    }
    assertText(6, '\\REGISTRY\\A', '\\REGISTRY\\A', []);
    assertText(6, 'a\0', 'a\0', ['embedded-nul']);
  });

  it('a REG_MULTI_SZ value is decoded with a word on missing terminators and embedded NULs', () => {
    assertText(7, 'a\0b\0\0', ['a', 'b'], []);
    assertText(7, '\0', [], []);
    assertText(7, '\0\0', [], []);
    assertText(7, '', [], ['unterminated']);
    assertText(7, 'a\0', ['a'], ['unterminated']);
    assertText(7, 'a\0b', ['a', 'b'], ['unterminated']);
    assertText(7, 'a\0\0b\0\0', ['a', '', 'b'], ['embedded-nul']);
    assertText(7, '\0a\0\0', ['', 'a'], ['embedded-nul']);
  });

  it('a value that does not have the form of its type stays bytes', () => {
    const odd = Uint8Array.of(65, 0, 66);
    for (const type of [1, 2, 6, 7]) {
      const value = decode(type, odd);
      assert.deepEqual([value.malformed, value.flaws, value.data, value.size], [true, ['odd-length'], odd, 3]);
    }
    for (const [type, size] of [
      [4, 3],
      [4, 8],
      [4, 0],
      [5, 3],
      [11, 7],
      [11, 4],
    ] as const) {
      const value = decode(type, new Uint8Array(size));
      assert.deepEqual([value.malformed, value.flaws, value.size], [true, ['wrong-length'], size]);
    }
    assert.equal(decode(5, Uint8Array.of(1, 2, 3, 4)).data, 0x01020304);
    assert.equal(decode(11, new Uint8Array(8).fill(255)).data, 0xffff_ffff_ffff_ffffn);
  });

  it('a value of a type without a form is bytes, such as a resource list', () => {
    for (const type of [0, 3, 8, 9, 10, 12, 0xffff_ffff]) {
      const value = decode(type, Uint8Array.of(1, 2, 3));
      assert.deepEqual([value.malformed, value.flaws, value.data], [false, [], Uint8Array.of(1, 2, 3)]);
    }
  });

  it('a value that was cut tells its whole size, and has no flaw for being cut', () => {
    const text = decode(1, utf16('abc'), { size: 100 });
    assert.deepEqual([text.data, text.size, text.truncated, text.flaws, text.malformed], ['abc', 100, true, [], false]);
    const half = decode(1, utf16('abc').subarray(0, 5), { size: 100 });
    assert.deepEqual([half.data, half.flaws, half.malformed], ['ab', [], false]);
    const odd = decode(1, utf16('abc'), { size: 101 });
    assert.deepEqual([odd.flaws, odd.malformed], [['odd-length'], true]);
    const number = decode(4, Uint8Array.of(1, 2), { size: 4 });
    assert.deepEqual([number.flaws, number.malformed, number.size], [[], true, 4]);
    // The first half of what is stored as a REG_DWORD of 8 bytes is not its value.
    const long = decode(4, Uint8Array.of(1, 0, 0, 0), { size: 8 });
    assert.deepEqual([long.flaws, long.malformed], [['wrong-length'], true]);
  });

  it('a value that could not be captured is not taken for empty', () => {
    for (const type of [1, 4, 7, 11]) {
      const value = decode(type, new Uint8Array(), { size: type === 4 ? 4 : 8, fault: true });
      assert.deepEqual([value.malformed, value.fault, value.flaws], [true, true, []], String(type));
    }
  });

  it('a value has the same fields whatever it holds, and encodes to the bytes that were stored', () => {
    const random = new Random(3);
    const keys = Object.keys(decode(1, utf16('a\0')));
    for (let round = 0; round < 2000; round++) {
      const bytes = random.bytes(random.below(12));
      const type = random.below(13);
      const value = decode(type, bytes, { size: bytes.byteLength + random.below(2) * 4, fault: random.below(8) === 0 });
      assert.deepEqual(Object.keys(value), keys);
      assert.deepEqual(value.bytes, bytes);
      const isWhole = !value.malformed && !value.truncated && !value.fault;
      if (!isWhole || value.flaws.length > 0 || type > 11 || type === 0 || (type > 7 && type < 11)) continue;
      // An empty list may be stored with one NUL or with two.
      const isEmptyList = type === 7 && (value.data as string[]).length === 0;
      const { data } = encodeValue({ type: value.type, data: value.data });
      if (!isEmptyList) assert.deepEqual(new Uint8Array(data), bytes, value.type);
    }
  });
});
