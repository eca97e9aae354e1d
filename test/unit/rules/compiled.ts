import assert from 'node:assert/strict';
import { compileRules, notifyClasses, RulesError, type Rule } from '../../../lib/index.js';
import * as P from '../../../lib/wire/protocol.js';
import { rulePathText } from '../../../lib/rules/problem.js';

/** CMB_RULE of each rule of the program: action, flags, status, deadline. */
export function ruleFields(rules: readonly Rule[]): number[][] {
  const { bytes, sources } = compileRules(rules);
  const view = new DataView(bytes.buffer);
  const first = P.CMB_RULES.size;
  return sources.map((_, index) =>
    (['Action', 'Flags', 'Status', 'Deadline'] as const).map((field) =>
      view.getUint32(first + index * P.CMB_RULE.size + P.CMB_RULE[field], true),
    ),
  );
}

export function problemsOf(rule: Rule): string[] {
  try {
    compileRules([rule]);
    return [];
  } catch (error) {
    assert.ok(error instanceof RulesError);
    return error.problems.map(({ path, message }) => `${rulePathText(path.slice(2))}: ${message}`);
  }
}

export function warningsOf(rule: Rule): string[] {
  return compileRules([rule]).warnings.map(({ path, message }) => `${rulePathText(path.slice(2))}: ${message}`);
}

export function classesOf(rule: Rule): string[] {
  const { classMask } = compileRules([rule]);
  return notifyClasses.filter(({ number }) => ((classMask >> BigInt(number)) & 1n) === 1n).map(({ name }) => name);
}
