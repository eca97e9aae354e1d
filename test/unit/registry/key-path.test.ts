import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { canonicalKey, controlSetNumber, displayAliases, keyAliases } from '../../../lib/registry/key-alias.js';
import { equalKeys, upcase } from '../../../lib/registry/key-case.js';
import { displayKey, keyHive, nativeKey } from '../../../lib/registry/registry-path.js';
import { wow64Location, wow64Name } from '../../../lib/registry/wow64-key.js';
import { Random } from '../support/random.js';

const sid = 'S-1-5-21-1-2-3-1000';
const machine = '\\REGISTRY\\MACHINE';
const user = `\\REGISTRY\\USER\\${sid}`;

describe('key paths', () => {
  it('a native key path is shown as people write it', () => {
    const shown: [native: string, display: string | null][] = [
      ['\\REGISTRY\\MACHINE\\SOFTWARE', 'HKLM\\SOFTWARE'],
      ['\\Registry\\machine', 'HKLM'],
      [user, 'HKCU'],
      [`\\REGISTRY\\USER\\${sid.toLowerCase()}\\a`, 'HKCU\\a'],
      [`${user}_Classes\\CLSID`, 'HKCU\\Software\\Classes\\CLSID'],
      [`${user}_CLASSES`, 'HKCU\\Software\\Classes'],
      [`${user}0\\a`, `HKU\\${sid}0\\a`],
      [`${user}_Classes2`, `HKU\\${sid}_Classes2`],
      ['\\REGISTRY\\USER\\S-1-5-18\\a', 'HKU\\S-1-5-18\\a'],
      ['\\REGISTRY\\USER', 'HKU'],
      ['\\REGISTRY\\A\\{x}', '<AppHive {x}>'],
      ['\\REGISTRY\\A\\{x}\\a\\b', '<AppHive {x}>\\a\\b'],
      ['\\REGISTRY\\WC\\Silo1>user\\a', '<SiloHive Silo1>user>\\a'],
      ['\\\\REGISTRY\\\\MACHINE\\\\a', 'HKLM\\\\a'],
      ['\\REGISTRY', null],
      ['\\REGISTRY\\A', null],
      ['\\REGISTRY\\WC\\', null],
      ['\\REGISTRY\\MACHINEX\\a', null],
      ['\\REGISTRYX\\MACHINE', null],
      ['REGISTRY\\MACHINE', null],
      ['', null],
    ];
    for (const [native, display] of shown) assert.equal(displayKey(native, sid), display, native);
    assert.equal(displayKey(user), `HKU\\${sid}`);
    assert.equal(displayKey(user, null), `HKU\\${sid}`);
  });

  it('a native key path tells what kind of hive it is in', () => {
    assert.equal(keyHive('\\Registry\\Machine\\SAM'), 'machine');
    assert.equal(keyHive(user), 'user');
    assert.equal(keyHive('\\REGISTRY\\A\\{x}'), 'application');
    assert.equal(keyHive('\\REGISTRY\\WC\\Silo'), 'silo');
    for (const path of ['\\REGISTRY', '\\REGISTRY\\AB\\x', '\\Device\\x', 'REGISTRY\\MACHINE', '', '\\']) {
      assert.equal(keyHive(path), null, path);
    }
  });

  it('a key path that is shown goes back to what it was, whatever characters it has', () => {
    const random = new Random(6);
    const units = ['a', 'Z', '\0', '\ud800', '\udc00', 'ß', '>', '<', ' ', '{', 'ı'];
    const roots = [
      machine,
      user,
      `${user}_Classes`,
      '\\REGISTRY\\USER\\S-1-5-18',
      '\\REGISTRY\\A\\{x}',
      '\\REGISTRY\\WC\\S>',
    ];
    for (let round = 0; round < 2000; round++) {
      const names = Array.from({ length: random.below(4) }, () =>
        Array.from({ length: 1 + random.below(5) }, () => random.pick(units)).join(''),
      );
      const path = [random.pick(roots), ...names].join('\\');
      const display = displayKey(path, sid);
      assert.ok(display !== null);
      assert.ok(display.endsWith(names.map((name) => `\\${name}`).join('')));
      const expected = path.replace(`${user}_Classes`, `${user}\\Software\\Classes`);
      assert.equal(nativeKey(display, sid), expected);
      assert.equal(canonicalKey(display, { userSid: sid }), canonicalKey(path));
    }
  });

  it('a key path without a root is refused', () => {
    for (const path of ['<AppHive>', '<AppHive >', '<AppHive x', '<Other x>\\a', 'HKXX\\a']) {
      assert.throws(() => nativeKey(path), { code: 'CMB_INVALID_ARGUMENT', message: /<AppHive \.\.\.>/ }, path);
    }
    assert.equal(nativeKey('<apphive {x}>\\a\\'), '\\REGISTRY\\A\\{x}\\a');
  });
});

describe('the case of keys', () => {
  it('upcase() changes case as the kernel does', () => {
    assert.equal(upcase('straße\0\ud800éÿ'), 'STRAßE\0\ud800ÉŸ');
    assert.equal(upcase('ﬀıſµǅǆςᾀ'), 'ﬀıſµǅǄςᾈ');
    assert.equal(upcase('i'), 'I');
    for (let unit = 0; unit < 0x10000; unit++) assert.equal(upcase(`\u0100${String.fromCharCode(unit)}`).length, 2);
  });

  it('upcase() agrees with the kernel of the simulator', () => {
    const source = readFileSync(new URL('../../../../native/simulator/nt/rtl_case.cc', import.meta.url), 'utf8');
    const runs = [...source.matchAll(/\{0x([0-9A-F]{4}), 0x([0-9A-F]{4}), ([12]), (-?\d+)\}/g)];
    assert.ok(runs.length > 100);
    const upper = new Map<number, number>();
    for (const [, first, last, step, delta] of runs) {
      for (let unit = parseInt(first!, 16); unit <= parseInt(last!, 16); unit += Number(step)) {
        upper.set(unit, unit + Number(delta));
      }
    }
    // Newer versions of Unicode, which Node.js may have, add pairs; they change none.
    for (const [unit, expected] of upper) assert.equal(upcase(String.fromCharCode(unit)).charCodeAt(0), expected);
    for (let unit = 0; unit < 0x2c00; unit++) {
      if (!upper.has(unit) && unit !== 0x19b && unit !== 0x264 && unit !== 0x1c8a) {
        assert.equal(upcase(String.fromCharCode(unit)).charCodeAt(0), unit, unit.toString(16));
      }
    }
  });

  it('equalKeys() ignores case, doubled and trailing separators', () => {
    assert.ok(equalKeys('\\registry\\MACHINE\\É', '\\REGISTRY\\\\machine\\é\\\\'));
    assert.ok(equalKeys('', ''));
    const different: [string, string][] = [
      ['\\a', 'a'],
      ['\\a\\b', '\\ab'],
      ['\\a', '\\a\0'],
      ['\\a', ''],
      ['\\', ''],
      ['\\ı', '\\I'],
      ['\\ß', '\\SS'],
    ];
    for (const [a, b] of different) assert.ok(!equalKeys(a, b) && !equalKeys(b, a), `${a} ${b}`);
  });

  it('equalKeys() says of random paths what it says of their normal forms', () => {
    const random = new Random(7);
    const normal = (path: string) => {
      const end = path.search(/[^\\][\\]*$/);
      return upcase(end === -1 ? path.slice(0, 1) : path.slice(0, end + 1)).replaceAll(/\\+/g, '\\');
    };
    for (let round = 0; round < 20_000; round++) {
      const make = () =>
        Array.from({ length: random.below(6) }, () => random.pick(['a', 'A', 'é', 'É', '\\', '\\'])).join('');
      const [a, b] = [make(), make()];
      assert.equal(equalKeys(a, b), normal(a) === normal(b), JSON.stringify([a, b]));
    }
  });
});

describe('other names of a key', () => {
  it('all names of a key lead to the same canonical one', () => {
    const controlSet = 1;
    const groups: string[][] = [
      [`${machine}\\SYSTEM\\ControlSet001\\Services`, 'HKLM\\System\\CurrentControlSet\\services'],
      [
        `${machine}\\SOFTWARE\\Classes\\WOW6432Node\\CLSID`,
        'HKLM\\SOFTWARE\\WOW6432Node\\Classes\\CLSID',
        'HKCR\\Wow6432Node\\CLSID',
      ],
      [
        `${machine}\\SOFTWARE\\Classes\\AppID\\x`,
        'HKLM\\SOFTWARE\\Classes\\WOW6432Node\\AppID\\x',
        'HKLM\\SOFTWARE\\WOW6432Node\\Classes\\AppID\\x',
      ],
      [
        `${machine}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\\x`,
        'HKLM\\Software\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\App Paths\\x',
      ],
      [`${user}_Classes\\.txt`, `HKU\\${sid}\\Software\\Classes\\.txt`, 'HKCU\\Software\\Classes\\.txt'],
    ];
    for (const group of groups) {
      const options = { controlSet, userSid: sid };
      const [canonical] = [...new Set(group.map((path) => canonicalKey(path, options)))];
      for (const path of group) {
        assert.equal(canonicalKey(path, options), canonical);
        const aliases = keyAliases(path, options);
        assert.ok(equalKeys(aliases[0]!, group[0]!), path);
        for (const other of group) {
          const native = nativeKey(other, sid);
          assert.ok(
            aliases.some((alias) => equalKeys(alias, native)),
            `${path} has no ${native}`,
          );
        }
        assert.equal(new Set(aliases.map(upcase)).size, aliases.length);
        for (const alias of aliases) assert.equal(canonicalKey(alias, options), canonical);
      }
    }
  });

  it('a key has no more names than the kernel has for it', () => {
    const alone = [
      `${machine}\\SYSTEM\\ControlSet002\\Services`,
      `${machine}\\SOFTWARE\\WOW6432Node\\Microsoft`,
      `${machine}\\SOFTWARE\\Classes\\CLSID`,
      '\\REGISTRY\\USER\\S-1-5-18\\Software\\Classes',
      '\\REGISTRY\\USER\\.DEFAULT',
      '\\REGISTRY\\A\\{x}\\SYSTEM\\CurrentControlSet',
      '\\REGISTRY',
    ];
    for (const path of alone) assert.deepEqual(keyAliases(path, { controlSet: 1 }), [path]);
    // Without the number nobody can tell.
    assert.equal(keyAliases('HKLM\\SYSTEM\\CurrentControlSet').length, 1);
  });

  it('the other names of a key are shown as people write them', () => {
    assert.deepEqual(displayAliases(`${user}_Classes\\.txt`, { userSid: sid }), [
      'HKCU\\Software\\Classes\\.txt',
      'HKCR\\.txt',
    ]);
    assert.deepEqual(displayAliases('HKCR\\.txt'), ['HKLM\\SOFTWARE\\Classes\\.txt', 'HKCR\\.txt']);
    assert.deepEqual(displayAliases('HKLM\\SYSTEM\\ControlSet003', { controlSet: 3 }), [
      'HKLM\\SYSTEM\\ControlSet003',
      'HKLM\\SYSTEM\\CurrentControlSet',
    ]);
  });

  it('the other names of a key need the right number of the control set', () => {
    assert.equal(controlSetNumber('\\Registry\\Machine\\System\\ControlSet001'), 1);
    assert.equal(controlSetNumber(`${machine}\\SYSTEM\\ControlSet012\\Services`), 12);
    for (const path of [
      `${machine}\\SYSTEM\\CurrentControlSet`,
      `${machine}\\SYSTEM\\ControlSet1`,
      '',
      '\\A\\ControlSet001',
    ]) {
      assert.equal(controlSetNumber(path), null, path);
    }
    for (const controlSet of [0, 1000, 1.5, '1']) {
      assert.throws(() => keyAliases(machine, { controlSet } as never), { code: 'CMB_INVALID_ARGUMENT' });
    }
    assert.throws(() => keyAliases(machine, { controlset: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
  });
});

describe('the 32-bit view', () => {
  it('the 32-bit location of a key is found, and its name from there', () => {
    const views: [name: string, location: string][] = [
      ['HKLM\\SOFTWARE\\Vendor', `${machine}\\SOFTWARE\\WOW6432Node\\Vendor`],
      ['HKLM\\Software', `${machine}\\Software\\WOW6432Node`],
      ['HKLM\\SOFTWARE\\Classes\\CLSID\\{x}', `${machine}\\SOFTWARE\\Classes\\WOW6432Node\\CLSID\\{x}`],
      [`${user}_Classes\\Interface`, `${user}_Classes\\WOW6432Node\\Interface`],
      [`HKCU\\Software\\Classes\\CLSID`, `${user}\\Software\\Classes\\WOW6432Node\\CLSID`],
    ];
    for (const [name, location] of views) {
      assert.equal(wow64Location(name, sid), location);
      assert.equal(wow64Location(location, sid), location);
      assert.equal(wow64Name(location, sid), nativeKey(name, sid));
    }
  });

  it('the 32-bit location of a key is the key itself where it is shared', () => {
    const same = [
      'HKLM\\SOFTWARE\\Policies\\x',
      'HKLM\\SOFTWARE\\Classes\\.txt',
      'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Fonts',
      'HKLM\\SYSTEM\\CurrentControlSet',
      'HKCU\\Software\\Vendor',
      '<AppHive {x}>\\SOFTWARE',
    ];
    for (const name of same) {
      assert.equal(wow64Location(name, sid), nativeKey(name, sid));
      assert.equal(wow64Name(name, sid), nativeKey(name, sid));
    }
  });
});
