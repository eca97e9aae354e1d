import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules, explainRules, type Rule, type RuleContext } from '../../../lib/index.js';
import { includesComponent, includesPattern } from '../../../lib/rules/pattern/includes.js';
import {
  matchesPath,
  normalPattern,
  parseComponent,
  parseNames,
  pathNames,
} from '../../../lib/rules/pattern/pattern.js';
import { RuleProgram, type ProgramFacts } from './rule-program.js';

const nobody: ProgramFacts = {
  notifyClass: 0,
  keyPaths: null,
  valueName: null,
  valueType: null,
  outcome: null,
  imagePath: null,
  user: null,
  id: 4,
  sessionId: null,
  elevated: null,
  trees: [],
};

/** What the compiled program and the source say; they have to agree. */
function matchesKey(keys: string, keyPath: string, context: RuleContext = {}): boolean {
  const rules: Rule[] = [{ keys, action: 'notify' }];
  const { rule } = new RuleProgram(compileRules(rules, context).bytes).decide({ ...nobody, keyPaths: [keyPath] });
  const explained = explainRules(rules, { class: 'RegNtPreDeleteKey', keyPath }, context);
  assert.equal(explained.rule, rule, `${keys} ${keyPath}`);
  return rule === 0;
}

function matchesImage(image: string, imagePath: string, context: RuleContext = {}): boolean {
  const rules: Rule[] = [{ process: { image }, action: 'notify' }];
  const { rule } = new RuleProgram(compileRules(rules, context).bytes).decide({ ...nobody, imagePath });
  const explained = explainRules(rules, { class: 'RegNtPreDeleteKey', process: { imagePath } }, context);
  assert.equal(explained.rule, rule, `${image} ${imagePath}`);
  return rule === 0;
}

const machine = '\\REGISTRY\\MACHINE';
const users = '\\REGISTRY\\USER';
const sid = 'S-1-5-21-1-2-3-1001';

describe('key patterns', () => {
  it('a key pattern has wildcards within and over components', () => {
    const table: [pattern: string, yes: string[], no: string[]][] = [
      ['HKLM\\X', ['X', 'x', '\\X\\\\'], ['', 'X\\a', 'XX']],
      ['HKLM\\X\\**', ['X', 'X\\a', 'X\\a\\b'], ['', 'XX', 'a\\X']],
      ['HKLM\\X\\*', ['X\\a', 'X\\*'], ['X', 'X\\a\\b']],
      ['HKLM\\X\\**\\*', ['X\\a', 'X\\a\\b'], ['X']],
      ['HKLM\\X\\*\\**', ['X\\a', 'X\\a\\b'], ['X']],
      ['HKLM\\**\\Run', ['Run', 'a\\b\\RUN'], ['Run\\a', 'Runs']],
      ['HKLM\\**\\a\\**\\b', ['a\\b', 'x\\a\\y\\z\\b', 'a\\a\\b\\b'], ['b\\a', 'a']],
      ['HKLM\\a*b', ['ab', 'aXb', 'a\\b'.replace('\\', '-')], ['a', 'ba', 'abc', 'a\\b']],
      ['HKLM\\a*a', ['aa', 'aba'], ['a']],
      ['HKLM\\*b*', ['b', 'abc', 'ab'], ['a', '']],
      ['HKLM\\a*b*c', ['abc', 'a1b2c', 'abbc'], ['ac', 'acb']],
      ['HKLM\\[*]', ['*'], ['a', '[*]']],
      ['HKLM\\[[*]]', ['[*]'], ['*']],
      ['HKLM\\[*]*', ['*', '*a'], ['a*']],
      ['HKLM\\straße', ['STRAßE'], ['STRASSE']],
      ['HKLM\\ЖУР*', ['журнал'], ['жу']],
      ['**', ['', 'X', 'a\\b'], []],
      ['\\**\\X', ['X', 'a\\X'], ['X\\a']],
    ];
    for (const [pattern, yes, no] of table) {
      for (const path of yes) assert.ok(matchesKey(pattern, `${machine}\\${path}`), `${pattern} ${path}`);
      for (const path of no) assert.ok(!matchesKey(pattern, `${machine}\\${path}`), `${pattern} ${path}`);
    }
  });

  it('a key pattern begins with any form of root key', () => {
    const table: [pattern: string, path: string][] = [
      ['HKEY_LOCAL_MACHINE\\A', `${machine}\\a`],
      ['hklm\\A\\', `${machine}\\a`],
      ['\\Registry\\Machine\\A', `${machine}\\a`],
      ['HKU\\.DEFAULT', `${users}\\.default`],
      ['HKEY_USERS\\*\\A', `${users}\\S-1-5-18\\a`],
      ['HKCU\\A', `${users}\\${sid}\\a`],
      ['HKCU', `${users}\\${sid}`],
      ['HKCU\\*', `${users}\\${sid}\\a`],
      ['HKEY_CURRENT_USER\\A', `${users}\\.DEFAULT\\a`],
      ['HKCR\\.txt', `${machine}\\SOFTWARE\\Classes\\.txt`],
      ['HKCR\\.txt', `${users}\\${sid}_Classes\\.txt`],
      ['HKEY_CLASSES_ROOT\\.txt', `${users}\\${sid}\\Software\\Classes\\.txt`],
      ['HKCC\\Software', `${machine}\\SYSTEM\\ControlSet001\\Hardware Profiles\\0001\\Software`],
      ['HKEY_CURRENT_CONFIG\\A', `${machine}\\SYSTEM\\CurrentControlSet\\Hardware Profiles\\Current\\A`],
      ['<AppHive {x}>\\A', '\\REGISTRY\\A\\{X}\\a'],
      ['<AppHive *>\\**', '\\REGISTRY\\A\\{X}\\a'],
      ['<SiloHive S>\\A', '\\REGISTRY\\WC\\s\\a'],
    ];
    for (const [pattern, path] of table) assert.ok(matchesKey(pattern, path), `${pattern} ${path}`);
    for (const pattern of ['HKCU', 'HKCU\\*', 'HKCU\\.t*']) {
      const path = pattern === 'HKCU' ? `${users}\\${sid}_Classes` : `${users}\\${sid}_Classes\\.txt`;
      assert.ok(!matchesKey(pattern, path), `${pattern} is no key of an account`);
    }
    assert.ok(matchesKey('HKCU\\A', `${users}\\${sid}\\A`, { userSid: sid }));
    assert.ok(!matchesKey('HKCU\\A', `${users}\\${sid}0\\A`, { userSid: sid }));
    assert.ok(!matchesKey('HKCU\\A', `${users}\\.DEFAULT\\A`, { userSid: sid }));
  });

  it('a key pattern finds a key under every name that the kernel has for it', () => {
    const groups: [context: RuleContext, names: string[], others: string[]][] = [
      [
        { controlSet: 1 },
        [`${machine}\\SYSTEM\\CurrentControlSet\\Services\\X`, `${machine}\\SYSTEM\\ControlSet001\\Services\\X`],
        [`${machine}\\SYSTEM\\ControlSet002\\Services\\X`],
      ],
      [
        {},
        [
          `${machine}\\SOFTWARE\\Classes\\WOW6432Node\\CLSID\\X`,
          `${machine}\\SOFTWARE\\WOW6432Node\\Classes\\CLSID\\X`,
        ],
        [`${machine}\\SOFTWARE\\Classes\\CLSID\\X`],
      ],
      [
        {},
        [
          `${machine}\\SOFTWARE\\Classes\\TypeLib\\X`,
          `${machine}\\SOFTWARE\\Classes\\WOW6432Node\\TypeLib\\X`,
          `${machine}\\SOFTWARE\\WOW6432Node\\Classes\\TypeLib\\X`,
        ],
        [],
      ],
      [
        {},
        [`${machine}\\SOFTWARE\\Policies\\X`, `${machine}\\SOFTWARE\\WOW6432Node\\Policies\\X`],
        [`${machine}\\SOFTWARE\\WOW6432Node\\X`],
      ],
      [{}, [`${users}\\${sid}\\Software\\Classes\\X`, `${users}\\${sid}_Classes\\X`], [`${users}\\${sid}\\X`]],
    ];
    for (const [context, names, others] of groups) {
      for (const name of names) {
        const below = name.replace(/X$/, '**');
        for (const path of names) {
          assert.ok(matchesKey(name, path, context), `${name} ${path}`);
          assert.ok(matchesKey(below, `${path}\\deeper`, context), `${below} ${path}`);
        }
        for (const path of others) assert.ok(!matchesKey(name, path, context), `${name} ${path}`);
      }
    }
    // As long as nobody has told which one it is.
    assert.ok(matchesKey('HKLM\\SYSTEM\\CurrentControlSet\\**', `${machine}\\SYSTEM\\ControlSet003\\Services`));
    assert.ok(matchesKey('HKU\\*\\Software\\Classes\\X', `${users}\\${sid}_Classes\\X`));
    assert.ok(matchesKey('HKU\\*\\X', `${users}\\${sid}\\Software\\Classes\\X`));
    assert.ok(matchesKey('HKLM\\SOFTWARE\\*\\X', `${machine}\\SOFTWARE\\WOW6432Node\\Policies\\X`));
  });

  it('an image pattern names a file anywhere or at one place', () => {
    const path = '\\Device\\HarddiskVolume3\\Windows\\System32\\reg.exe';
    const drives = { 'c:': '\\Device\\HarddiskVolume3' };
    for (const image of [
      'REG.exe',
      'r*.exe',
      'C:\\Windows\\System32\\reg.exe',
      '\\??\\C:\\Windows\\**',
      'd:\\Windows\\**\\reg.exe',
      '\\Device\\HarddiskVolume3\\**',
      '**\\System32\\*',
      '**',
    ]) {
      assert.ok(matchesImage(image, path), image);
    }
    for (const image of ['reg', 'System32', '\\Device\\HarddiskVolume1\\**', 'C:\\reg.exe', '**\\System32']) {
      assert.ok(!matchesImage(image, path), image);
    }
    assert.ok(matchesImage('C:\\Windows\\**', path, { drives }));
    assert.ok(!matchesImage('C:\\Windows\\**', path.replace('3', '4'), { drives }));
    assert.ok(matchesImage('D:\\Windows\\**', path.replace('3', '4'), { drives }), 'a drive that is not known');
    assert.ok(matchesImage('\\\\server\\share\\a.exe', '\\Device\\Mup\\server\\share\\a.exe'));
  });
});

describe('inclusion of patterns', () => {
  const pattern = (text: string) => normalPattern(parseNames(text.split('\\'), text));

  it('includesPattern() finds that a pattern includes another', () => {
    const table: [outer: string, inner: string][] = [
      ['**', 'a\\b'],
      ['a\\**', 'a'],
      ['a\\**', 'a\\*\\b\\**'],
      ['*', 'a*'],
      ['a*', 'ab*c'],
      ['*b*', 'ab*c'],
      ['**\\b', 'a\\**\\b'],
      ['a*c', 'abc'],
      ['**\\a\\**', 'x\\**\\a\\y'],
    ];
    for (const [outer, inner] of table) assert.ok(includesPattern(pattern(outer), pattern(inner)), `${outer} ${inner}`);
  });

  it('includesPattern() never claims an inclusion that a path contradicts', () => {
    const parts = ['a', 'b', '*', '**', 'a*', '*b', 'a*b', '*a*'];
    const names = ['A', 'B', 'AB', 'AXB'];
    const patterns = parts.flatMap((first) => parts.map((second) => pattern(`${first}\\${second}`)));
    const paths = names.flatMap((first) => [
      [first],
      ...names.flatMap((second) => [
        [first, second],
        [first, second, 'A'],
      ]),
    ]);
    let included = 0;
    for (const outer of patterns) {
      for (const inner of patterns) {
        if (!includesPattern(outer, inner)) continue;
        included++;
        for (const path of paths) assert.ok(!matchesPath(inner, path) || matchesPath(outer, path));
      }
    }
    assert.ok(included > 300, String(included));
    const [a, b] = ['ab', 'a*b'].map((text) => parseComponent(text)!);
    assert.ok(includesComponent(b!, a!) && !includesComponent(a!, b!));
    assert.deepEqual(pathNames('\\\\a\\\\b\\'), ['A', 'B']);
  });
});
