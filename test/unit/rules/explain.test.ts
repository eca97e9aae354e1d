import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainRules, type Event, type Rule, type RuleOperation } from '../../../lib/index.js';
import { sampleEvents } from '../support/samples.js';

const rules: Rule[] = [
  { name: 'own', process: { image: 'C:\\Vendor\\**', elevated: true }, action: 'ignore' },
  {
    operations: ['SetValueKey', 'DeleteValueKey'],
    phases: 'post',
    keys: ['HKLM\\SYSTEM\\CurrentControlSet\\Services\\**', 'HKCU\\Software\\**'],
    valueNames: ['Start', 'Image*'],
    outcome: 'success',
    action: 'notify',
  },
  { process: { tree: 100, user: 'S-1-5-18', session: [0, 1] }, valueTypes: 'REG_SZ', action: 'notify' },
];

const operation: RuleOperation = {
  class: 'RegNtPostSetValueKey',
  keyPath: 'HKLM\\SYSTEM\\ControlSet001\\Services\\X',
  valueName: 'imagepath',
  valueType: 'REG_EXPAND_SZ',
  status: 0,
  user: 'S-1-5-18',
  process: { id: 104, imagePath: 'C:\\Windows\\reg.exe', elevated: false, sessionId: 0, ancestors: [100, 4] },
};

describe('explaining rules', () => {
  it('explainRules() tells which rule decides, and what the others miss', () => {
    const { action, rule, uncertain, rules: told } = explainRules(rules, operation, { controlSet: 1 });
    assert.deepEqual([action, rule, uncertain], ['notify', 1, false]);
    assert.deepEqual(
      told.map(({ index, name, matches }) => [index, name, matches]),
      [
        [0, 'own', false],
        [1, null, true],
        [2, null, false],
      ],
    );
    assert.equal(told[0]?.reason, 'process.elevated: false; expected true');
    assert.equal(told[1]?.reason, 'matches');
    assert.equal(told[2]?.reason, 'valueTypes: REG_EXPAND_SZ; expected "REG_SZ"');
    assert.deepEqual(
      told[2].conditions.map(({ path, holds, actual }) => [path.join('.'), holds, actual]),
      [
        ['valueTypes', false, 'REG_EXPAND_SZ'],
        ['process.tree', true, '104 below 100 below 4'],
        ['process.session', true, '0'],
        ['process.user', true, 'S-1-5-18'],
      ],
    );
    assert.match(
      explainRules(rules, operation, { controlSet: 2 }).rules[1]?.reason ?? '',
      /^keys: .*ControlSet001.*; expected "HKLM\\SYSTEM\\CurrentControlSet\\Services\\\*\*" or /,
    );
  });

  it('explainRules() has an answer where no rule matches', () => {
    const other = { ...operation, valueName: 'Type', valueType: 'REG_DWORD' } as const;
    assert.deepEqual(explainRules(rules, other).action, 'ignore');
    const { action, rule } = explainRules(rules, other, { otherwise: 'notify' });
    assert.deepEqual([action, rule], ['notify', null]);
  });

  it('explainRules() is uncertain where the operation does not tell what could decide', () => {
    const explain = (more: Partial<RuleOperation>, list = rules) => explainRules(list, { ...operation, ...more });
    const untold = explain({ process: { elevated: true } });
    assert.deepEqual([untold.rule, untold.uncertain], [1, true]);
    assert.equal(untold.rules[0]?.reason, 'process.image: the operation does not tell; expected "C:\\Vendor\\**"');
    assert.equal(explain({ process: { elevated: true, imagePath: null } }).uncertain, false);
    const tree: Rule[] = [{ process: { tree: 100 }, action: 'notify' }];
    assert.equal(explain({ process: { id: 100 } }, tree).rule, 0);
    assert.equal(explain({ process: { id: 8 } }, tree).uncertain, true);
    assert.equal(explain({ process: { id: 8, ancestors: [] } }, tree).uncertain, false);
    // Not uncertain: whatever is not told, the outcome is the same.
    const same: Rule[] = [{ process: { session: 1 }, action: 'ignore' }];
    assert.equal(explain({ process: {} }, same).uncertain, false);
  });

  it('explainRules() knows both keys of a rename and of save merged', () => {
    const list: Rule[] = [{ keys: 'HKLM\\b', action: 'notify' }];
    const rename = { operation: 'RenameKey', phase: 'pre', keyPath: 'HKLM\\a' } as const;
    assert.equal(explainRules(list, rename).rule, null);
    assert.equal(explainRules(list, { ...rename, newPath: 'HKLM\\b' }).rule, 0);
    assert.equal(explainRules(list, { class: 'RegNtPreSaveMergedKey', keyPath: null, lowKeyPath: 'HKLM\\b' }).rule, 0);
  });

  it('explainRules() takes HKCU as the key of the user who acts', () => {
    const list: Rule[] = [{ keys: 'HKU\\S-1-5-18\\A', action: 'notify' }];
    const acting: RuleOperation = { class: 'RegNtPreDeleteKey', keyPath: 'HKCU\\A' };
    assert.equal(explainRules(list, { ...acting, user: 'S-1-5-18' }).rule, 0);
    assert.equal(explainRules(list, { ...acting, process: { user: 'S-1-5-18' } }).rule, 0);
    assert.equal(explainRules(list, { ...acting, user: 'S-1-5-19' }).rule, null);
    assert.equal(explainRules(list, acting, { userSid: 'S-1-5-18' }).rule, 0);
    assert.throws(() => explainRules(list, acting), { code: 'CMB_INVALID_ARGUMENT', message: /give "user"/ });
  });

  it('explainRules() refuses what is no operation', () => {
    const bad: [operation: unknown, code: string, message: RegExp][] = [
      [{}, 'CMB_INVALID_ARGUMENT', /needs "class", or "operation" and "phase"/],
      [{ class: 'RegNtPreFoo' }, 'CMB_INVALID_ARGUMENT', /Unknown notification class/],
      [{ class: 'RegNtPreDeleteKey', key: 'HKLM' }, 'CMB_UNKNOWN_OPTION', /"key"/],
      [{ class: 'RegNtPreDeleteKey', process: { pid: 4 } }, 'CMB_UNKNOWN_OPTION', /"pid"/],
      [{ class: 'RegNtPreDeleteKey', keyPath: 'SOFTWARE' }, 'CMB_INVALID_ARGUMENT', /root key/],
      [{ class: 'RegNtPreSetValueKey', valueType: 'SZ' }, 'CMB_INVALID_ARGUMENT', /"valueType"/],
    ];
    for (const [input, code, message] of bad) {
      assert.throws(() => explainRules(rules, input as RuleOperation), { code, message }, JSON.stringify(input));
    }
    assert.throws(() => explainRules([{ keys: 'X', action: 'notify' }], operation), { code: 'CMB_INVALID_RULES' });
  });

  it('explainRules() takes the events of the library', () => {
    const all: Event[] = sampleEvents();
    let count = 0;
    for (const event of all) {
      if (event.class === 'gap' || event.class === 'breaker') {
        assert.throws(() => explainRules(rules, event), { code: 'CMB_INVALID_ARGUMENT', message: /gap/ });
        continue;
      }
      if (event.keyPath?.startsWith('\\REGISTRY') !== true) continue;
      count++;
      const list: Rule[] = [
        { process: { id: event.processId + 1 }, action: 'ignore' },
        { keys: event.keyPath.replaceAll('*', '[*]'), process: { id: event.processId }, action: 'notify' },
      ];
      assert.equal(explainRules(list, event).rule, 1, event.class);
    }
    assert.ok(count > 10, String(count));
  });
});
