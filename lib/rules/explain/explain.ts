// Which rule decides about an operation, and why.

import type { Event } from '../../event/event.js';
import { checkRules } from '../check-rules.js';
import { settingsOf } from '../action-settings.js';
import { ancestorRules, concernsAncestors } from '../ancestors.js';
import type { CheckedRule } from '../checked-rule.js';
import { ancestorConditions, conditionsOf, type ConditionExplanation } from './conditions.js';
import { effectText } from './effect.js';
import { factsOf, type Facts, type RuleOperation } from './facts.js';
import { checkContext, type RuleContext } from '../pattern/context.js';
import type { Rule, RuleAction } from '../rule.js';

export interface ExplainRulesOptions extends RuleContext {
  /** What becomes of a notification that no rule matches. Default: ignore. */
  readonly otherwise?: 'ignore' | 'notify' | undefined;
}

export interface RuleExplanation {
  readonly index: number;
  readonly name: string | null;
  readonly action: RuleAction;
  /** In words what it does: `held for at most 500 ms, then allowed`. */
  readonly effect: string;
  readonly matches: boolean;
  /** What it asks for, in the order in which the driver looks. */
  readonly conditions: readonly ConditionExplanation[];
  /** In words: why it does not match, or that it does. */
  readonly reason: string;
}

export interface RulesExplanation {
  readonly action: RuleAction;
  /** In words what becomes of the operation; what is never asked about or exempt is not in it. */
  readonly effect: string;
  /** Index of the rule that decides; null when none matches, so that `otherwise` does. */
  readonly rule: number | null;
  /** The operation does not tell something that could change `action`. */
  readonly uncertain: boolean;
  readonly rules: readonly RuleExplanation[];
}

/**
 * Which rule decides about an operation, and why the others do not. It reads the rules themselves, not what the compiler makes of
 * them. Takes an event or a description of one; what a description leaves out matches no condition.
 */
export function explainRules(
  rules: readonly Rule[],
  operation: RuleOperation | Event,
  options: ExplainRulesOptions = {},
): RulesExplanation {
  const context = checkContext('explainRules()', options, ['otherwise']);
  const { otherwise = 'ignore' } = options;
  const facts = factsOf(operation, context);
  const byAncestors = concernsAncestors(facts.notifyClass);
  const checked = checkRules(rules, otherwise, context, byAncestors ? 'ancestors' : 'given');
  const explanations = checked.map((read, index): RuleExplanation => {
    const conditions = bestConditions(rules[index] ?? { action: read.action }, read, facts, byAncestors);
    return {
      index,
      name: read.name,
      action: read.action,
      effect: effectText(read.action, read.settings),
      matches: conditions.every(({ holds }) => holds === true),
      conditions,
      reason: reasonOf(conditions),
    };
  });
  const decisive = explanations.find(({ matches }) => matches) ?? null;
  const action = decisive?.action ?? otherwise;
  const effect = decisive?.effect ?? effectText(otherwise, settingsOf({ action: otherwise }));
  const before = explanations.slice(0, decisive?.index ?? explanations.length);
  const uncertain = before.some(
    (rule) => rule.effect !== effect && rule.conditions.every(({ holds }) => holds !== false),
  );
  return { action, effect, rule: decisive?.index ?? null, uncertain, rules: explanations };
}

/** Those of the rule, or of what `ancestors` makes of it, if that comes nearer to the operation. */
function bestConditions(
  rule: Rule,
  checked: CheckedRule,
  facts: Facts,
  byAncestors: boolean,
): readonly ConditionExplanation[] {
  const own = conditionsOf(rule, checked, facts);
  if (!byAncestors) return own;
  const all = [own, ...ancestorRules(checked).map((made) => ancestorConditions(rule, made, facts))];
  const matching = all.find((conditions) => conditions.every(({ holds }) => holds === true));
  return matching ?? all.find((conditions) => conditions.every(({ holds }) => holds !== false)) ?? own;
}

function reasonOf(conditions: readonly ConditionExplanation[]): string {
  const failed = conditions.find(({ holds }) => holds === false) ?? conditions.find(({ holds }) => holds === null);
  if (failed === undefined) return 'matches';
  const { path, expected, actual, holds } = failed;
  const place = path.join('.');
  if (holds === null) return `${place}: the operation does not tell; expected ${expected}`;
  return `${place}: ${actual ?? 'there is none, or it is not known'}; expected ${expected}`;
}
