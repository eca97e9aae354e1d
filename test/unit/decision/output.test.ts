import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Captured } from '../../../lib/wire/captured.js';
import { emulate, override, parseSddl, type ValueAnswer } from '../../../lib/index.js';
import { encodeDecision } from '../../../lib/decision/encode.js';
import * as P from '../../../lib/wire/protocol.js';
import { writeSddl } from '../../../lib/security/sddl-write.js';
import { decodeValueInformationClass } from '../../../lib/registry/value-information-class.js';
import { eventOf, refusal } from './decisions.js';
import { checkLengths, output, overflow, success, tooSmall } from './emulated.js';

const values: readonly ValueAnswer[] = [
  { type: 'REG_NONE', data: Uint8Array.of() },
  { type: 'REG_SZ', data: 'text \ud800' },
  { type: 'REG_EXPAND_SZ', data: '%windir%' },
  { type: 'REG_BINARY', data: Uint8Array.of(1, 2, 3, 4, 5) },
  { type: 'REG_DWORD', data: 0xffff_fffe },
  { type: 'REG_DWORD_BIG_ENDIAN', data: 1 },
  { type: 'REG_LINK', data: '\\REGISTRY\\MACHINE' },
  { type: 'REG_MULTI_SZ', data: ['one', 'two'] },
  { type: 'REG_QWORD', data: 2n ** 64n - 1n },
  { type: 'REG_TYPE_0x00001234', data: Uint8Array.of(9) },
];

describe('emulated values', () => {
  const fixedSizes = [12, 20, 12, 20, 8];

  for (const [informationClass, fixed] of fixedSizes.entries()) {
    for (const name of ['', 'v', 'odd', 'Name']) {
      it(`an emulated value, class ${informationClass}, name ${JSON.stringify(name)}, decodes to what was answered`, () => {
        for (const answer of values) {
          const ask = (length: number) =>
            output(
              answer,
              eventOf('RegNtPreQueryValueKey', { informationClassNumber: informationClass, length, valueName: name }),
            );
          const { data } = ask(4096);
          const decoded = decodeValueInformationClass(informationClass, Captured.of(data));
          assert.ok(decoded && !decoded.truncated);
          if ('name' in decoded) assert.equal(decoded.name, name);
          if ('type' in decoded) assert.equal(decoded.type, answer.type);
          if ('value' in decoded)
            assert.deepEqual([decoded.value?.type, decoded.value?.data], [answer.type, answer.data]);
          checkLengths(fixed, data, ask);
        }
      });
    }
  }

  it('an emulated value has its data where the configuration manager puts them', () => {
    const offsetOf = (informationClass: number, name: string, data: Uint8Array) => {
      const event = eventOf('RegNtPreQueryValueKey', { informationClassNumber: informationClass, length: 4096 });
      const bytes = output({ type: 'REG_BINARY', data, name }, event).data;
      return [new DataView(bytes.buffer).getUint32(8, true), bytes.byteLength];
    };
    const data = Uint8Array.of(1, 2, 3);
    assert.deepEqual(offsetOf(1, '', data), [20, 23]);
    assert.deepEqual(offsetOf(1, 'a', data), [24, 27]);
    assert.deepEqual(offsetOf(3, '', data), [24, 27]);
    assert.deepEqual(offsetOf(3, 'abc', data), [32, 35]);
    assert.deepEqual(offsetOf(1, 'a', Uint8Array.of()), [0xffff_ffff, 22]);
  });

  it('an emulated value of an enumeration has the name that the answer gives', () => {
    const event = eventOf('RegNtPreEnumerateValueKey', { informationClassNumber: 0, length: 100 });
    const { data } = output({ name: 'Other', data: 1, titleIndex: 3 }, event);
    const decoded = decodeValueInformationClass(0, Captured.of(data));
    assert.deepEqual(decoded, {
      class: 'KeyValueBasicInformation',
      truncated: false,
      titleIndex: 3,
      name: 'Other',
      type: 'REG_DWORD',
      typeNumber: 4,
    });
    assert.match(refusal(emulate({ data: 1 }), event) ?? '', /tells the name; give it as "name"/);
  });

  it('an emulated value can be bytes, cut as their class demands, or a status', () => {
    const whole = new Uint8Array(30).fill(7);
    for (const [informationClass, fixed] of [...fixedSizes, 4, 0].entries()) {
      checkLengths(fixed, whole, (length) =>
        output(
          { bytes: whole },
          eventOf('RegNtPreQueryValueKey', { informationClassNumber: informationClass, length }),
        ),
      );
    }
    const plain = { kind: P.CMB_DECISION_EMULATE, flags: 0, type: 0, resultLength: 0, data: null };
    const query = eventOf('RegNtPreQueryValueKey');
    assert.deepEqual(encodeDecision(emulate('notFound'), query), { ...plain, status: 0xc000_0034 });
    assert.deepEqual(encodeDecision(emulate('STATUS_ACCESS_DENIED'), query), { ...plain, status: 0xc000_0022 });
    const enumeration = eventOf('RegNtPreEnumerateValueKey');
    assert.deepEqual(encodeDecision(emulate('noMoreEntries'), enumeration), { ...plain, status: 0x8000_001a });
    assert.equal(encodeDecision(emulate(0x8000_001a), enumeration).status, 0x8000_001a);
  });

  it('an emulated value is refused with what is wrong in the answer', () => {
    const event = eventOf('RegNtPreQueryValueKey', { valueName: 'v', length: 100 });
    const wrong: [answer: unknown, message: RegExp][] = [
      [undefined, /expected \{ type, data \} or \{ bytes \}, "notFound" or a status/],
      ['noMoreEntries', /given "noMoreEntries"; expected .*"notFound"/],
      ['STATUS_ACCESS_DENID', /Did you mean "STATUS_ACCESS_DENIED"/],
      ['STATUS_SUCCESS', /needs the answer that the caller gets/],
      ['STATUS_REPARSE', /neither an error nor a warning/],
      ['STATUS_CALLBACK_BYPASS', /bypass\(\)/],
      ['STATUS_BUFFER_OVERFLOW', /follows from the answer/],
      [[{ data: 1 }], /expected/],
      [{ type: 'REG_SZ' }, /expected/],
      [{ type: 'REG_DWORD', data: 'x' }, /"x" is no data for a value of type "REG_DWORD"/],
      [{ data: 'x', titleIndex: -1 }, /"titleIndex" must be an integer/],
      [{ ...eventOf('RegNtPreSetValueKey').value, truncated: true }, /only what could be captured of a value/],
    ];
    for (const [answer, message] of wrong) assert.match(refusal({ kind: 'emulate', answer }, event) ?? 'none', message);
    const other = eventOf('RegNtPreQueryValueKey', { informationClassNumber: 77 });
    assert.match(
      refusal(emulate({ data: 1 }), other) ?? '',
      /KeyValueInformation_0x0000004D is not known.*\{ bytes \}/,
    );
    const named = eventOf('RegNtPreQueryValueKey', { informationClassNumber: 0, valueName: null });
    assert.match(refusal(emulate({ data: 1 }), named) ?? '', /give it as "name"/);
    assert.match(
      refusal(emulate({ data: 1, name: 'x'.repeat(16384) }), named) ?? '',
      /16384 characters; at most 16383/,
    );
    const huge = eventOf('RegNtPreQueryValueKey', { length: 2 ** 21 });
    assert.match(refusal(emulate({ data: new Uint8Array(2 ** 20) }), huge) ?? '', /1048588 bytes are more than/);
    assert.equal(output({ data: new Uint8Array(2 ** 20) }, event).status, overflow);
  });
});

describe('emulated answers about several values', () => {
  const answer: ValueAnswer[] = [
    { type: 'REG_BINARY', data: Uint8Array.of(1, 2, 3, 4, 5) },
    { type: 'REG_NONE', data: Uint8Array.of() },
    { type: 'REG_DWORD', data: 6 },
  ];
  const entries = ['a', 'b', 'c'].map((valueName) => ({ valueName, value: null }));
  const asked = (bufferSize: number) =>
    eventOf('RegNtPreQueryMultipleValueKey', { entries, entryCount: 3, bufferLength: bufferSize, bufferSize });
  const heads = Uint32Array.from([5, 0, 3, 0, 0, 8, 0, 0, 4, 8, 4, 0]);

  it('an emulated answer about several values has every entry, and the values that fit', () => {
    const whole = Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0, 6, 0, 0, 0);
    for (let length = 0; length <= 20; length++) {
      const { status, resultLength, data } = output(answer, asked(length));
      assert.equal(status, length < 12 ? overflow : success, `length ${length}`);
      assert.equal(resultLength, 12);
      assert.deepEqual(data.slice(0, 48), new Uint8Array(heads.buffer));
      // The second value is empty, and begins behind the gap after the first.
      const used = length < 5 ? 0 : length < 8 ? 5 : length < 12 ? 8 : 12;
      assert.deepEqual(data.slice(48), whole.slice(0, used), `length ${length}`);
    }
  });

  it('an emulated answer about several values has one for each that was asked for', () => {
    const message = refusal(emulate(answer.slice(1)), asked(100));
    assert.match(message ?? '', /3 values were asked for \("a", "b", "c"\), and the answer has 2/);
    assert.match(
      refusal(emulate([{ data: 1 }, { type: 'REG_SZ', data: 1 }, { data: 1 }]), asked(100)) ?? '',
      /value 1: 1 is no data/,
    );
    assert.match(refusal(emulate({ data: 1 }), asked(100)) ?? '', /an array of \{ type, data \}/);
    assert.equal(encodeDecision(emulate('notFound'), asked(1)).status, 0xc000_0034);
    const many = { ...asked(4 * 300), entryCount: 300 };
    assert.match(refusal(emulate(answer), many) ?? '', /300 values were asked for \("a", "b", "c", \.\.\.\)/);
    const numbers = Array.from({ length: 300 }, (_, index) => ({ data: index }));
    assert.equal(output(numbers, many).data.byteLength, 300 * (16 + 4));
  });
});

describe('emulated security descriptors', () => {
  const sddl = 'O:BAG:SYD:PAI(A;;KA;;;SY)(A;CI;KR;;;BU)S:AI(AU;FA;KA;;;WD)(ML;;NW;;;HI)';
  const asked = (value: number, bufferSize = 4096) =>
    eventOf('RegNtPreQueryKeySecurity', { securityInformation: { value, names: [] }, length: bufferSize, bufferSize });

  it('an emulated security descriptor has the parts that were asked for', () => {
    const parts: [information: number, sddl: string][] = [
      [0, ''],
      [1, 'O:BA'],
      [2, 'G:SY'],
      [3, 'O:BAG:SY'],
      [4, 'D:PAI(A;;KA;;;SY)(A;CI;KR;;;BU)'],
      [8, 'S:AI(AU;FA;KA;;;WD)'],
      [0x10, 'S:AI(ML;;NW;;;HI)'],
      [0x1f, sddl],
    ];
    for (const [information, expected] of parts) {
      for (const answer of [sddl, parseSddl(sddl)]) {
        const { status, resultLength, data } = output(answer, asked(information));
        assert.deepEqual([status, resultLength, writeSddl(data)], [success, data.byteLength, expected]);
        assert.equal(data.byteLength % 4, 0);
      }
    }
    assert.equal(writeSddl(output('O:BA', asked(0xf)).data), 'O:BA');
    assert.equal(writeSddl(output('D:NO_ACCESS_CONTROL', asked(4)).data), 'D:NO_ACCESS_CONTROL');
  });

  it('an emulated security descriptor comes whole or not at all', () => {
    const { data: whole } = output(sddl, asked(7));
    for (let length = 0; length <= whole.byteLength + 8; length++) {
      const { status, resultLength, data } = output(sddl, asked(7, length));
      const fits = length >= whole.byteLength;
      assert.deepEqual([status, resultLength], [fits ? success : tooSmall, whole.byteLength]);
      assert.deepEqual(data, fits ? whole : new Uint8Array());
    }
  });

  it('an emulated security descriptor is refused with what is wrong in it', () => {
    assert.match(refusal(emulate('O:XX'), asked(7)) ?? '', /"O:XX": .*"XX" is no name of a SID/);
    assert.match(refusal(emulate({}), asked(7)) ?? '', /expected SDDL or the bytes of a descriptor, a status/);
    assert.equal(encodeDecision(emulate('STATUS_ACCESS_DENIED'), asked(7)).status, 0xc000_0022);
    assert.match(refusal(emulate('STATUS_FOO'), asked(7)) ?? '', /no status that has a name/);
    const whole = parseSddl(sddl);
    for (let cut = 0; cut < whole.byteLength; cut++) {
      assert.match(
        refusal(emulate(whole.slice(0, cut)), asked(0x1f)) ?? 'none',
        /no self-relative security descriptor/,
      );
    }
    // Whatever is damaged, it is refused or what is left of it is sound.
    for (let index = 0; index < whole.byteLength; index++) {
      const damaged = Uint8Array.from(whole);
      damaged[index] = (damaged[index] ?? 0) ^ 0xff;
      const message = refusal(emulate(damaged), asked(0x1f));
      if (message !== null) assert.match(message, /no self-relative security descriptor/);
    }
  });
});

describe('overridden outputs', () => {
  it('an overridden output is laid out for the buffer that the caller came with', () => {
    const event = eventOf('RegNtPostQueryValueKey', { informationClassNumber: 2, length: 14, status: 0xc000_0034 });
    const encoded = encodeDecision(override('STATUS_SUCCESS', { output: { type: 'REG_SZ', data: 'x' } }), event);
    assert.deepEqual(
      [encoded.kind, encoded.flags, encoded.status, encoded.resultLength, encoded.data?.byteLength],
      [P.CMB_DECISION_OVERRIDE, P.CMB_REPLY_OUTPUT, overflow, 16, 14],
    );
    const wrong = { kind: 'override', status: 0, output: 'notFound', undo: false };
    assert.match(
      refusal(wrong, event) ?? '',
      /override\(\) was given "notFound"; expected \{ type, data \} or \{ bytes \}$/,
    );
    // After the query, its length is what was used.
    const security = eventOf('RegNtPostQueryKeySecurity', {
      securityInformation: { value: 1, names: [] },
      length: 4,
      bufferSize: 100,
      preUnknown: false,
    });
    assert.equal(encodeDecision(override('STATUS_SUCCESS', { output: 'O:SY' }), security).status, success);
    const lost = { ...security, bufferSize: 0, preUnknown: true };
    assert.match(
      refusal(override('STATUS_SUCCESS', { output: 'O:SY' }), lost) ?? '',
      /size of the caller's buffer is not known/,
    );
  });
});
