import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Captured } from '../../../lib/wire/captured.js';
import {
  decodeKeyInformationClass,
  keyInformationClassName,
  type DecodedKeyInformation,
} from '../../../lib/registry/key-information-class.js';

import { decodeSetInformationClass, keySetInformationClassName } from '../../../lib/registry/set-information-class.js';
import {
  decodeValueInformationClass,
  keyValueInformationClassName,
  multipleValue,
} from '../../../lib/registry/value-information-class.js';
import { Random } from '../support/random.js';

const whole = (bytes: Uint8Array) => Captured.of(bytes);

/** Numbers are 32 bits, bigints 64, texts UTF-16. */
function structure(...parts: (number | bigint | string | Uint8Array)[]): Uint8Array {
  const buffers = parts.map((part) => {
    if (typeof part === 'string') return Buffer.from(part, 'utf16le');
    if (part instanceof Uint8Array) return part;
    const buffer = Buffer.alloc(typeof part === 'bigint' ? 8 : 4);
    if (typeof part === 'bigint') buffer.writeBigInt64LE(part);
    else buffer.writeUInt32LE(part);
    return buffer;
  });
  return Uint8Array.from(Buffer.concat(buffers));
}

const time = 116_444_736_000_000_000n + 15n;
const lastWriteTime = 1500n;

const keyStructures: Uint8Array[] = [
  structure(time, 3, 6, 'a\0b'),
  structure(time, 3, 28, 4, 4, 'ab', 'cd'),
  structure(time, 3, 44, 4, 5, 10, 12, 6, 14, 16, 'cd'),
  structure(4, 'ab'),
  structure(time, 3, 5, 10, 6, 14, 16, 4),
  structure(9, 2, 6),
  structure(0b10101),
  structure(0x700),
  structure(1),
  structure(0b1010),
];

const text = structure('x\0');
const valueStructures: Uint8Array[] = [
  structure(3, 1, 4, 'ab'),
  structure(3, 1, 24, 4, 4, 'ab', text),
  structure(3, 1, 4, text),
  structure(3, 1, 24, 4, 4, 'ab', text),
  structure(1, 4, text),
  structure(1),
];

const setStructures: Uint8Array[] = [
  structure(time),
  structure(9),
  structure(0xe),
  structure(0b101),
  structure(1),
  structure(0x700),
  structure(0b1),
];

function nulls(decoded: object): number {
  return Object.values(decoded).filter((field) => field === null).length;
}

describe('information about keys', () => {
  const decode = (number: number) => decodeKeyInformationClass(number, whole(keyStructures[number]!));

  it('information about a key is decoded by its class', () => {
    const truncated = false;
    const expected: DecodedKeyInformation[] = [
      { class: 'KeyBasicInformation', truncated, lastWriteTime, titleIndex: 3, name: 'a\0b' },
      { class: 'KeyNodeInformation', truncated, lastWriteTime, titleIndex: 3, name: 'ab', className: 'cd' },
      {
        class: 'KeyFullInformation',
        truncated,
        lastWriteTime,
        titleIndex: 3,
        className: 'cd',
        subKeys: 5,
        maxNameLength: 10,
        maxClassLength: 12,
        values: 6,
        maxValueNameLength: 14,
        maxValueDataLength: 16,
      },
      { class: 'KeyNameInformation', truncated, name: 'ab' },
      {
        class: 'KeyCachedInformation',
        truncated,
        lastWriteTime,
        titleIndex: 3,
        subKeys: 5,
        maxNameLength: 10,
        values: 6,
        maxValueNameLength: 14,
        maxValueDataLength: 16,
        nameLength: 4,
      },
      {
        class: 'KeyFlagsInformation',
        truncated,
        userFlags: 9,
        keyFlags: { value: 2, names: ['REG_FLAG_LINK'] },
        controlFlags: { value: 6, names: ['REG_KEY_DONT_VIRTUALIZE', 'REG_KEY_DONT_SILENT_FAIL'] },
      },
      {
        class: 'KeyVirtualizationInformation',
        truncated,
        virtualizationCandidate: true,
        virtualizationEnabled: false,
        virtualTarget: true,
        virtualStore: false,
        virtualSource: true,
      },
      { class: 'KeyHandleTagsInformation', truncated, handleTags: 0x700 },
      { class: 'KeyTrustInformation', truncated, trustedKey: true },
      {
        class: 'KeyLayerInformation',
        truncated,
        isTombstone: false,
        isSupersedeLocal: true,
        isSupersedeTree: false,
        classIsInherited: true,
      },
    ];
    keyStructures.forEach((_, number) => {
      assert.deepEqual(decode(number), expected[number]);
      assert.equal(keyInformationClassName(number), expected[number]!.class);
    });
  });

  it('information about the flags of a key is decoded from its short form, too', () => {
    const short = decodeKeyInformationClass(5, whole(structure(9)));
    assert.deepEqual(short, {
      class: 'KeyFlagsInformation',
      truncated: false,
      userFlags: 9,
      keyFlags: null,
      controlFlags: null,
    });
  });

  it('information about a key without a class name is decoded with an empty one', () => {
    const node = decodeKeyInformationClass(1, whole(structure(time, 0, 0xffff_ffff, 0, 2, 'a')));
    assert.deepEqual(node, {
      class: 'KeyNodeInformation',
      truncated: false,
      lastWriteTime,
      titleIndex: 0,
      name: 'a',
      className: '',
    });
  });

  it('information about a key says that something is missing where offsets and lengths lie', () => {
    const basic = decodeKeyInformationClass(0, whole(structure(time, 0, 0xffff_fffe, 'ab')));
    assert.ok(basic?.class === 'KeyBasicInformation');
    assert.deepEqual([basic.name, basic.truncated], ['ab', true]);
    const odd = decodeKeyInformationClass(3, whole(structure(3, 'ab')));
    assert.ok(odd?.class === 'KeyNameInformation');
    assert.deepEqual([odd.name, odd.truncated], ['a', true]);
    for (const offset of [0, 20, 43, 1000, 0xffff_fff0]) {
      const full = decodeKeyInformationClass(2, whole(structure(time, 0, offset, 4, 0, 0, 0, 0, 0, 0, 'ab')));
      assert.ok(full?.class === 'KeyFullInformation');
      assert.deepEqual([full.className, full.truncated], [null, true], String(offset));
    }
  });
});

describe('information about values', () => {
  it('information about a value is decoded by its class', () => {
    const decoded = valueStructures.map((bytes, number) => decodeValueInformationClass(number, whole(bytes)));
    const [basic, full, partial, full64, partial64, layer] = decoded;
    const name = 'ab';
    assert.deepEqual(basic, {
      class: 'KeyValueBasicInformation',
      truncated: false,
      titleIndex: 3,
      name,
      type: 'REG_SZ',
      typeNumber: 1,
    });
    for (const [number, found] of [
      [1, full],
      [3, full64],
    ] as const) {
      assert.ok(found?.class === 'KeyValueFullInformation' || found?.class === 'KeyValueFullInformationAlign64');
      assert.equal(found.class, keyValueInformationClassName(number));
      assert.deepEqual([found.titleIndex, found.name, found.value?.data], [3, name, 'x']);
    }
    assert.ok(partial?.class === 'KeyValuePartialInformation');
    assert.deepEqual([partial.titleIndex, partial.value?.data, partial.value?.flaws], [3, 'x', []]);
    assert.ok(partial64?.class === 'KeyValuePartialInformationAlign64');
    assert.equal(partial64.value?.data, 'x');
    assert.deepEqual(layer, { class: 'KeyValueLayerInformation', truncated: false, isTombstone: true });
  });

  it('information about a value tells the whole size of data that are not all there', () => {
    const partial = decodeValueInformationClass(2, whole(structure(0, 3, 1000, Uint8Array.of(1, 2))));
    assert.ok(partial?.class === 'KeyValuePartialInformation');
    assert.ok(partial.truncated && partial.value !== null);
    assert.deepEqual(
      [partial.value.size, partial.value.data, partial.value.truncated],
      [1000, Uint8Array.of(1, 2), true],
    );
    for (const offset of [0, 19, 5000, 0xffff_ffff]) {
      const full = decodeValueInformationClass(1, whole(structure(0, 3, offset, 4, 2, 'a', Uint8Array.of(1, 2, 3, 4))));
      assert.ok(full?.class === 'KeyValueFullInformation');
      assert.ok(full.truncated && full.value !== null);
      assert.deepEqual([full.value.bytes.byteLength, full.value.size, full.name], [0, 4, 'a'], String(offset));
    }
  });

  it('a value of a query for many is cut out of the buffer', () => {
    const buffer = whole(structure('x\0', 7, 8));
    assert.equal(multipleValue(1, 0, 4, buffer).data, 'x');
    assert.equal(multipleValue(4, 8, 4, buffer).data, 8);
    const outside = multipleValue(3, 8, 8, buffer);
    assert.deepEqual([outside.size, outside.truncated, outside.bytes.byteLength], [8, true, 4]);
    const beyond = multipleValue(3, 0xffff_ffff, 0xffff_ffff, buffer);
    assert.deepEqual([beyond.size, beyond.truncated, beyond.bytes.byteLength], [0xffff_ffff, true, 0]);
    const fault = multipleValue(1, 0, 4, Captured.of(new Uint8Array(), { size: 12, fault: true }));
    assert.deepEqual([fault.fault, fault.truncated, fault.size], [true, false, 4]);
  });
});

describe('information to set', () => {
  it('information to set on a key is decoded by its class', () => {
    const decoded = setStructures.map((bytes, number) => decodeSetInformationClass(number, whole(bytes)));
    const truncated = false;
    const controlFlags = {
      value: 14,
      names: ['REG_KEY_DONT_VIRTUALIZE', 'REG_KEY_DONT_SILENT_FAIL', 'REG_KEY_RECURSE_FLAG'],
    };
    assert.deepEqual(decoded, [
      { class: 'KeyWriteTimeInformation', truncated, lastWriteTime },
      { class: 'KeyWow64FlagsInformation', truncated, userFlags: 9 },
      { class: 'KeyControlFlagsInformation', truncated, controlFlags },
      {
        class: 'KeySetVirtualizationInformation',
        truncated,
        virtualTarget: true,
        virtualStore: false,
        virtualSource: true,
      },
      { class: 'KeySetDebugInformation', truncated },
      { class: 'KeySetHandleTagsInformation', truncated, handleTags: 0x700 },
      {
        class: 'KeySetLayerInformation',
        truncated,
        isTombstone: true,
        isSupersedeLocal: false,
        isSupersedeTree: false,
        classIsInherited: false,
      },
    ]);
  });
});

describe('information of any class', () => {
  const kinds = [
    { decode: decodeKeyInformationClass, name: keyInformationClassName, structures: keyStructures },
    { decode: decodeValueInformationClass, name: keyValueInformationClassName, structures: valueStructures },
    { decode: decodeSetInformationClass, name: keySetInformationClassName, structures: setStructures },
  ];

  it('information of every class can be decoded wherever it is cut', () => {
    for (const { decode, name, structures } of kinds) {
      structures.forEach((bytes, number) => {
        const complete = decode(number, whole(bytes))!;
        for (let length = 1; length < bytes.byteLength; length++) {
          const cut = bytes.subarray(0, length);
          const decoded = decode(number, Captured.of(cut, { size: bytes.byteLength, truncated: true }));
          assert.ok(decoded !== null);
          assert.deepEqual(Object.keys(decoded), Object.keys(complete), name(number));
          assert.ok(decoded.truncated, `${name(number)} of ${length} bytes`);
          assert.ok(nulls(decoded) >= nulls(complete));
          // The same bytes as the answer to a short buffer: whether they are all can only be told from the structure.
          assert.doesNotThrow(() => decode(number, whole(cut)));
        }
        assert.equal(decode(number, whole(new Uint8Array())), null);
        assert.equal(decode(number, Captured.of(new Uint8Array(), { size: 9, fault: true })), null);
      });
    }
  });

  it('information of every class can be decoded from random bytes', () => {
    const random = new Random(5);
    for (let round = 0; round < 5000; round++) {
      const { decode } = random.pick(kinds);
      const bytes = random.bytes(random.below(64));
      for (let index = 1; index < bytes.length; index++) if (random.below(3) > 0) bytes[index] = 0;
      const decoded = decode(random.below(12), whole(bytes));
      assert.ok(decoded === null || typeof decoded.truncated === 'boolean');
    }
  });

  it('an unknown information class has a name, and nothing is decoded', () => {
    assert.equal(keyInformationClassName(10), 'KeyInformation_0x0000000A');
    assert.equal(keyValueInformationClassName(0xffff_ffff), 'KeyValueInformation_0xFFFFFFFF');
    assert.equal(keySetInformationClassName(7), 'KeySetInformation_0x00000007');
    for (const { decode } of kinds) assert.equal(decode(99, whole(new Uint8Array(8))), null);
  });
});
