import { Ajv } from 'ajv';
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  compileRules,
  explainRules,
  loadRules,
  parseRules,
  RulesError,
  type RuleOperation,
} from '../../../lib/index.js';

const isRuleFile = new Ajv({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(await readFile('schema/rules.schema.json', 'utf8')) as object,
);

/** What is wrong with a text, each as `line:column: message`. */
function problems(text: string): string[] {
  let error: unknown;
  try {
    parseRules(text, { fileName: 'f.yaml' });
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof RulesError, `no error in ${text.slice(0, 100)}`);
  assert.equal(error.code, 'CMB_INVALID_RULES');
  assert.equal(error.fileName, 'f.yaml');
  return error.problems.map(({ line, column, message }) => `${line ?? '-'}:${column ?? '-'}: ${message}`);
}

/** The first of them, and the text begins so. */
function firstIs(text: string, expected: string): void {
  const [first] = problems(text);
  assert.ok(first?.startsWith(expected), `${first} is not ${expected}`);
}

const head = 'version: 1\nrules:\n';

describe('rule files', () => {
  it('a rule file can be YAML, and locates its parts by line and column', () => {
    const file = parseRules(`# yaml-language-server: $schema=rules.schema.json
version: 1
otherwise: notify
rules:
  - name: Run keys          # with a comment
    operations: [SetValueKey, DeleteValueKey]
    keys:
      - HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run
      - '**\\Run[*]'
    valueNames: ['', "a\\u0000b"]
    process: { id: [4, 0x10], elevated: true }
    action: notify
  - action: ignore
`);
    assert.deepEqual(file.rules, [
      {
        name: 'Run keys',
        operations: ['SetValueKey', 'DeleteValueKey'],
        keys: ['HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run', '**\\Run[*]'],
        valueNames: ['', 'a\0b'],
        process: { id: [4, 16], elevated: true },
        action: 'notify',
      },
      { action: 'ignore' },
    ]);
    assert.deepEqual([file.otherwise, file.fileName], ['notify', null]);
    assert.deepEqual(file.locate(['rules', 0, 'keys', 1]), { line: 9, column: 9 });
    assert.deepEqual(file.locate(['rules', 1]), { line: 13, column: 5 });
    assert.deepEqual(file.locate(['rules', 0, 'process', 'elevated']), { line: 11, column: 41 });
    assert.deepEqual(file.locate([]), { line: 2, column: 1 });
    assert.equal(file.locate(['rules', 2]), null);
    assert.equal(file.locate(['rules', 1, 'keys']), null);
  });

  it('a rule file can be JSON, with any indentation', () => {
    const content = { $schema: 'x', version: 1, rules: [{ keys: 'HKLM\\X', valueTypes: 'REG_SZ', action: 'notify' }] };
    for (const space of [0, 2, '\t']) {
      const file = parseRules(JSON.stringify(content, null, space));
      assert.deepEqual([file.rules, file.otherwise], [content.rules, 'ignore']);
    }
  });

  it('a rule file can use YAML aliases', () => {
    const file = parseRules(
      `version: 1\nrules:\n  - keys: &run ['HKLM\\Run', 'HKCU\\Run']\n    action: notify\n  - keys: *run\n    action: ignore\n`,
    );
    assert.deepEqual(file.rules[1]?.keys, ['HKLM\\Run', 'HKCU\\Run']);
    assert.deepEqual(file.locate(['rules', 1, 'keys']), { line: 5, column: 11 });
  });

  it('parseRules() tells everything that is wrong with rules, in order, with line and column', () => {
    assert.deepEqual(
      problems(
        [
          'version: 2',
          'otherwise: block',
          'rules:',
          '  - keys: HKLM\\X',
          '    actoin: notify',
          '  - keys: [HKXM\\X, HKLM\\a**b]',
          '    action: notify',
          '  - action: notify',
          '    process:',
          '      user: [S-1-5-18, Administrator]',
          '      pid: 4',
          '    valueTypes: REG_STRING',
          '  - 7',
        ].join('\n'),
      ),
      [
        '1:10: must be 1, not 2',
        '2:12: must be "ignore" or "notify", not "block"',
        '4:5: "action" is missing: "ignore", "notify", "ask", "block" or "bypass"',
        '5:5: there is no "actoin" here. Did you mean "action"?',
        '6:12: "HKXM\\X" does not begin with a root key. Did you mean "HKLM" or "HKU" or "HKCU"?',
        '6:20: "a**b" in "HKLM\\a**b" has asterisks side by side; "*" is any text within a component, and "**" has to be a component of its own',
        '10:24: must be a SID such as S-1-5-18, not "Administrator"',
        '11:7: there is no "pid" here. Did you mean "id"?',
        '12:17: must be a type such as "REG_SZ" or "REG_TYPE_0x0000FFFF", not "REG_STRING"',
        '13:5: must be an object, not 7',
      ],
    );
  });

  it('parseRules() tells what is wrong with the file as a whole', () => {
    firstIs('', '1:1: the file is empty');
    firstIs('# only a comment\n', '1:1: the file is empty');
    firstIs('- action: notify\n', '1:1: a rule file begins with "version: 1"');
    firstIs('notify\n', '1:1: must be an object, not "notify"');
    firstIs('version: 1\n', '1:1: "rules" is missing');
    firstIs('version: 1\nrules: {}\n', '2:8: must be a list');
    firstIs('version: 1\nrule: []\n', '1:1: "rules" is missing');
    firstIs('version: 1\nrules:\n---\nversion: 1\n', '3:1: a second document begins here');
    assert.deepEqual(parseRules('version: 1\nrules: []\n').rules, []);
  });

  it('parseRules() tells where the syntax is wrong, and what to do about a path that YAML misunderstands', () => {
    firstIs(`${head}  - keys: **\\Run\n    action: notify\n`, `3:11: *\\Run is an alias`.replace('*', '**'));
    firstIs(`${head}  - keys: [a, *b]\n`, '3:15: *b is an alias in YAML');
    firstIs(
      `${head}  - keys: "HKLM\\Software"\n    action: notify\n`,
      '3:16: \\S means nothing between double quotes; double',
    );
    firstIs(
      `${head}  - keys: "HKLM\\new"\n    action: notify\n`,
      '3:16: \\n between double quotes is no backslash and "n"',
    );
    firstIs(`${head}  - keys: "HKLM\\Policies"\n    action: notify\n`, '3:16: \\P between double quotes');
    firstIs(
      `${head}  - keys: [HKLM\\X\\[*]]\n    action: notify\n`,
      '3:19: Missing , or : between flow sequence items; text',
    );
    firstIs(`${head}\t- action: notify\n`, '3:1: tabs cannot indent');
    firstIs(`${head}  - action: !x notify\n`, '3:13: !x is a tag');
    firstIs(`${head}  - ? [a]\n    : 1\n`, '3:7: a name was expected');
    firstIs(`${head}  - action: 'notify\n`, '4:1: Missing closing');
    firstIs(
      `${head}  - keys: a\n    keys: b\n    action: notify\n`,
      '4:5: "keys" stands here for the second time; the first is in line 3',
    );
    firstIs(`${head}  - &a [*a]\n`, '3:9: *a stands inside of what it means');
    firstIs(`${head}  - __proto__: 1\n    action: notify\n`, '3:5: there is no "__proto__" here');
    firstIs('{"version": 1,\n "rules": [{"action": "notify" "keys": "x"}]}', '2:23: Block collections');
    firstIs('{"version": 1,\n "rules": [{"action": "notify"}', '2:32: "]" is missing here');
    firstIs('{"version": 1,\n "rules": [{"keys": "HKLM\\x"}]}', '2:26: \\x means nothing');
    const two = problems(`${head}  - keys: **\\A\n    valueNames: *b\n    action: notify\n`);
    assert.deepEqual(
      two.map((text) => text.slice(0, 5)),
      ['3:11:', '4:17:'],
    );
  });

  it('parseRules() counts lines and columns as editors do', () => {
    firstIs('\ufeffversion: 2\r\nrules: []\r\n', '1:10: must be 1');
    firstIs(`# 日本語\r\n${head.replaceAll('\n', '\r\n')}  - { name: "😀", action: x }\r\n`, '4:27: must be "ignore"');
  });

  it('parseRules() tells what the compiler finds, with its place', () => {
    firstIs(`${head}  - keys: 'HKLM\\${'a\\'.repeat(70)}'\n    action: notify\n`, '3:11: has 7');
    const trees = Array.from({ length: 33 }, (_, index) => `  - { action: notify, process: { tree: ${index * 4} } }\n`);
    firstIs(head + trees.join(''), '35:40: is one process tree too many');
  });

  it('parseRules() bounds nesting, aliases and the number of errors', () => {
    firstIs(`a: ${'['.repeat(100_000)}`, '1:34: this is nested more than 32 levels deep');
    firstIs(`${'- '.repeat(1000)}a`, '1:');
    const laughs = Array.from({ length: 30 }, (_, n) =>
      n === 0
        ? 'a0: &a0 [x]'
        : `a${n}: &a${n} [${Array(10)
            .fill(`*a${n - 1}`)
            .join(', ')}]`,
    );
    firstIs(laughs.join('\n'), '7:15: with what aliases stand for, the file has more than 500000 values');
    assert.ok(problems(`{${'a,'.repeat(5000)}}`).length <= 1000);
    assert.ok(problems(head + '  - { key: x }\n'.repeat(3000)).length <= 1001);
    assert.ok(problems('x: *x\n'.repeat(3000)).length <= 100);
  });

  it('parser and schema agree on which rule files are right', () => {
    const accepted = [
      'version: 1\nrules: []',
      `${head}  - { action: notify, keys: 'HKLM\\X', process: { id: 4, user: [S-1-5-18] }, phases: post }`,
      `${head}  - { action: ask, keys: 'HKLM\\X', deadline: 10, onTimeout: block, status: 0xC0000034, ancestors: true }`,
      `${head}  - { action: block, keys: 'HKLM\\X', status: STATUS_OBJECT_NAME_NOT_FOUND, kernelMode: true, dryRun: true }`,
      'version: 1\n$schema: x\notherwise: notify\nrules: [{ action: ask, valueTypes: REG_TYPE_0x00000010 }]',
    ];
    for (const text of accepted) {
      const { rules, otherwise } = parseRules(text);
      assert.ok(isRuleFile({ version: 1, otherwise, rules }), JSON.stringify(isRuleFile.errors));
    }
    const refused: Record<string, unknown>[] = [
      { rules: [] },
      { version: 2, rules: [] },
      { version: 1, rules: [{}] },
      { version: 1, rules: [{ action: 'notify', key: 'a' }] },
      { version: 1, rules: [{ action: 'notify', keys: [] }] },
      { version: 1, rules: [{ action: 'notify', keys: '' }] },
      { version: 1, rules: [{ action: 'notify', phases: 'both' }] },
      { version: 1, rules: [{ action: 'notify', process: { id: -1 } }] },
      { version: 1, rules: [{ action: 'notify', process: { user: 'x' } }] },
      { version: 1, rules: [], otherwise: 'block' },
      { version: 1, rules: [{ action: 'block', deadline: 500 }] },
      { version: 1, rules: [{ action: 'ignore', dryRun: true }] },
      { version: 1, rules: [{ action: 'ask', deadline: 20000 }] },
      { version: 1, rules: [{ action: 'block', status: 'STATUS_SUCCESS' }] },
      { version: 1, rules: [{ action: 'block', status: 0xc0000503 }] },
    ];
    for (const content of refused) {
      assert.equal(isRuleFile(content), false, JSON.stringify(content));
      assert.equal(problems(JSON.stringify(content)).length, 1, JSON.stringify(content));
    }
  });
});

describe('loadRules', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rules-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function write(bytes: string | Uint8Array): Promise<string> {
    const file = path.join(folder, 'rules.yaml');
    await writeFile(file, bytes);
    return file;
  }

  it('loadRules() reads UTF-8 and UTF-16', async () => {
    const text = '\ufeffversion: 1\nrules: [{ name: "ä", action: notify }]\n';
    for (const bytes of [text, text.slice(1), Buffer.from(text, 'utf16le')]) {
      const file = await write(bytes);
      const rules = await loadRules(file);
      assert.equal(rules.rules[0]?.name, 'ä');
      assert.equal(rules.fileName, file);
    }
  });

  it('loadRules() names the file, line and column in its errors', async () => {
    const file = await write('version: 1\nrules: 7\n');
    await assert.rejects(loadRules(file), { code: 'CMB_INVALID_RULES', message: `${file}:2:8: must be a list, not 7` });
    await assert.rejects(loadRules(await write(Buffer.from([0x61, 0x0a, 0x62, 0xff]))), {
      message: `${file}:2:2: this is not UTF-8; save the file as UTF-8`,
    });
    await assert.rejects(loadRules(await write(Buffer.alloc(2 * 1024 * 1024 + 1, 0x20))), {
      message: /:1:1: the file is larger than 2097152 bytes/,
    });
  });

  it('loadRules() says why it cannot read a file', async () => {
    await assert.rejects(loadRules(path.join(folder, 'none')), { code: 'CMB_INVALID_ARGUMENT', message: /ENOENT/ });
    await assert.rejects(loadRules(folder), { code: 'CMB_INVALID_ARGUMENT', message: /EISDIR/ });
    await assert.rejects(loadRules('x', { signal: AbortSignal.abort() }), { code: 'CMB_ABORTED' });
    await assert.rejects(loadRules('x', { sginal: undefined } as object), { code: 'CMB_UNKNOWN_OPTION' });
    assert.throws(() => parseRules(7 as never), { code: 'CMB_INVALID_ARGUMENT' });
  });
});

describe('the rules of the documentation', () => {
  it('the rules in examples/rules.yaml are right, and decide as they say', async () => {
    const { rules, otherwise, warnings } = await loadRules('examples/rules.yaml');
    assert.deepEqual(warnings, []);
    assert.ok(isRuleFile({ version: 1, otherwise, rules }), JSON.stringify(isRuleFile.errors));
    assert.ok(compileRules(rules, { otherwise }).bytes.byteLength > 0);
    const run = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run';
    const service = 'HKLM\\SYSTEM\\ControlSet001\\Services\\Foo';
    const nobody = { id: 8, imagePath: 'C:\\a.exe', user: 'S-1-5-18', elevated: true, sessionId: 0, ancestors: [] };
    const updater = { ...nobody, imagePath: 'C:\\Program Files\\Contoso\\Updater\\u.exe' };
    const asPolicy = { operation: 'CreateKey', phase: 'pre', keyPath: 'HKU\\.DEFAULT\\Software\\Policies\\X' } as const;
    const asRun = { operation: 'SetValueKey', phase: 'post', keyPath: run, valueName: 'x', status: 0 } as const;
    const asService = { operation: 'SetValueKey', phase: 'pre', keyPath: service, valueName: 'imagepath' } as const;
    const decides = (operation: RuleOperation) => explainRules(rules, operation, { otherwise }).rule;
    assert.equal(decides({ ...asRun, process: nobody }), 1);
    assert.equal(decides({ ...asRun, process: updater }), 0);
    assert.equal(decides({ ...asRun, status: 0xc0000022, process: nobody }), null);
    assert.equal(decides({ ...asService, valueType: 'REG_EXPAND_SZ', process: nobody }), 2);
    assert.equal(decides({ ...asService, valueType: 'REG_DWORD', process: nobody }), null);
    assert.equal(decides({ ...asPolicy, process: { ...nobody, elevated: false } }), 4);
    assert.equal(decides({ ...asPolicy, process: nobody }), null);
  });

  it('the rules and key patterns in docs/rules.md are right', async () => {
    const text = await readFile('docs/rules.md', 'utf8');
    const blocks = [...text.matchAll(/```yaml\n([^]*?)```/g)].map(([, block]) => block ?? '');
    assert.ok(blocks.length >= 5);
    for (const block of blocks) {
      const file = block.startsWith('-') ? `version: 1\nrules:\n${block.replaceAll(/^/gm, '  ')}` : block;
      assert.deepEqual(parseRules(file).warnings, [], block);
    }
    const patterns = [...text.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \| /gm)]
      .flatMap(([, cell]) => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, pattern]) => pattern ?? ''))
      .filter((pattern) => pattern.startsWith('HKLM\\') || pattern.startsWith('**'));
    assert.ok(patterns.length >= 9);
    compileRules([{ keys: patterns, action: 'notify' }]);
  });

  it('the warnings of a rule file say in which line the other rule stands', () => {
    const { warnings } = parseRules(`${head}  - action: notify\n\n  - keys: HKLM\\X\n    action: ignore\n`);
    assert.deepEqual(
      warnings.map(({ line, message }) => [line, message]),
      [[5, 'never decides: rules[0] in line 3 comes first and matches all that it would match']],
    );
  });
});
