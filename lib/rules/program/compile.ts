// Rules made into the program that the driver walks.

import { checkInteger } from '../../base/options.js';
import * as P from '../../wire/protocol.js';
import { checkRules } from '../check-rules.js';
import { checkContext } from '../pattern/context.js';
import { programRules } from '../ancestors.js';
import { isUnconditional, possibleClassMask, type CheckedRule } from '../checked-rule.js';
import { ruleError, RulesError, type RuleProblem } from '../problem.js';
import { buildProgram } from './program.js';
import { findWarnings } from '../warnings.js';
import type { CompiledRules, CompileRulesOptions, Rule } from '../rule.js';
import type { RuleReference } from '../../event/event.js';

/**
 * Makes the tables that the driver walks. Throws a `RulesError` with everything that is wrong. `registerCallback` and `setRules` call
 * it with what the driver told about the machine.
 */
export function compileRules(rules: readonly Rule[], options: CompileRulesOptions = {}): CompiledRules {
  const context = checkContext('compileRules()', options, ['otherwise', 'maxBytes']);
  const { otherwise = 'ignore' } = options;
  const maxBytes = checkInteger('maxBytes', options.maxBytes, 0, 2 ** 32 - 1, P.CMB_MAX_RULES_BYTES);
  const checked = checkRules(rules, otherwise, context, 'all');
  const program = programRules(checked);
  if (program.length > P.CMB_MAX_RULES) {
    const message = `make a program of ${program.length} rules with those of "ancestors"; at most ${P.CMB_MAX_RULES} are possible`;
    throw new RulesError([ruleError(['rules'], message)]);
  }
  const made = program.map(({ rule }) => rule);
  const classMask = effectiveClassMask(made, otherwise);
  const bytes = buildProgram(made, otherwise, classMask);
  if (bytes.byteLength > maxBytes) {
    const message = `take ${bytes.byteLength} bytes of tables; the driver takes at most ${maxBytes}`;
    throw new RulesError([ruleError(['rules'], message)]);
  }
  const references = checked.map(({ name }, index): RuleReference => Object.freeze({ index, name }));
  const sources = program.flatMap(({ source }) => references[source] ?? []);
  let warnings: readonly RuleProblem[] | null = null;
  return {
    bytes,
    ruleCount: rules.length,
    sources,
    asks: references.find(({ index }) => checked[index]?.action === 'ask') ?? null,
    classMask,
    get warnings() {
      return (warnings ??= findWarnings(rules, program));
    },
  };
}

/** The classes of which a notification may end in something else than `ignore`. */
function effectiveClassMask(rules: readonly CheckedRule[], otherwise: 'ignore' | 'notify'): bigint {
  let open = 0xffff_ffff_ffff_ffffn;
  let wanted = 0n;
  for (const rule of rules) {
    const mask = possibleClassMask(rule) & open;
    if (rule.action !== 'ignore') wanted |= mask;
    if (isUnconditional(rule)) open &= ~mask;
  }
  return otherwise === 'ignore' ? wanted : wanted | open;
}
