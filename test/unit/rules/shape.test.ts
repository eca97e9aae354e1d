import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findShapeProblems } from '../../../lib/rules/check-shape.js';
import { rulePathText, RulesError } from '../../../lib/rules/problem.js';
import type { ProcessCondition, Rule } from '../../../lib/rules/rule.js';
import { processShape, ruleFileShape, ruleListShape, ruleShape } from '../../../lib/rules/shape.js';

/** Each problem as `place: message`. */
function problems(rules: unknown): string[] {
  return findShapeProblems(ruleListShape, rules, ['rules']).map(
    ({ path, message }) => `${rulePathText(path)}: ${message}`,
  );
}

describe('the shape of rules', () => {
  it('the shape of rules takes one value or several, and has every field of the types', () => {
    const process: Required<ProcessCondition> = {
      id: 4,
      tree: [8, 12],
      image: '**\\a.exe',
      user: 'S-1-5-18',
      session: [0, 1],
      elevated: false,
    };
    const full: Required<Rule> = {
      name: 'all',
      operations: 'SetValueKey',
      classes: ['RegNtPreSetValueKey'],
      phases: ['pre', 'post'],
      keys: 'HKLM\\X',
      valueNames: ['', 'a*'],
      valueTypes: ['REG_SZ', 'REG_TYPE_0x0000FFFF'],
      process,
      outcome: 'success',
      ancestors: true,
      action: 'ask',
      deadline: 10,
      onTimeout: 'block',
      status: 'STATUS_ACCESS_DENIED',
      kernelMode: false,
      dryRun: true,
    };
    const { kernelMode, ...asking } = full;
    assert.deepEqual(Object.keys(full).sort(), Object.keys(ruleShape.fields).sort());
    assert.deepEqual(Object.keys(process).sort(), Object.keys(processShape.fields).sort());
    const { deadline, onTimeout, ...blocking } = { ...full, action: 'block', status: 0xc0000034 };
    assert.deepEqual([deadline, onTimeout, kernelMode], [10, 'block', false]);
    assert.deepEqual(problems([asking, blocking, { action: 'ignore', name: undefined, deadline: undefined }]), []);
    assert.deepEqual(problems([]), []);
    const file = { $schema: 'x', version: 1, otherwise: 'notify', rules: [asking] };
    assert.deepEqual(findShapeProblems(ruleFileShape, file, []), []);
  });

  it('the shape of rules finds all that is wrong, and says what would be right', () => {
    const sparse = Array.from<unknown>({ length: 2 });
    const cases: [rule: unknown, expected: string][] = [
      [{}, 'rules[0]: "action" is missing: "ignore", "notify", "ask", "block" or "bypass"'],
      [7, 'rules[0]: must be an object, not 7'],
      [
        { action: 'notfy' },
        'rules[0].action: must be "ignore", "notify", "ask", "block" or "bypass", not "notfy". Did you mean "notify"?',
      ],
      [{ action: 'notify', key: 'a' }, 'rules[0].key: there is no "key" here. Did you mean "keys"?'],
      [
        { action: 'notify', constructor: 1 },
        'rules[0].constructor: there is no "constructor" here. Known are name, operations,',
      ],
      [{ action: 'notify', keys: [] }, 'rules[0].keys: is an empty list; leave it out where all will do'],
      [{ action: 'notify', keys: ['a', 7] }, 'rules[0].keys[1]: must be a string, not 7'],
      [{ action: 'notify', keys: ['a', ''] }, 'rules[0].keys[1]: must not be empty'],
      [{ action: 'notify', keys: {} }, 'rules[0].keys: must be a string, or a list of such, not {}'],
      [{ action: 'notify', keys: sparse }, 'rules[0].keys[0]: must be a string, not undefined'],
      [
        { action: 'notify', operations: 'SetValue' },
        'rules[0].operations: must be an operation such as "SetValueKey", not "SetValue". Did you mean "SetValueKey"',
      ],
      [
        { action: 'notify', operations: 'RegNtPreSetValueKey' },
        'rules[0].operations: "RegNtPreSetValueKey" is a notification class; name it in "classes", or "SetValueKey" here',
      ],
      [
        { action: 'notify', classes: 'SetValueKey' },
        'rules[0].classes: "SetValueKey" is an operation; name it in "operations"',
      ],
      [
        { action: 'notify', classes: ['RegNtPreOpenKey'] },
        'rules[0].classes[0]: "RegNtPreOpenKey" was delivered by Windows XP only',
      ],
      [
        { action: 'notify', valueTypes: 'REG_STRING' },
        'rules[0].valueTypes: must be a type such as "REG_SZ" or "REG_TYPE_0x0000FFFF", not "REG_STRING"',
      ],
      [
        { action: 'notify', process: { id: -4 } },
        'rules[0].process.id: must be an integer from 0 to 4294967295, not -4',
      ],
      [
        { action: 'notify', process: { id: '4' } },
        'rules[0].process.id: must be an integer from 0 to 4294967295, not "4"',
      ],
      [
        { action: 'notify', process: { tree: Array(33).fill(4) } },
        'rules[0].process.tree: has 33 entries; at most 32 are possible',
      ],
      [
        { action: 'notify', process: { user: 'SYSTEM' } },
        'rules[0].process.user: must be a SID such as S-1-5-18, not "SYSTEM"',
      ],
      [
        { action: 'notify', process: { elevated: 'yes' } },
        'rules[0].process.elevated: must be true or false, not "yes"',
      ],
      [
        { action: 'block', deadline: 500 },
        'rules[0].deadline: "deadline" goes with action "ask" only, not with "block"',
      ],
      [
        { action: 'notify', status: 'STATUS_ACCESS_DENIED' },
        'rules[0].status: "status" goes with action "ask" or "block" only, not with "notify"',
      ],
      [
        { action: 'ask', kernelMode: true },
        'rules[0].kernelMode: "kernelMode" goes with action "block" or "bypass" only, not with "ask"',
      ],
      [{ action: 'ask', deadline: 9 }, 'rules[0].deadline: must be an integer from 10 to 10000, not 9'],
      [{ action: 'ask', deadline: 10.5 }, 'rules[0].deadline: must be an integer from 10 to 10000, not 10.5'],
      [{ action: 'ask', onTimeout: 'bypass' }, 'rules[0].onTimeout: must be "allow" or "block", not "bypass"'],
      [
        { action: 'block', status: 'STATUS_SUCCESS' },
        'rules[0].status: "STATUS_SUCCESS" is no error; the operation has to end with one such as "STATUS_ACCESS_DENIED"',
      ],
      [{ action: 'block', status: 0x80000005 }, 'rules[0].status: 2147483653 is no error'],
      [
        { action: 'block', status: 0xc0000503 },
        'rules[0].status: 3221226755 means that the operation is done, which is what action "bypass" is for',
      ],
      [{ action: 'block', status: 'STATUS_CALLBACK_BYPASS' }, 'rules[0].status: "STATUS_CALLBACK_BYPASS" means that'],
      [
        { action: 'block', status: 'STATUS_ACESS_DENIED' },
        'rules[0].status: must be an error such as "STATUS_ACCESS_DENIED" or 0xC0000022, not "STATUS_ACESS_DENIED". Did you mean "STATUS_ACCESS_DENIED"',
      ],
      [{ action: 'block', status: -1 }, 'rules[0].status: must be an error such as'],
      [{ action: 'notify', process: [] }, 'rules[0].process: must be an object, not []'],
      [{ action: 'notify', name: 'x'.repeat(257) }, 'rules[0].name: has 257 characters; at most 256 are possible'],
    ];
    for (const [rule, expected] of cases) {
      const [found, ...more] = problems([rule]);
      assert.ok(found?.startsWith(expected), `${found} is not ${expected}`);
      assert.equal(more.length, expected.includes('keys[0]: must be a string, not undefined') ? 1 : 0);
    }
    assert.deepEqual(problems('x'), ['rules: must be a list, not "x"']);
    assert.equal(
      problems(Array(4097).fill({ action: 'notify' }))[0],
      'rules: has 4097 entries; at most 4096 are possible',
    );
    assert.equal(problems([{ key: 1, keys: 2 }, 3]).length, 4);
  });

  it('a RulesError lists the first ten problems and counts the others', () => {
    const found = findShapeProblems(ruleListShape, Array(15).fill({ keys: 7, action: 'notify' }), ['rules']);
    const error = new RulesError(found);
    assert.equal(error.code, 'CMB_INVALID_RULES');
    assert.equal(error.problems.length, 15);
    assert.match(error.message, /^rules\[0\]\.keys: must be a string, not 7\nrules\[1\]\.keys: [^]*\nand 5 more$/);
  });
});
