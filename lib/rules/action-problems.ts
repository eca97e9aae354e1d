// Errors in what a rule does: actions that do not go with its classes or other fields.

import { ruleCanDecide } from '../decision/classes.js';
import { notifyClasses, type NotifyClass } from '../registry/notify-class.js';
import { isDeciding, type DecidingAction } from './action-settings.js';
import { ancestorOperations } from './ancestors.js';
import { hasClass } from './class-masks.js';
import { listOf, ruleClassMask } from './checked-rule.js';
import { ruleError, type RulePath, type RuleProblem } from './problem.js';
import type { OneOrMany, Rule } from './rule.js';

/** What does not go together in a rule whose shape is right. */
export function findActionProblems(rule: Rule, path: RulePath): RuleProblem[] {
  const { action, status, onTimeout } = rule;
  const problems = ancestorProblems(rule, path);
  if (action === 'ask' && status !== undefined && onTimeout !== 'block') {
    const message =
      'is what an operation ends with when nobody decides in time; it goes with "onTimeout": "block" only';
    problems.push(ruleError([...path, 'status'], message));
  }
  return isDeciding(action) ? [...problems, ...classProblems(rule, action, path)] : problems;
}

function ancestorProblems(rule: Rule, path: RulePath): RuleProblem[] {
  if (rule.ancestors !== true) return [];
  const wrong = (message: string) => [ruleError([...path, 'ancestors'], message)];
  if (rule.keys === undefined) return wrong('is about the keys above those in "keys", which is missing');
  const mask = ruleClassMask(rule);
  if (notifyClasses.some((entry) => hasClass(mask, entry.number) && isOneOf(ancestorOperations, entry.operation)))
    return [];
  return wrong(`is about ${ancestorOperations.join(', ')}, and the rule is about none of them`);
}

function isOneOf(list: readonly string[], value: string): boolean {
  return list.includes(value);
}

/** Classes, operations and phases that are named and that the action cannot do anything about. */
function classProblems({ classes, operations, phases }: Rule, action: DecidingAction, path: RulePath): RuleProblem[] {
  const find = (
    field: string,
    value: OneOrMany<string> | undefined,
    entriesOf: (name: string) => readonly NotifyClass[],
  ): RuleProblem[] =>
    (listOf(value) ?? []).flatMap((name, index) => {
      const entries = entriesOf(name);
      const [first] = entries;
      if (first === undefined || entries.some((entry) => ruleCanDecide(entry, action))) return [];
      const place = Array.isArray(value) ? [...path, field, index] : [...path, field];
      return [ruleError(place, `"${name}" ${reason(action, first, field)}`)];
    });
  return [
    ...find('classes', classes, (name) => notifyClasses.filter((entry) => entry.name === name)),
    ...find('operations', operations, (name) => notifyClasses.filter(({ operation }) => operation === name)),
    ...find('phases', phases, (name) => notifyClasses.filter(({ phase }) => phase === name)),
  ];
}

function reason(action: DecidingAction, { operation, phase }: NotifyClass, field: string): string {
  const isOver = phase === 'post' && field !== 'operations' && action !== 'ask';
  if (isOver)
    return `comes when the operation is over; it can be ${action === 'block' ? 'blocked' : 'bypassed'} in pre only`;
  if (operation === 'KeyHandleClose') return 'cannot be decided about: a handle is closed whatever a callback says';
  if (operation === 'CallbackObjectContextCleanup') return 'is no operation, so there is nothing to decide';
  const can = (other: DecidingAction) => ruleCanDecide({ operation, phase: 'pre' }, other);
  if (can('block') && !can('ask')) return `goes with "block", and not with "${action}"`;
  const advice = 'use "ask", where the callback can give the answer';
  return `has something to answer, so it cannot be reported done without being done; ${advice}`;
}
