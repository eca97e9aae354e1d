import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Captured } from '../../../lib/wire/captured.js';
import { emulate, type QueryAnswer } from '../../../lib/index.js';
import { encodeDecision } from '../../../lib/decision/encode.js';
import { decodeKeyInformationClass, keyInformationClassName } from '../../../lib/registry/key-information-class.js';
import { eventOf, refusal } from './decisions.js';
import { checkLengths, output } from './emulated.js';

describe('emulated keys', () => {
  const key = {
    name: 'Key',
    lastWriteTime: 1_700_000_000_123_456_700n,
    titleIndex: 4,
    className: 'Class',
    subKeys: 5,
    maxNameLength: 20,
    maxClassLength: 10,
    values: 6,
    maxValueNameLength: 30,
    maxValueDataLength: 40,
    userFlags: 1,
    keyFlags: 2,
    controlFlags: 8,
    virtualTarget: true,
    handleTags: 7,
    trustedKey: true,
    isSupersedeTree: true,
  };
  const fixedSizes = [16, 24, 44, 4, 40, 12, 4, 4, 4, 4];

  for (const [informationClass, fixed] of fixedSizes.entries()) {
    const name = keyInformationClassName(informationClass);
    it(`an emulated key as ${name} decodes to what was answered`, () => {
      for (const className of ['', 'Class']) {
        const path = '\\REGISTRY\\MACHINE\\Key';
        const answer = { ...key, className, name: name === 'KeyNameInformation' ? path : 'Key' };
        const ask = (length: number) =>
          output(answer, eventOf('RegNtPreQueryKey', { informationClassNumber: informationClass, length }));
        const { data } = ask(4096);
        const decoded = decodeKeyInformationClass(informationClass, Captured.of(data));
        assert.ok(decoded?.class === name && !decoded.truncated);
        for (const [field, value] of Object.entries(decoded)) {
          if (field === 'class' || field === 'truncated') continue;
          const given: unknown = { ...answer, nameLength: 6 }[field] ?? false;
          assert.deepEqual(isMask(value) ? value.value : value, given, field);
        }
        // And back again: what was decoded is an answer.
        const again = eventOf('RegNtPreQueryKey', { informationClassNumber: informationClass, length: 4096 });
        assert.deepEqual(output(decoded, again).data, data);
        checkLengths(fixed, data, ask);
      }
    });
  }

  function isMask(value: unknown): value is { value: number } {
    return typeof value === 'object' && value !== null && 'value' in value;
  }

  it('an emulated key needs no more than what the class tells and nobody else knows', () => {
    const asked = (informationClassNumber: number, keyPath: string | null = '\\REGISTRY\\MACHINE\\Known') =>
      eventOf('RegNtPreQueryKey', {
        informationClassNumber,
        length: 1000,
        keyPath,
        keyPathLength: keyPath?.length ?? 0,
      });
    const decoded = (answer: QueryAnswer, event: ReturnType<typeof asked>) =>
      decodeKeyInformationClass(event.informationClassNumber, Captured.of(output(answer, event).data));
    assert.deepEqual(decoded({}, asked(0)), {
      class: 'KeyBasicInformation',
      truncated: false,
      lastWriteTime: -11_644_473_600_000_000_000n,
      titleIndex: 0,
      name: 'Known',
    });
    assert.equal((decoded({}, asked(3)) as { name: string }).name, '\\REGISTRY\\MACHINE\\Known');
    assert.match(
      refusal(emulate({}), asked(0, null)) ?? '',
      /KeyBasicInformation tells "name", which the answer lacks/,
    );
    const cut = { ...asked(0), keyPathLength: 30_000 };
    assert.match(refusal(emulate({}), cut) ?? '', /"name", which the answer lacks/);
    assert.match(refusal(emulate({ subKeys: 1 }), asked(2)) ?? '', /KeyFullInformation tells "maxNameLength"/);
    const entry = eventOf('RegNtPreEnumerateKey', { informationClassNumber: 0, length: 100 });
    assert.match(refusal(emulate({}), entry) ?? '', /"name", which the answer lacks/);
    assert.equal(encodeDecision(emulate('noMoreEntries'), entry).status, 0x8000_001a);
  });

  it('an emulated key is refused with what is wrong in the answer', () => {
    const event = eventOf('RegNtPreQueryKey', { informationClassNumber: 2, length: 1000 });
    const wrong: [answer: object, message: RegExp][] = [
      [{ ...key, subkeys: 1 }, /no field "subkeys". Did you mean "subKeys"/],
      [{ ...key, values: -1 }, /"values" must be an integer from 0 to 4294967295, not -1/],
      [{ ...key, lastWriteTime: 5 }, /"lastWriteTime" must be a bigint/],
      [{ ...key, lastWriteTime: -(2n ** 64n) }, /not before 1601/],
      [{ ...key, className: 5 }, /"className" must be a string/],
      [{ ...key, truncated: true }, /only the part of it/],
    ];
    for (const [answer, message] of wrong) assert.match(refusal({ kind: 'emulate', answer }, event) ?? 'none', message);
    for (const answer of [undefined, null, 'notFound', []]) {
      assert.match(refusal({ kind: 'emulate', answer }, event) ?? 'none', /expected an object with the fields/);
    }
    const basic = eventOf('RegNtPreQueryKey', { informationClassNumber: 0, length: 1000 });
    assert.match(refusal(emulate({ name: 'a\\b' }), basic) ?? '', /last component of the path/);
    assert.match(refusal(emulate({ name: 'x'.repeat(256) }), basic) ?? '', /256 characters; at most 255/);
    const name = eventOf('RegNtPreQueryKey', { informationClassNumber: 3, length: 1000 });
    assert.match(refusal(emulate({ name: 'Key' }), name) ?? '', /whole path/);
    const bits = eventOf('RegNtPreQueryKey', { informationClassNumber: 8, length: 1000 });
    assert.match(refusal({ kind: 'emulate', answer: { trustedKey: 1 } }, bits) ?? '', /true or false, not 1/);
    const other = eventOf('RegNtPreQueryKey', { informationClassNumber: 10 });
    assert.match(refusal(emulate(key), other) ?? '', /\{ bytes \}/);
  });
});
