import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules, explainRules, type Rule, type RuleOperation } from '../../../lib/index.js';
import * as P from '../../../lib/wire/protocol.js';
import { classesOf, problemsOf, ruleFields, warningsOf } from './compiled.js';

const run = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run';

describe('actions', () => {
  it('an action goes to the driver with its deadline, status and flags', () => {
    const keys = run;
    assert.deepEqual(
      ruleFields([
        { keys, action: 'ask' },
        { keys, action: 'ask', deadline: 10_000, onTimeout: 'block' },
        { keys, action: 'ask', deadline: 10, onTimeout: 'block', status: 'STATUS_OBJECT_NAME_NOT_FOUND', dryRun: true },
        { keys, action: 'ask', onTimeout: 'allow', dryRun: false },
        { keys, action: 'block' },
        { keys, action: 'block', status: 0xc0001234, kernelMode: true },
        { keys, action: 'bypass', dryRun: true, kernelMode: true },
        { keys, action: 'bypass' },
        { keys, action: 'notify' },
        { keys, action: 'ignore' },
      ]),
      [
        [P.CMB_ACTION_ASK, 0, 0, 500],
        [P.CMB_ACTION_ASK, P.CMB_RULE_FAIL_CLOSED, 0xc0000022, 10_000],
        [P.CMB_ACTION_ASK, P.CMB_RULE_FAIL_CLOSED | P.CMB_RULE_DRY_RUN, 0xc0000034, 10],
        [P.CMB_ACTION_ASK, 0, 0, 500],
        [P.CMB_ACTION_BLOCK, 0, 0xc0000022, 0],
        [P.CMB_ACTION_BLOCK, P.CMB_RULE_KERNEL_MODE, 0xc0001234, 0],
        [P.CMB_ACTION_BYPASS, P.CMB_RULE_KERNEL_MODE | P.CMB_RULE_DRY_RUN, 0, 0],
        [P.CMB_ACTION_BYPASS, 0, 0, 0],
        [P.CMB_ACTION_NOTIFY, 0, 0, 0],
        [P.CMB_ACTION_IGNORE, 0, 0, 0],
      ],
    );
  });

  it('compiled rules tell which of them asks, and of which rule each of the program was made', () => {
    const rules: Rule[] = [
      { action: 'notify', operations: 'FlushKey' },
      { name: 'run', keys: run, ancestors: true, action: 'block' },
      { keys: run, action: 'ask', phases: 'post' },
      { name: 'later', action: 'ask' },
    ];
    const { sources, asks, ruleCount } = compileRules(rules);
    const [flush, named, post, later] = [null, 'run', null, 'later'].map((name, index) => ({ index, name }));
    assert.deepEqual(sources, [flush, named, named, post, later]);
    assert.deepEqual(asks, post);
    assert.equal(ruleCount, 4);
    assert.equal(compileRules(rules.slice(0, 2)).asks, null);
  });

  it('an action decides in pre, and about what can be decided, unless told otherwise', () => {
    const ask = classesOf({ keys: run, action: 'ask' });
    const block = classesOf({ keys: run, action: 'block' });
    const bypass = classesOf({ keys: run, action: 'bypass' });
    for (const classes of [ask, block, bypass]) {
      assert.ok(classes.every((name) => name.startsWith('RegNtPre')));
      assert.ok(!classes.includes('RegNtPreKeyHandleClose'));
    }
    assert.equal(ask.length, 21);
    assert.deepEqual(block, [...ask.slice(0, -1), 'RegNtPreQueryKeyName', ask.at(-1)]);
    const noBypass = /Query|Enumerate|Create|Open/;
    assert.deepEqual(
      bypass,
      ask.filter((name) => !noBypass.test(name)),
    );
    assert.deepEqual(classesOf({ operations: 'SetValueKey', phases: 'post', action: 'ask' }), ['RegNtPostSetValueKey']);
    assert.equal(classesOf({ operations: 'SetValueKey', phases: ['pre', 'post'], action: 'ask' }).length, 2);
    assert.deepEqual(classesOf({ classes: 'RegNtPostOpenKeyEx', action: 'ask' }), ['RegNtPostOpenKeyEx']);
    assert.ok(!classesOf({ phases: 'post', action: 'ask' }).includes('RegNtPostKeyHandleClose'));
  });

  it('an action is refused for what it cannot decide', () => {
    const cases: [rule: Rule, ...expected: string[]][] = [
      [
        { operations: ['SetValueKey', 'KeyHandleClose'], action: 'ask' },
        'operations[1]: "KeyHandleClose" cannot be decided about: a handle is closed whatever a callback says',
      ],
      [{ operations: 'KeyHandleClose', action: 'block' }, 'operations: "KeyHandleClose" cannot be decided about'],
      [
        { operations: 'QueryKeyName', action: 'ask' },
        'operations: "QueryKeyName" goes with "block", and not with "ask"',
      ],
      [{ operations: 'QueryKeyName', action: 'block' }],
      [
        { classes: 'RegNtCallbackObjectContextCleanup', action: 'ask' },
        'classes: "RegNtCallbackObjectContextCleanup" is no operation',
      ],
      [
        { classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'], action: 'block' },
        'classes[1]: "RegNtPostSetValueKey" comes when the operation is over; it can be blocked in pre only',
      ],
      [
        { operations: ['QueryValueKey', 'CreateKey'], phases: ['pre', 'post'], action: 'bypass' },
        'operations[0]: "QueryValueKey" has something to answer, so it cannot be reported done without being done',
        'operations[1]: "CreateKey" has something to answer',
        'phases[1]: "post" comes when the operation is over; it can be bypassed in pre only',
      ],
      [
        { keys: run, action: 'ask', status: 'STATUS_ACCESS_DENIED' },
        'status: is what an operation ends with when nobody decides in time; it goes with "onTimeout": "block" only',
      ],
      [{ action: 'block', ancestors: true }, 'ancestors: is about the keys above those in "keys", which is missing'],
      [
        { keys: run, operations: 'SetValueKey', ancestors: true, action: 'notify' },
        'ancestors: is about RenameKey, RestoreKey, ReplaceKey, LoadKey, UnLoadKey, and the rule is about none of them',
      ],
    ];
    for (const [rule, ...expected] of cases) {
      const found = problemsOf(rule);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, start] of expected.entries()) assert.ok(found[index]?.startsWith(start), found[index]);
    }
  });

  it('an action gets a warning when it reaches further than it may be meant', () => {
    const cases: [rule: Rule, ...expected: RegExp[]][] = [
      [{ action: 'ask' }, /^action: holds such operations on every key by every program/],
      [{ operations: 'SetValueKey', action: 'bypass' }, /^action: swallows such operations on every key/],
      [{ valueNames: 'Debugger', action: 'ask' }],
      [{ process: { image: 'a.exe' }, action: 'block' }],
      [{ keys: run, action: 'ask', deadline: 2001 }, /^deadline: programs can hang for 2001 ms/],
      [{ keys: 'HKLM\\SOFTWARE\\**', action: 'block' }, /^keys: blocks operations in a whole hive/],
      [{ keys: ['HKLM\\X\\Y\\**', 'HKU\\**'], action: 'bypass' }, /^keys: swallows operations in a whole hive/],
      [{ keys: '**', action: 'block' }, /^keys: blocks operations in a whole hive/],
      [{ keys: 'HKCU\\**', operations: 'SetValueKey', action: 'block' }, /^keys: blocks .* whole hive/],
      [{ keys: 'HKLM\\SOFTWARE\\**', action: 'block', dryRun: true }],
      [{ keys: 'HKLM\\SOFTWARE\\**', action: 'block', process: { image: 'a.exe' } }],
      [{ keys: 'HKLM\\SOFTWARE\\X\\**', action: 'block' }],
      [{ keys: '<AppHive *>\\**', action: 'block' }],
      [{ keys: 'HKLM\\SOFTWARE\\**', action: 'ask' }],
      [
        { keys: run, operations: ['CreateKey', 'DeleteKey'], action: 'block' },
        /^action: also blocks programs that open/,
      ],
      [
        { keys: '**\\Run', ancestors: true, action: 'ask' },
        /^ancestors: every key can be above .* holds all RenameKey/,
      ],
    ];
    for (const [rule, ...expected] of cases) {
      const found = warningsOf(rule);
      assert.equal(found.length, expected.length, JSON.stringify([rule, found]));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
    }
  });
});

describe('explaining actions', () => {
  const set: RuleOperation = { operation: 'SetValueKey', phase: 'pre', keyPath: run };
  const effectOf = (rule: Rule, operation = set) => explainRules([rule], operation).effect;

  it('explainRules() says what an action makes of the operation', () => {
    const keys = run;
    assert.equal(effectOf({ keys, action: 'ask' }), 'held for at most 500 ms, then allowed');
    assert.equal(
      effectOf({ keys, action: 'ask', deadline: 20, onTimeout: 'block' }),
      'held for at most 20 ms, then blocked with STATUS_ACCESS_DENIED',
    );
    assert.equal(
      effectOf({ keys, action: 'block', status: 0xc0001234, kernelMode: true }),
      'blocked with 0xC0001234, also for the kernel',
    );
    assert.equal(
      effectOf({ keys, action: 'bypass', dryRun: true }),
      'reported done without being done; only as a dry run',
    );
    assert.equal(effectOf({ keys, action: 'notify' }), 'told as an event');
    assert.equal(effectOf({ keys: 'HKLM\\X', action: 'ask' }), 'ignored');
  });

  it('explainRules() tells a key above those of the rule from any other', () => {
    const rule: Rule = { keys: run, ancestors: true, action: 'ask' };
    const rename = (keyPath: string): RuleOperation => ({ operation: 'RenameKey', phase: 'pre', keyPath });
    const above = explainRules([rule], rename('HKLM\\SOFTWARE\\Microsoft'));
    assert.deepEqual(above.rules[0]?.conditions, [
      {
        path: ['keys'],
        holds: true,
        expected: `a key above "${run}"`,
        actual: '\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft',
      },
    ]);
    const other = explainRules([rule], rename('HKLM\\SYSTEM'));
    assert.equal(other.rule, null);
    assert.match(other.rules[0]?.reason ?? '', /^keys: .*SYSTEM; expected "HKLM/);
  });

  it('explainRules() is uncertain where another action of an uncertain rule would do another thing', () => {
    const image = (name: string, deadline: number): Rule => ({ process: { image: name }, action: 'ask', deadline });
    assert.equal(explainRules([image('a.exe', 10), { action: 'ask', deadline: 20 }], set).uncertain, true);
    assert.equal(explainRules([image('a.exe', 10), { action: 'ask', deadline: 10 }], set).uncertain, false);
  });
});
