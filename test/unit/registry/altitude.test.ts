import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkAltitude, compareAltitudes } from '../../../lib/registry/altitude.js';

describe('altitudes', () => {
  it('altitudes are compared as decimal numbers of unlimited precision', () => {
    const ascending = [
      '0',
      '0.01',
      '0.1',
      '9',
      '99999',
      '385100',
      '385100.09',
      '385100.1',
      '385100.11',
      '1'.repeat(200),
    ];
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries())
        assert.equal(Math.sign(compareAltitudes(a, b)), Math.sign(i - j), `${a} ${b}`);
    }
    const digits = '0123456789'.repeat(20);
    assert.ok(compareAltitudes(`1.${digits}1`, `1.${digits}2`) < 0);
  });

  it('altitudes are equal when they are the same number, however it is written', () => {
    for (const same of ['385100', '0385100.0', '385100.000', '00385100'])
      assert.equal(compareAltitudes('385100', same), 0);
    assert.equal(compareAltitudes('385100.10', '385100.1'), 0);
    assert.equal(compareAltitudes('0', '000.000'), 0);
  });

  it('a malformed altitude is refused, with a word on what would be right', () => {
    for (const bad of [
      '',
      ' ',
      'abc',
      '-1',
      '+1',
      '1.',
      '.5',
      '1e5',
      '1,5',
      '1 2',
      '1\n',
      '1.2.3',
      '١',
      '1'.repeat(256),
    ]) {
      assert.throws(() => checkAltitude(bad), { code: 'CMB_INVALID_ALTITUDE' }, JSON.stringify(bad));
    }
    assert.throws(() => checkAltitude(385100), { code: 'CMB_INVALID_ALTITUDE', message: /of type number.*"385210"/ });
    assert.equal(checkAltitude('1'.repeat(255)).length, 255);
  });
});
