import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules, RulesError, type Rule, type RuleProblem } from '../../../lib/index.js';
import * as P from '../../../lib/wire/protocol.js';
import { rulePathText } from '../../../lib/rules/problem.js';
import { RuleProgram } from './rule-program.js';

const textOf = ({ path, message }: RuleProblem) => `${rulePathText(path)}: ${message}`;

function problemsOf(rules: unknown, options = {}): string[] {
  try {
    compileRules(rules as Rule[], options);
  } catch (error) {
    assert.ok(error instanceof RulesError && error.code === 'CMB_INVALID_RULES');
    return error.problems.map(textOf);
  }
  return [];
}

const warningsOf = (rules: readonly Rule[]) => compileRules(rules).warnings.map(textOf);
const notify = { action: 'notify' } as const;

describe('rules with errors', () => {
  it('rules with errors are refused with everything that is wrong, where it is, and what would be right', () => {
    const rules = [
      { ...notify, keys: ['HKLM\\ok', 'HKLX\\a', 'Software\\b', 'HKLM\\a**', 'HKLM/a', 'REGISTRY\\a', '\\Foo', '\\'] },
      { action: 'blok', process: { image: 'x' } },
      { ...notify, valueNames: 'a**', process: { image: ['C:', 'x\\y', '\\SystemRoot\\a'], user: 'S-1' } },
    ];
    const expected = [
      /^rules\[0\]\.keys\[1\]: "HKLX\\a" does not begin with a root key\. Did you mean "HKLM"/,
      /^rules\[0\]\.keys\[2\]: .*expected HKLM, HKU, HKCU, HKCR, HKCC, .* or "\*\*\\" for any place$/,
      /^rules\[0\]\.keys\[3\]: "a\*\*" in "HKLM\\a\*\*" has asterisks side by side/,
      /^rules\[0\]\.keys\[4\]: .*; components are separated by backslashes$/,
      /^rules\[0\]\.keys\[5\]: .*; write "\\REGISTRY\\a"$/,
      /^rules\[0\]\.keys\[6\]: "\\Foo" begins with a separator, so it must begin with \\REGISTRY$/,
      /^rules\[0\]\.keys\[7\]: "\\" names no key; "\*\*" stands for every key$/,
      /^rules\[1\]\.action: must be .* not "blok"\. Did you mean "block"\?$/,
    ];
    const problems = problemsOf(rules);
    for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
    assert.match(problems.at(-1) ?? '', /^rules\[2\]\.process\.user: must be a SID/);
    assert.deepEqual(problemsOf([{ ...notify, valueNames: 'a**', process: { image: ['C:', 'x\\y'] } }]), [
      'rules[0].valueNames: "a**" has asterisks side by side; "*" is any text in the name of a value',
      'rules[0].process.image[0]: "C:" names a drive and no program; add \\**',
      'rules[0].process.image[1]: "x\\y" does not say where it begins; expected a name without directory, a drive letter, ' +
        '\\Device\\..., \\\\server\\..., or "**\\" for any directory',
    ]);
  });

  it('wrong options of compileRules() are refused', () => {
    const wrong = [{ controlSet: 0 }, { controlSet: 1000 }, { userSid: 'me' }, { drives: { C: 'x' } }, { drives: 1 }];
    for (const options of wrong) {
      assert.throws(
        () => compileRules([], options as never),
        { code: 'CMB_INVALID_ARGUMENT' },
        JSON.stringify(options),
      );
    }
    assert.throws(() => compileRules([], { otherWise: 'notify' } as never), { code: 'CMB_UNKNOWN_OPTION' });
    assert.match(problemsOf([], { otherwise: 'block' })[0] ?? '', /^otherwise: must be "ignore" or "notify"/);
  });

  it('rules beyond the limits are refused', () => {
    const many = (count: number, rule: (index: number) => Rule) =>
      Array.from({ length: count }, (_, index) => rule(index));
    assert.match(problemsOf(many(4097, () => notify))[0] ?? '', /^rules: has 4097 entries; at most 4096/);
    const names = (count: number) =>
      many(count, () => notify)
        .map(() => 'a')
        .join('\\');
    assert.deepEqual(problemsOf([{ ...notify, keys: `HKLM\\${names(61)}` }]), []);
    assert.deepEqual(problemsOf([{ ...notify, keys: `HKLM\\${names(62)}` }]), [
      'rules[0].keys: has 64 components from \\REGISTRY or \\Device on; at most 63 are possible',
    ]);
    assert.match(
      problemsOf([{ ...notify, keys: `HKLM\\${'a'.repeat(16384)}` }])[0] ?? '',
      /component of 16384 characters/,
    );
    const trees = problemsOf(many(33, (index) => ({ ...notify, process: { tree: 4 * index } })));
    assert.deepEqual(trees, ['rules[32].process.tree: is one process tree too many: all rules together may name 32']);
    assert.deepEqual(problemsOf(many(40, (index) => ({ ...notify, process: { tree: 4 * (index % 32) } }))), []);
    assert.match(
      problemsOf([{ ...notify, keys: 'HKLM\\a' }], { maxBytes: 600 })[0] ?? '',
      /^rules: take \d+ bytes of tables; .* 600$/,
    );
    const globs = problemsOf(many(4096, (index) => ({ ...notify, keys: `HKLM\\SOFTWARE\\Vendor${index}*\\x` })));
    assert.match(globs[0] ?? '', /^rules: keys have too many patterns with wildcards in the same place/);
    const nested = problemsOf(many(2100, (index) => ({ ...notify, keys: `**\\a${index}\\**\\b` })));
    assert.match(nested[0] ?? '', /^rules: have 2100 places with "\*\*" after "\*\*"; at most 2048/);
  });
});

describe('the compiler of rules', () => {
  const rules: Rule[] = [
    { operations: 'SetValueKey', keys: ['HKCU\\Software\\**', 'HKLM\\**\\Run*'], action: 'notify' },
    { process: { user: ['S-1-5-18', 's-1-5-18'], id: [8, 4], elevated: true }, outcome: 'failure', action: 'ignore' },
    { valueNames: ['', 'a*'], valueTypes: ['REG_DWORD', 'REG_SZ'], action: 'notify' },
  ];

  it('compiled rules are the same bytes for the same rules', () => {
    const first = compileRules(rules, { controlSet: 1 });
    const second = compileRules(structuredClone(rules), { controlSet: 1 });
    assert.deepEqual(first.bytes, second.bytes);
    assert.equal(first.ruleCount, 3);
    const view = new DataView(first.bytes.buffer);
    assert.equal(view.getUint32(P.CMB_RULES.Size, true), first.bytes.byteLength);
    assert.equal(first.bytes.byteLength % 8, 0);
  });

  it('compiled rules keep each set of rules, each place in the patterns and each SID once', () => {
    const program = (count: number) =>
      new RuleProgram(
        compileRules(
          Array.from({ length: count }, () => ({
            keys: 'HKLM\\SOFTWARE\\Vendor',
            process: { user: 'S-1-5-18' },
            action: 'notify',
          })),
        ).bytes,
      );
    for (const field of ['NodeCount', 'TextCount', 'SetCount', 'UnitCount', 'ByteCount', 'MemberCount'] as const) {
      assert.equal(program(60).header(field), program(2).header(field), field);
    }
  });

  it('compiled rules say of which classes nothing can come', () => {
    const bit = (notifyClass: number) => 1n << BigInt(notifyClass);
    const mask = (list: Rule[], otherwise?: 'ignore' | 'notify') => compileRules(list, { otherwise }).classMask;
    assert.equal(mask([]), 0n);
    assert.equal(mask([], 'notify'), 0xffff_ffff_ffff_ffffn);
    assert.equal(mask([{ operations: 'SetValueKey', action: 'notify' }]), bit(1) | bit(16));
    assert.equal(mask([{ operations: 'SetValueKey', outcome: 'success', action: 'notify' }]), bit(16));
    assert.equal(mask([{ action: 'ignore' }, notify]), 0n);
    assert.equal(
      mask([{ operations: 'SetValueKey', action: 'ignore' }], 'notify'),
      0xffff_ffff_ffff_ffffn & ~(bit(1) | bit(16)),
    );
    assert.equal(
      mask([
        { keys: '**', action: 'ignore' },
        { operations: 'FlushKey', action: 'notify' },
      ]),
      bit(30) | bit(31),
    );
  });

  it('a thousand rules are compiled in less than a second, and 4096 are compiled without a warning', () => {
    const many = Array.from({ length: 1000 }, (_, index): Rule => ({
      keys: `HKLM\\SOFTWARE\\Vendor${index % 800}\\**`,
      action: 'notify',
    }));
    compileRules(many);
    const before = process.cpuUsage();
    const { bytes } = compileRules(many);
    const { user, system } = process.cpuUsage(before);
    // Some 20 ms; quadratic work would take seconds.
    assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms`);
    assert.ok(bytes.byteLength < 300_000);
    const most = Array.from({ length: 4096 }, (_, index): Rule => ({
      keys: `HKCU\\Software\\Vendor${index}`,
      action: 'notify',
    }));
    assert.equal(compileRules(most).ruleCount, 4096);
    assert.deepEqual(compileRules(most).warnings, []);
  });
});

describe('warnings about rules', () => {
  it('compileRules() warns of rules that never match', () => {
    assert.deepEqual(
      warningsOf([
        { phases: 'pre', outcome: 'success', action: 'notify' },
        { operations: 'OpenKey', valueTypes: 'REG_SZ', action: 'notify' },
        { operations: ['OpenKey', 'EnumerateValueKey'], valueNames: 'a', action: 'notify' },
        { operations: 'OpenKey', classes: 'RegNtPreSetValueKey', action: 'notify' },
        { operations: 'DeleteValueKey', valueNames: 'a', valueTypes: 'REG_SZ', action: 'notify' },
      ]),
      [
        'rules[0].outcome: never matches: only post classes know the outcome',
        'rules[1].valueTypes: never matches: only SetValueKey writes a value',
        'rules[2].valueNames: never matches: only SetValueKey, DeleteValueKey and QueryValueKey name one value',
        'rules[3]: never matches: its operations, classes and phases have nothing in common',
        'rules[4].valueTypes: never matches: only SetValueKey writes a value',
      ],
    );
  });

  it('compileRules() warns of rules to which earlier ones leave nothing', () => {
    assert.deepEqual(
      warningsOf([
        { keys: 'HKLM\\**', outcome: 'success', action: 'notify' },
        { keys: 'HKLM\\**', outcome: 'failure', action: 'ignore' },
        { keys: 'HKLM\\SOFTWARE\\X*', phases: 'post', action: 'ignore' },
        { keys: ['HKCU\\A\\**', 'HKU\\B'], process: { id: [4, 8] }, action: 'notify' },
        { keys: 'HKU\\B', process: { id: 8 }, valueNames: 'x', action: 'notify' },
        { keys: 'HKU\\B', process: { id: [8, 4] }, action: 'ignore' },
        { keys: 'HKU\\B', process: { id: 12 }, action: 'ignore' },
        { keys: 'HKU\\B', process: { id: 12 }, action: 'notify' },
        { action: 'notify' },
        { process: { tree: 4 }, action: 'ignore' },
      ]),
      [
        'rules[2]: never decides: rules[0] and rules[1] come first and match all that it would match',
        'rules[4]: never decides: rules[3] comes first and matches all that it would match',
        'rules[5]: never decides: rules[3] comes first and matches all that it would match',
        'rules[7]: never decides: rules[6] has the same conditions and comes first',
        'rules[9]: never decides: rules[8] comes first and matches all that it would match',
      ],
    );
  });

  it('compileRules() warns of rules to which earlier ones leave nothing under another name of the key', () => {
    const twice = (first: string, second: string) =>
      warningsOf([first, second].map((keys) => ({ ...notify, keys }))).length;
    assert.equal(twice('HKCR\\CLSID\\**', 'HKLM\\SOFTWARE\\Classes\\CLSID\\{1}'), 1);
    assert.equal(twice('HKCU\\Software\\**', 'HKCU\\Software\\Classes\\.txt'), 1);
    assert.equal(twice('HKLM\\SOFTWARE\\Classes\\TypeLib\\**', 'HKLM\\SOFTWARE\\WOW6432Node\\Classes\\TypeLib\\x'), 1);
    assert.equal(twice('HKLM\\SYSTEM\\ControlSet001\\**', 'HKLM\\SYSTEM\\CurrentControlSet\\x'), 0);
  });

  it('compileRules() does not warn of rules that may decide', () => {
    const quiet: Rule[][] = [
      // A notification whose path is not known fulfils no condition on it.
      [{ keys: '**', action: 'ignore' }, notify],
      [{ process: { elevated: true }, action: 'ignore' }, { process: { elevated: false }, action: 'ignore' }, notify],
      [
        { keys: 'HKLM\\a', action: 'ignore' },
        { keys: 'HKLM\\a\\**', action: 'notify' },
      ],
      [{ phases: 'pre', action: 'ignore' }, { phases: 'post', outcome: 'success', action: 'ignore' }, notify],
    ];
    for (const rules of quiet) assert.deepEqual(warningsOf(rules), []);
  });

  it('compileRules() warns of patterns that hardly mean what they say', () => {
    const messages = warningsOf([
      { keys: ['HKLM', '\\REGISTRY\\USER\\', 'HKLM\\a?'], valueNames: '(Default)', action: 'notify' },
      { process: { image: ['**\\%windir%\\a.exe', '\\??\\C:\\a?.exe', '\\??\\C:\\a.exe'] }, action: 'notify' },
    ]);
    assert.deepEqual(
      messages.map((text) => text.slice(0, text.indexOf(':'))),
      [
        'rules[0].keys[0]',
        'rules[0].keys[1]',
        'rules[0].keys[2]',
        'rules[0].valueNames',
        'rules[1].process.image[0]',
        'rules[1].process.image[1]',
      ],
    );
    assert.match(messages[0] ?? '', /"HKLM" is that key alone; for all that is below it write "HKLM\\\*\*"$/);
    assert.match(messages[3] ?? '', /its name is ""$/);
  });
});
