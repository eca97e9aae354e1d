import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import { registryTypeNumber } from '../../../lib/registry/registry-value.js';
import { compileRules } from '../../../lib/rules/program/compile.js';
import { explainRules } from '../../../lib/rules/explain/explain.js';
import type { RuleOperation } from '../../../lib/rules/explain/facts.js';
import type { RuleContext } from '../../../lib/rules/pattern/context.js';
import type { Rule, RuleAction } from '../../../lib/rules/rule.js';
import { Random } from '../support/random.js';
import { randomRules, type RuleVocabulary } from '../support/random-rules.js';
import { RuleProgram, type ProgramFacts } from './rule-program.js';

const alice = 'S-1-5-21-1-2-3-1001';
const bob = 'S-1-12-1-7-8-9-1002';

const machine = '\\REGISTRY\\MACHINE';
const user = '\\REGISTRY\\USER';
const words: RuleVocabulary = {
  keyPaths: [
    machine,
    user,
    `${machine}\\SOFTWARE`,
    `${machine}\\SOFTWARE\\Vendor\\App`,
    `${machine}\\SOFTWARE\\Vendor\\App\\Plugins\\Eins`,
    `${machine}\\SOFTWARE\\Vendor\\Äpp\\straße`,
    `${machine}\\SOFTWARE\\Policies\\Vendor`,
    `${machine}\\SOFTWARE\\WOW6432Node\\Policies\\Vendor`,
    `${machine}\\SOFTWARE\\WOW6432Node\\Vendor\\App`,
    `${machine}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run`,
    `${machine}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\\a.exe`,
    `${machine}\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\App Paths\\a.exe`,
    `${machine}\\SOFTWARE\\Classes`,
    `${machine}\\SOFTWARE\\Classes\\CLSID\\{1}`,
    `${machine}\\SOFTWARE\\Classes\\*\\shell\\Vendor`,
    `${machine}\\SOFTWARE\\Classes\\WOW6432Node\\CLSID\\{1}`,
    `${machine}\\SOFTWARE\\WOW6432Node\\Classes\\CLSID\\{1}`,
    `${machine}\\SOFTWARE\\Classes\\TypeLib\\{2}`,
    `${machine}\\SOFTWARE\\WOW6432Node\\Classes\\TypeLib\\{2}`,
    `${machine}\\SYSTEM\\CurrentControlSet\\Services\\Vendor`,
    `${machine}\\SYSTEM\\ControlSet001\\Services\\Vendor`,
    `${machine}\\SYSTEM\\ControlSet002\\Services\\Vendor\\Parameters`,
    `${user}\\.DEFAULT\\Software\\Vendor`,
    `${user}\\S-1-5-18\\Software\\Classes\\CLSID\\{1}`,
    `${user}\\${alice}`,
    `${user}\\${alice}\\Software\\Vendor\\App`,
    `${user}\\${alice}\\Software\\Classes\\CLSID\\{1}`,
    `${user}\\${alice}_Classes`,
    `${user}\\${alice}_Classes\\CLSID\\{1}`,
    `${user}\\${alice}_Classes\\.txt`,
    `${user}\\${bob}\\Environment`,
    `${user}\\${bob}_Classes\\*\\shell\\Vendor`,
    '\\REGISTRY\\A\\{x}\\Settings',
  ],
  valueNames: ['', 'Start', 'ImagePath', 'C:\\a\\b', 'a*b', 'ß'],
  valueTypes: ['REG_SZ', 'REG_DWORD', 'REG_BINARY'],
  images: [
    '\\Device\\HarddiskVolume3\\Windows\\System32\\reg.exe',
    '\\Device\\HarddiskVolume1\\Tools\\Vendor\\app.exe',
  ],
  users: [alice, bob, 'S-1-5-18'],
  processIds: [4, 100, 104, 4_294_967_292],
  sessions: [0, 1, 2],
  operations: [
    'SetValueKey',
    'QueryValueKey',
    'CreateKey',
    'OpenKey',
    'RenameKey',
    'EnumerateKey',
    'KeyHandleClose',
    'RestoreKey',
    'DeleteKey',
  ],
  actions: ['ignore', 'notify', 'ask', 'block', 'bypass'],
  ancestors: 40,
};

const actionNumbers: Readonly<Record<RuleAction, number>> = { ignore: 0, notify: 1, ask: 2, block: 3, bypass: 4 };

function vary(random: Random, path: string): string {
  switch (random.below(8)) {
    case 0:
      return `${path}\\More`;
    case 1:
      return path.toLowerCase();
    case 2:
      return path.slice(0, Math.max(path.lastIndexOf('\\'), '\\REGISTRY\\'.length));
    case 3:
      return `${path}\\\\a\\b\\`;
    default:
      return path;
  }
}

function randomOperation(random: Random): RuleOperation {
  const entry = random.pick(notifyClasses);
  const maybe = <T>(make: () => T) => (random.below(8) === 0 ? null : make());
  const id = random.pick(words.processIds);
  return {
    class: entry.name,
    keyPath: maybe(() => vary(random, random.pick(words.keyPaths))),
    ...(entry.operation === 'RenameKey' ? { newPath: vary(random, random.pick(words.keyPaths)) } : {}),
    valueName: random.pick(words.valueNames),
    valueType: random.pick(words.valueTypes),
    status: random.pick([0, 0x104, 0xc0000022, 0x80000005]),
    user: maybe(() => random.pick(words.users)),
    process: {
      id,
      imagePath: maybe(() => random.pick(words.images)),
      sessionId: maybe(() => random.pick(words.sessions)),
      elevated: maybe(() => random.below(2) === 0),
      ancestors: Array.from({ length: random.below(3) }, () => random.pick(words.processIds)),
    },
  };
}

/** What the driver would make of it: only classes that have a name or type are asked about one. */
function programFacts({ class: name, keyPath, newPath, status, process, ...rest }: RuleOperation): ProgramFacts {
  const entry = notifyClasses.find((known) => known.name === name)!;
  const keyPaths = [keyPath, newPath].filter((path) => typeof path === 'string');
  return {
    notifyClass: entry.number,
    keyPaths: keyPaths.length === 0 ? null : keyPaths,
    valueName: ['SetValueKey', 'DeleteValueKey', 'QueryValueKey'].includes(entry.operation) ? rest.valueName! : null,
    valueType: entry.operation === 'SetValueKey' ? registryTypeNumber(rest.valueType!)! : null,
    outcome: entry.phase !== 'post' ? null : status! < 0x8000_0000 ? 'success' : 'failure',
    imagePath: process!.imagePath!,
    user: rest.user!,
    id: process!.id!,
    sessionId: process!.sessionId!,
    elevated: process!.elevated!,
    trees: [process!.id!, ...process!.ancestors!],
  };
}

const contexts: readonly RuleContext[] = [
  {},
  { controlSet: 1 },
  { controlSet: 2, userSid: alice, drives: { 'c:': '\\Device\\HarddiskVolume3' } },
];

describe('random rules', () => {
  it('random rules decide the same as a program as when they are read', () => {
    const random = new Random(4);
    const decided = new Map<number | null, number>();
    let actions = 0;
    let byAncestors = 0;
    for (let round = 0; round < 160; round++) {
      const context = random.pick(contexts);
      const otherwise = random.pick(['ignore', 'notify'] as const);
      const rules = randomRules(random, words, 1 + random.below(round % 40 === 0 ? 200 : 12));
      const { bytes, sources } = compileRules(rules, { ...context, otherwise });
      const program = new RuleProgram(bytes);
      for (let turn = 0; turn < 25; turn++) {
        const operation = randomOperation(random);
        const facts = programFacts(operation);
        const explained = explainRules(rules, operation, { ...context, otherwise });
        const decision = program.decide(facts);
        const verdict = { ...decision, rule: decision.rule === null ? null : sources[decision.rule]!.index };
        if (decision.rule !== null && sources[decision.rule - 1] === sources[decision.rule]) byAncestors++;
        const where = () => JSON.stringify({ context, rule: explained.rule, verdict, operation, rules }, null, 1);
        assert.equal(explained.uncertain, false);
        assert.equal(verdict.rule, explained.rule, where());
        assert.equal(verdict.action, actionNumbers[explained.action], where());
        const isWanted = ((program.classMask >> BigInt(facts.notifyClass)) & 1n) === 1n;
        assert.ok(isWanted || verdict.action === 0, where());
        decided.set(verdict.rule, (decided.get(verdict.rule) ?? 0) + 1);
        actions += Number(verdict.action > 0);
      }
    }
    // Otherwise the comparison would say little.
    assert.ok(decided.size > 12 && (decided.get(0) ?? 0) > 300 && actions > 1000, JSON.stringify([...decided]));
    assert.ok(byAncestors > 100, String(byAncestors));
  });

  it('random rules never decide where the compiler says that they do not', () => {
    const random = new Random(5);
    let warned = 0;
    for (let round = 0; round < 100; round++) {
      const rules: Rule[] = randomRules(random, words, 12);
      // Narrower and equal ones, so that there is something to find.
      for (const rule of [...rules]) {
        const action = rule.action === 'ask' ? 'ask' : 'notify';
        if (random.below(2) === 0) rules.push({ ...rule, action, phases: random.pick(['pre', 'post'] as const) });
      }
      const compiled = compileRules(rules);
      const never = new Set(
        compiled.warnings.filter(({ message }) => message.startsWith('never')).map(({ path }) => path[1]),
      );
      warned += never.size;
      const program = new RuleProgram(compiled.bytes);
      for (let turn = 0; turn < 25; turn++) {
        const { rule } = program.decide(programFacts(randomOperation(random)));
        assert.ok(
          rule === null || !never.has(compiled.sources[rule]!.index),
          `rule ${rule}: ${JSON.stringify(compiled.warnings)} ${JSON.stringify(rules)}`,
        );
      }
    }
    assert.ok(warned > 200, String(warned));
  });
});
