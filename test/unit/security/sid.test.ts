import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSid, sidText } from '../../../lib/security/sid.js';
import { Random } from '../support/random.js';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('SIDs', () => {
  it('a SID is read and written in every form that Windows has', () => {
    const known: [text: string, hex: string][] = [
      ['S-1-5-18', '01 01 000000000005 12000000'],
      ['S-1-5-32-544', '01 02 000000000005 20000000 20020000'],
      ['S-1-1-0', '01 01 000000000001 00000000'],
      ['S-1-5', '01 00 000000000005'],
      ['S-1-4294967295-4294967295', '01 01 0000ffffffff ffffffff'],
      ['S-1-0x010000000000-1', '01 01 010000000000 01000000'],
    ];
    for (const [text, hex] of known) {
      assert.equal(sidText(bytes(hex)), text);
      assert.deepEqual(parseSid(text), bytes(hex));
    }
    assert.deepEqual(parseSid('s-1-0x5-18'), parseSid('S-1-5-18'));
  });

  it('a random SID is the same bytes after it was written and parsed', () => {
    const random = new Random(2);
    for (let round = 0; round < 500; round++) {
      const sid = random.bytes(8 + 4 * random.below(16));
      sid[0] = 1;
      sid[1] = (sid.length - 8) / 4;
      if (random.below(2) === 0) sid.fill(0, 2, 4);
      const text = sidText(sid);
      assert.ok(text !== null);
      assert.deepEqual(parseSid(text), sid);
    }
  });

  it('a SID is read no further than it goes', () => {
    const sid = parseSid('S-1-5-21-1-2-3-1000');
    for (let length = 0; length < sid.length; length++) assert.equal(sidText(sid.subarray(0, length)), null);
    assert.equal(sidText(new Uint8Array([9, 9, ...sid, 9]), 2), 'S-1-5-21-1-2-3-1000');
    assert.equal(sidText(sid, 1000), null);
    assert.equal(sidText(bytes('02 01 000000000005 12000000')), null);
    assert.equal(sidText(new Uint8Array([1, 16, ...Array<number>(80).fill(0)])), null);
  });

  it('a text that is no SID is refused', () => {
    const tooMany = `S-1-5${'-1'.repeat(16)}`;
    const bad = [
      '',
      'S',
      'S-1',
      'S-1-',
      'S-2-5-18',
      'S-1-5-',
      'S-1-5-4294967296',
      'S-1-0x1000000000000',
      'BA',
      tooMany,
    ];
    for (const text of [...bad, 'S-1-5--1', 'S-1-5-1x', ' S-1-5-18']) {
      assert.throws(() => parseSid(text), { code: 'CMB_INVALID_ARGUMENT', message: /is no SID; expected S-1-/ }, text);
    }
    assert.throws(() => parseSid(undefined as never), { code: 'CMB_INVALID_ARGUMENT' });
  });
});
