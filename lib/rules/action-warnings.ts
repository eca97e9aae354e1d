// Warnings about decisions that reach further than people expect.

import { ancestorOperations } from './ancestors.js';
import { isDeciding } from './action-settings.js';
import { isOfNothingInParticular, keyPatternsOf, type CheckedRule } from './checked-rule.js';
import { hasClass } from './class-masks.js';
import { notifyClasses, type Operation } from '../registry/notify-class.js';
import { isDeep, isLiteral, type Pattern } from './pattern/pattern.js';
import { ruleWarning, type RulePath, type RuleProblem } from './problem.js';
import type { Rule } from './rule.js';

/** A program that waits longer looks as if it hangs. */
const longDeadline = 2000;

/** Decisions that reach further than people expect. */
export function actionWarnings(rule: Rule, checked: CheckedRule, path: RulePath): RuleProblem[] {
  const { action, settings } = checked;
  const keyPatterns = keyPatternsOf(checked);
  if (!isDeciding(action) || checked.classMask === 0n) return [];
  const warnings: RuleProblem[] = [];
  const warn = (field: string, message: string) => {
    warnings.push(ruleWarning([...path, field], message));
  };
  const verb = { ask: 'holds', block: 'blocks', bypass: 'swallows' }[action];
  if (isOfNothingInParticular(checked)) {
    warn('action', `${verb} such operations on every key by every program; name some in "keys" or "process"`);
  }
  if (settings.deadline > longDeadline) {
    warn('deadline', `programs can hang for ${settings.deadline} ms in each such operation, as long as nobody answers`);
  }
  const isSoft = action === 'ask' || rule.dryRun === true;
  const hive = isSoft || rule.process !== undefined ? undefined : keyPatterns?.find(isWholeHive);
  if (hive !== undefined) {
    warn('keys', `${verb} operations in a whole hive, which Windows itself needs; name keys in it, or a "process"`);
  }
  if (action === 'block' && has(checked, 'CreateKey') && !has(checked, 'OpenKey')) {
    warn(
      'action',
      'also blocks programs that open an existing key with RegCreateKeyEx, as many do: CreateKey does not tell the two apart before it is done',
    );
  }
  if (rule.ancestors === true && keyPatterns?.some(beginsAnywhere) === true) {
    warn(
      'ancestors',
      `every key can be above keys that begin with "**": ${verb} all ${ancestorOperations.join(', ')} there are`,
    );
  }
  return warnings;
}

function has({ classMask }: CheckedRule, wanted: Operation): boolean {
  return notifyClasses.some(({ number, operation }) => operation === wanted && hasClass(classMask, number));
}

/** `\REGISTRY\**`, `\REGISTRY\MACHINE\**`, `\REGISTRY\MACHINE\SOFTWARE\**` and the like. */
function isWholeHive(pattern: Pattern): boolean {
  const [root, , hive] = pattern;
  if (pattern.length > 4 || pattern.findIndex(isDeep) !== pattern.length - 1) return false;
  // A private hive is nobody's but its program's.
  const isPrivate = pattern[1]?.[0] === 'A' && hive !== undefined;
  return root !== undefined && (isDeep(root) || isLiteral(root)) && !isPrivate;
}

function beginsAnywhere([first]: Pattern): boolean {
  return first !== undefined && isDeep(first);
}
