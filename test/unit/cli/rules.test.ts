import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Output } from '../../../lib/cli/output.js';
import { checkRuleFiles, type RulesCheckOptions } from '../../../lib/cli/rules-check.js';
import { explainRuleFile, type RulesExplainOptions } from '../../../lib/cli/rules-explain.js';
import { stringifyEvent } from '../../../lib/event/json/write.js';
import { setValueRecord } from '../support/records.js';
import { decodeAll } from '../support/samples.js';

const main = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url));

const goodRules = `version: 1
rules:
  - name: not regedit
    process: { image: regedit.exe }
    action: ignore
  - operations: SetValueKey
    keys: HKLM\\Software\\**
    action: notify
`;

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rules-'));
});
after(() => rm(folder, { recursive: true }));

async function ruleFile(text: string, name = 'rules.yaml'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

function collect(lines: string[]): Output {
  return {
    isTTY: false,
    columns: null,
    closed: new AbortController().signal,
    write: (line) => {
      lines.push(...line.split('\n'));
      return undefined;
    },
  };
}

async function check(files: readonly string[], options: Partial<RulesCheckOptions> = {}) {
  const lines: string[] = [];
  const status = await checkRuleFiles(files, { color: true, ...options }, { output: collect(lines), env: {} });
  return { status, lines: lines.map((line) => line.replaceAll(folder + path.sep, '')) };
}

async function explain(text: string, options: Partial<RulesExplainOptions>, stdin = ''): Promise<string[]> {
  const lines: string[] = [];
  const environment = { output: collect(lines), env: {}, stdin: Readable.from([stdin]) };
  await explainRuleFile(await ruleFile(text), { color: true, ...options }, environment);
  return lines.map((line) => line.replaceAll(folder + path.sep, ''));
}

describe('rules check', () => {
  it('cmbridge rules check sums up a file in which nothing is wrong', async () => {
    const { status, lines } = await check([await ruleFile(goodRules)]);
    assert.equal(status, 0);
    assert.match(
      lines.join('\n'),
      /^rules\.yaml: 2 rules, otherwise ignore; [1-9][\d,]* bytes; 2 of \d\d notification classes looked at$/,
    );
  });

  it('cmbridge rules check prints errors and warnings as compilers do, for every file', async () => {
    const wrong = await ruleFile(
      'version: 1\nrules:\n  - actoin: notify\n  - { action: notify, keys: HKXM }\n',
      'wrong.yaml',
    );
    const doubtful = await ruleFile(
      'version: 1\nrules:\n  - action: notify\n    phases: pre\n    outcome: success\n  - action: block\n',
      'doubtful.yaml',
    );
    const { status, lines } = await check([wrong, doubtful, await ruleFile(goodRules), path.join(folder, 'none')]);
    assert.equal(status, 1);
    const expected = [
      /^wrong\.yaml:3:5: error: "action" is missing/,
      /^wrong\.yaml:3:5: error: there is no "actoin" here\. Did you mean "action"\?$/,
      /^wrong\.yaml:4:29: error: "HKXM" does not begin with a root key/,
      /^wrong\.yaml: cannot be used; 3 errors$/,
      /^doubtful\.yaml:5:14: warning: never matches: only post classes know the outcome$/,
      /^doubtful\.yaml:6:13: warning: blocks such operations on every key by every program/,
      /^doubtful\.yaml: 2 rules, .*; 2 warnings$/,
      /^rules\.yaml: 2 rules/,
      /^none: error: Cannot read .*ENOENT/,
      /^none: cannot be used; 1 error$/,
    ];
    assert.equal(lines.length, expected.length, lines.join('\n'));
    for (const [index, pattern] of expected.entries()) assert.match(lines[index] ?? '', pattern);
    assert.equal((await check([doubtful])).status, 0);
    assert.equal((await check([doubtful], { strict: true })).status, 1);
  });

  it('cmbridge rules check prints files, programs and problems as JSON', async () => {
    const wrong = await ruleFile('version: 1\nrules:\n  - { action: notify, keys: [HKXM] }\n', 'wrong.yaml');
    const { status, lines } = await check([await ruleFile(goodRules), wrong], { json: true });
    const [good, bad] = JSON.parse(lines.join('\n')) as Record<string, unknown>[];
    assert.equal(status, 1);
    assert.equal(good?.['valid'], true);
    const program = good['program'] as Record<string, unknown>;
    assert.deepEqual(program['classes'], ['RegNtPreSetValueKey', 'RegNtPostSetValueKey']);
    assert.deepEqual([program['rules'], program['otherwise'], good['problems']], [2, 'ignore', []]);
    const [problem] = bad?.['problems'] as Record<string, unknown>[];
    assert.deepEqual(
      [bad?.['valid'], bad?.['program'], problem?.['line'], problem?.['column'], problem?.['path']],
      [false, null, 3, 30, 'rules[0].keys[0]'],
    );
  });
});

describe('rules explain', () => {
  const operation = { operation: 'SetValueKey', key: 'HKLM\\SOFTWARE\\X', pid: 8 };

  it('cmbridge rules explain tells the rule that decides, and what failed where in those before it', async () => {
    const lines = await explain(goodRules, { ...operation, image: 'C:\\a.exe' });
    assert.equal(lines[0], 'SetValueKey, pre: HKLM\\SOFTWARE\\X');
    assert.equal(lines[1], 'notify: rule 2 (rules.yaml:6) is the first that matches');
    assert.match(lines[2] ?? '', /^ {4}line 6, operations: RegNtPreSetValueKey fits operations "SetValueKey"/);
    assert.match(lines[3] ?? '', /^ {4}line 7, keys: .*\\X fits "HKLM\\Software\\\*\*"$/);
    assert.equal(lines[4], '  rule 1 "not regedit" (rules.yaml:3) does not match');
    assert.match(lines[5] ?? '', /^ {4}line 4, process\.image: "C:\\a\.exe"; expected "regedit\.exe"$/);
    assert.equal(lines.length, 6);
  });

  it('cmbridge rules explain tells when no rule matches, and when that is not certain', async () => {
    const none = await explain(goodRules, { ...operation, key: 'HKU\\X', image: 'C:\\a.exe' });
    assert.match(none[1] ?? '', /^ignore: no rule matches, and "otherwise" is ignore$/);
    const unsure = await explain(goodRules, operation);
    assert.match(unsure[1] ?? '', /^notify: rule 2/);
    assert.ok(unsure.includes('  rule 1 "not regedit" (rules.yaml:3) could match'));
    assert.match(unsure.at(-1) ?? '', /^Not certain/);
  });

  it('cmbridge rules explain takes a status by name or number, and the phase from it', async () => {
    const text = 'version: 1\nrules:\n  - { outcome: failure, action: notify }\n';
    for (const status of ['STATUS_ACCESS_DENIED', '0xC0000022', '-1073741790']) {
      assert.match((await explain(text, { ...operation, status }))[1] ?? '', /^notify: rule 1/);
    }
    assert.match((await explain(text, { ...operation, status: 'success' }))[1] ?? '', /^ignore/);
    await assert.rejects(explain(text, { ...operation, status: 'STATUS_DENIED' }), { message: /STATUS_ACCESS_DENIED/ });
    await assert.rejects(explain(text, { ...operation, status: '0', phase: 'pre' }), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(explain(text, { operation: 'RegNtPreSetValueKey', status: '0' }), {
      message: /before there is/,
    });
    await assert.rejects(explain(text, { operation: 'SetValue' }), { message: /Did you mean "SetValueKey"/ });
    await assert.rejects(explain(text, {}), { message: /--operation SetValueKey/ });
  });

  it('cmbridge rules explain shows the last rules that do not match, or all', async () => {
    const text = `version: 1\nrules:\n${'  - { keys: HKLM\\A, action: notify }\n'.repeat(50)}`;
    const lines = await explain(text, operation);
    assert.equal(lines.filter((line) => line.includes('does not match')).length, 20);
    assert.ok(lines.includes('  30 rules before do not match (--all shows them)'));
    const all = await explain(text, { ...operation, all: true });
    assert.equal(all.filter((line) => line.includes('does not match')).length, 50);
  });

  it('cmbridge rules explain takes events in NDJSON from a file or from standard input', async () => {
    const record = setValueRecord('v', 1, Buffer.from('x\0', 'utf16le'), {
      keyPath: '\\REGISTRY\\MACHINE\\Software\\A',
    });
    const [event] = decodeAll(record);
    const line = stringifyEvent(event!);
    const lines = await explain(goodRules, { event: '-' }, `${line}\n\n${line}\n`);
    const heads = lines.filter((text) => /^#\d+ RegNtPreSetValueKey HKLM\\Software\\A$/.test(text));
    assert.equal(heads.length, 2);
    const file = await ruleFile(`${line}\n`, 'events.ndjson');
    const [json] = await explain(goodRules, { event: file, json: true });
    const explained = JSON.parse(json ?? '') as {
      action: string;
      rule: number;
      rules: { line: number; conditions: { line: number }[] }[];
    };
    assert.deepEqual([explained.action, explained.rule], ['notify', 1]);
    assert.deepEqual([explained.rules[0]?.line, explained.rules[0]?.conditions[0]?.line], [3, 4]);
    await assert.rejects(explain(goodRules, { event: '-' }, `${line}\n{}\n`), {
      message: /^standard input, line 2: event/,
    });
    await assert.rejects(explain(goodRules, { event: '-' }, ''), { message: /no events/ });
    await assert.rejects(explain(goodRules, { event: '-', key: 'HKLM' }, ''), { message: /leave out --key/ });
    await assert.rejects(explain(goodRules, { event: path.join(folder, 'none') }), { message: /ENOENT/ });
  });
});

describe('the program', () => {
  function run(...parameters: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [main, ...parameters], (_, stdout, stderr) => {
        resolve({ status: child.exitCode ?? -1, stdout, stderr });
      });
    });
  }

  it('the cmbridge program ends with 0, with 1 for bad rules, with 2 for wrong usage', async () => {
    const good = await ruleFile(goodRules);
    const bad = await ruleFile('version: 1\nrules: 7\n', 'bad.yaml');
    const asking = await ruleFile('version: 1\nrules:\n  - keys: HKLM\\X\n    action: ask\n', 'asking.yaml');
    const [checked, refused, explained, unexplained, usage, unknown, watched, unanswered] = await Promise.all([
      run('rules', 'check', good),
      run('rules', 'check', bad),
      run('rules', 'explain', good, '--operation', 'OpenKey', '--key', 'HKLM\\X'),
      run('rules', 'explain', bad, '--operation', 'OpenKey'),
      run('rules', 'explain', good),
      run('rules', 'chekc', good),
      run('watch', '--simulate', 'examples/sample.reg', '--rules', bad),
      run('watch', '--simulate', 'examples/sample.reg', '--rules', asking),
    ]);
    assert.deepEqual([checked.status, checked.stderr], [0, '']);
    assert.deepEqual([refused.status, refused.stderr], [1, '']);
    assert.match(refused.stdout, /bad\.yaml:2:8: error: must be a list, not 7\n/);
    assert.deepEqual([explained.status, explained.stderr], [0, '']);
    assert.equal(unexplained.status, 1);
    assert.match(unexplained.stderr, /bad\.yaml:2:8: error: must be a list, not 7\n/);
    assert.deepEqual([usage.status, unknown.status], [2, 2]);
    assert.match(unknown.stderr, /Did you mean check/);
    assert.equal(watched.status, 1);
    assert.match(watched.stderr, /bad\.yaml:2:8: error: /);
    assert.equal(unanswered.status, 2);
    assert.match(unanswered.stderr, /asking\.yaml:4: this rule asks, and cmbridge watch decides nothing/);
  });
});
