// Each condition of a rule beside the fact that it looks at.

import type { AncestorRule } from '../ancestors.js';
import { listOf, type CheckedRule } from '../checked-rule.js';
import { hasClass } from '../class-masks.js';
import type { CheckedConditions, ConditionName } from '../condition.js';
import { conditions, givenIn, lookOrder } from '../conditions.js';
import type { Facts } from './facts.js';
import { quotePattern } from '../pattern/pattern.js';
import type { OneOrMany, Rule } from '../rule.js';

export interface ConditionExplanation {
  /** `['keys']`, `['process', 'image']`. */
  readonly path: readonly string[];
  /** Null: the operation does not tell. */
  readonly holds: boolean | null;
  readonly expected: string;
  /** Null: the notification has no such thing, or it is not known, or not told. */
  readonly actual: string | null;
}

type Values = OneOrMany<string | number | boolean>;

/** Each condition of what `ancestors` makes of a rule, and whether the facts fulfil it. */
export function ancestorConditions(rule: Rule, { rule: made, isAbove }: AncestorRule, facts: Facts) {
  // The patterns are those for all names, so the names of the key itself will do.
  const keys = facts.conditions.keys?.map((key) => ({ ...key, aliases: [] })) ?? facts.conditions.keys;
  return conditionsOf(rule, made, { ...facts, conditions: { ...facts.conditions, keys } }).map((condition) =>
    isAbove && condition.path[0] === 'keys'
      ? { ...condition, expected: `a key above ${condition.expected}` }
      : condition,
  );
}

/** Each condition that a rule has once it is read, and whether the facts fulfil it. */
export function conditionsOf(rule: Rule, checked: CheckedRule, facts: Facts): ConditionExplanation[] {
  const result = classConditions(rule, checked, facts);
  for (const name of lookOrder) {
    const found = explainCondition(name, rule, checked, facts);
    if (found !== null) result.push(found);
  }
  return result;
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties the parts of one condition together
function explainCondition<N extends ConditionName>(
  name: N,
  rule: Rule,
  checked: CheckedConditions,
  { notifyClass, conditions: facts }: Facts,
): ConditionExplanation | null {
  const wanted: Values | undefined = givenIn(rule, name);
  const values = checked[name];
  if (wanted === undefined || values === null) return null;
  const { path, classes, holds, actual } = conditions[name];
  const fact = classes === null || hasClass(classes.mask, notifyClass) ? facts[name] : null;
  if (fact === undefined || fact === null) {
    return { path, holds: fact === undefined ? null : false, expected: wish(wanted), actual: null };
  }
  return { path, holds: holds(values, fact), expected: wish(wanted), actual: actual(fact) };
}

function classConditions(rule: Rule, checked: CheckedRule, { notifyClass, className }: Facts): ConditionExplanation[] {
  const { operations, classes, phases } = rule;
  const wanted = { operations, classes, phases };
  const named = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const holds = hasClass(checked.classMask, notifyClass);
  if (named.length === 0 && holds) return [];
  const expected = named.map(([name, value]) => `${name} ${wish(value ?? [])}`).join(' and ');
  return [{ path: [named[0]?.[0] ?? 'classes'], holds, expected, actual: className }];
}

function wish(values: Values): string {
  const list = listOf(values) ?? [];
  const shown = list.slice(0, 4).map((value) => (typeof value === 'string' ? quotePattern(value) : String(value)));
  if (list.length > shown.length) shown.push(`${list.length - shown.length} more`);
  return shown.join(' or ');
}
