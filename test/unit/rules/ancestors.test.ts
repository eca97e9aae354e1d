import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules, explainRules, notifyClasses, type Rule, type RuleOperation } from '../../../lib/index.js';
import { RuleProgram, type ProgramFacts } from './rule-program.js';
import { problemsOf } from './compiled.js';

const run = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run';

describe('ancestors', () => {
  const facts: ProgramFacts = {
    notifyClass: 4,
    keyPaths: [],
    valueName: null,
    valueType: null,
    outcome: null,
    imagePath: null,
    user: null,
    id: 4,
    sessionId: 0,
    elevated: null,
    trees: [],
  };

  /** Whether the program and the explanation of the rule meet the operation; they have to agree. */
  function meets(rule: Rule, operation: RuleOperation['operation'], ...paths: string[]): boolean {
    const { bytes } = compileRules([rule], { controlSet: 1 });
    const entry = notifyClasses.find((known) => known.operation === operation && known.phase === 'pre')!;
    const decided = new RuleProgram(bytes).decide({ ...facts, notifyClass: entry.number, keyPaths: paths });
    const [keyPath = '', newPath] = paths;
    const explained = explainRules([rule], { class: entry.name, keyPath, newPath }, { controlSet: 1 });
    assert.equal(explained.rule !== null, decided.rule !== null, JSON.stringify([rule, operation, paths]));
    return decided.rule !== null;
  }

  const machine = '\\REGISTRY\\MACHINE';
  const software = `${machine}\\SOFTWARE`;

  it('a rule with ancestors takes in what is done to keys above, and takes the keys along', () => {
    const rule: Rule = { keys: run, ancestors: true, action: 'ask' };
    const above = `${software}\\Microsoft`;
    for (const operation of ['RenameKey', 'RestoreKey', 'ReplaceKey', 'LoadKey', 'UnLoadKey'] as const) {
      for (const path of [machine, software, above, `${above}\\Windows\\CurrentVersion`, `${above}\\WINDOWS`]) {
        assert.ok(meets(rule, operation, path), `${operation} ${path}`);
      }
      assert.ok(meets(rule, operation, `${above}\\Windows\\CurrentVersion\\Run`));
      for (const path of [
        `${above}\\Windows\\CurrentVersion\\Run\\Below`,
        `${software}\\Other`,
        `${machine}\\SYSTEM`,
      ]) {
        assert.ok(!meets(rule, operation, path), `${operation} ${path}`);
      }
    }
    for (const operation of ['SetValueKey', 'DeleteKey', 'CreateKey', 'SaveKey', 'OpenKey'] as const) {
      assert.ok(!meets(rule, operation, above), operation);
      assert.ok(meets(rule, operation, `${above}\\Windows\\CurrentVersion\\Run`), operation);
    }
    // Another key becomes the one above.
    assert.ok(meets(rule, 'RenameKey', `${software}\\Mine`, above));
    assert.ok(!meets({ ...rule, ancestors: false }, 'RenameKey', above));
  });

  it('a rule with ancestors keeps to its operations, phases and processes', () => {
    const rule: Rule = { keys: run, operations: ['SetValueKey', 'RestoreKey'], ancestors: true, action: 'notify' };
    assert.ok(meets(rule, 'RestoreKey', software));
    assert.ok(!meets(rule, 'RenameKey', software));
    assert.ok(!meets({ ...rule, phases: 'post' }, 'RestoreKey', software));
    assert.ok(!meets({ ...rule, process: { id: 5 } }, 'RestoreKey', software));
  });

  it('a rule with ancestors knows wildcards, accounts and the other names of keys', () => {
    const rule = (keys: string): Rule => ({ keys, ancestors: true, action: 'ask' });
    const anyBelow = rule('HKLM\\SOFTWARE\\X\\**\\Run');
    for (const path of [software, `${software}\\X`, `${software}\\X\\a`, `${software}\\X\\a\\b\\c`]) {
      assert.ok(meets(anyBelow, 'RenameKey', path), path);
    }
    assert.ok(!meets(anyBelow, 'RenameKey', `${software}\\Y`));
    const all = rule('HKLM\\SOFTWARE\\X\\**');
    assert.ok(meets(all, 'RestoreKey', software) && !meets(all, 'RestoreKey', `${software}\\Y`));
    const one = rule('HKLM\\SOFTWARE\\*\\Run');
    assert.ok(meets(one, 'RenameKey', `${software}\\Any`) && !meets(one, 'RenameKey', `${software}\\Any\\Other`));
    const sid = 'S-1-5-21-1-2-3-1001';
    const user = rule('HKCU\\Software\\Classes\\CLSID\\X');
    for (const path of [sid, `${sid}_Classes`, `${sid}_Classes\\CLSID`, `${sid}\\Software`]) {
      assert.ok(meets(user, 'LoadKey', `\\REGISTRY\\USER\\${path}`), path);
    }
    assert.ok(!meets(user, 'LoadKey', `${machine}\\Mine`));
    const service = rule('HKLM\\SYSTEM\\CurrentControlSet\\Services\\X');
    assert.ok(meets(service, 'RestoreKey', `${machine}\\SYSTEM\\ControlSet001\\Services`));
    assert.ok(!meets(service, 'RestoreKey', `${machine}\\SYSTEM\\ControlSet002\\Services`));
    assert.ok(meets(rule('**\\Run'), 'UnLoadKey', `${machine}\\Mine`));
  });

  it('a rule with ancestors takes in the key itself where it names values', () => {
    const rule: Rule = { keys: `${run}\\*`, valueNames: 'Mine', ancestors: true, action: 'block' };
    const key = `${software}\\Microsoft\\Windows\\CurrentVersion\\Run\\A`;
    for (const operation of ['DeleteKey', 'RenameKey', 'RestoreKey', 'LoadKey'] as const) {
      assert.ok(meets(rule, operation, key), operation);
      assert.ok(!meets({ ...rule, ancestors: false }, operation, key), operation);
    }
    assert.ok(meets(rule, 'RestoreKey', software));
    assert.ok(!meets(rule, 'DeleteKey', software));
    assert.ok(!meets(rule, 'SetKeySecurity', key) && !meets(rule, 'SetValueKey', key));
    assert.equal(compileRules([rule]).sources.length, 3);
    const typed: Rule = { keys: run, valueTypes: 'REG_SZ', operations: ['SetValueKey', 'DeleteKey'], action: 'ask' };
    assert.deepEqual(problemsOf({ ...typed, ancestors: true })[0]?.slice(0, 9), 'ancestors');
  });

  it('the rules made of ancestors count towards the limit of rules', () => {
    const rules = Array.from({ length: 2100 }, (_, index): Rule => {
      return { keys: `HKLM\\SOFTWARE\\Vendor${index}\\X`, ancestors: true, action: 'notify' };
    });
    assert.throws(
      () => compileRules(rules),
      /^RulesError: rules: make a program of 4200 rules with those of "ancestors"; /,
    );
  });

  it('a rule with ancestors is not taken for one that never decides because of the same rule without', () => {
    const key: Rule = { keys: run, action: 'ignore' };
    assert.deepEqual(compileRules([key, { ...key, ancestors: true }]).warnings, []);
    assert.match(
      compileRules([{ ...key, ancestors: true }, key]).warnings[0]?.message ?? '',
      /^never decides: rules\[0\]/,
    );
    assert.match(
      compileRules([
        { keys: '**', action: 'ignore' },
        { ...key, ancestors: true },
      ]).warnings[0]?.message ?? '',
      /^never decides: rules\[0\] comes first/,
    );
  });
});
