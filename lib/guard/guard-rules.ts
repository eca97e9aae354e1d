// The rules that a guard stands on, made of its conditions and its handlers.

import { decisionKindsOf } from '../decision/classes.js';
import { invalidArgument } from '../base/errors.js';
import {
  guardedByDefault,
  guardExceptionNames,
  type GuardConditions,
  type GuardedOperation,
  type GuardException,
  type GuardHandler,
  type GuardHandlers,
} from './guard-options.js';
import { notifyClasses } from '../registry/notify-class.js';
import { checkBoolean, checkOptions, didYouMean, quote } from '../base/options.js';
import { ancestorOperations } from '../rules/ancestors.js';
import { listOf } from '../rules/checked-rule.js';
import { RulesError, type RuleProblem } from '../rules/problem.js';
import type { Rule } from '../rules/rule.js';

/** One handler for all, or one for each operation. */
export type GuardHandlerInput = GuardHandler | GuardHandlers;

const operations: readonly string[] = notifyClasses
  .filter((entry) => entry.phase === 'pre' && decisionKindsOf(entry).length > 0)
  .map(({ operation }) => operation);

export function checkHandlers(handler: unknown): GuardHandlerInput {
  if (typeof handler === 'function') return handler as GuardHandler;
  if (typeof handler !== 'object' || handler === null || Array.isArray(handler)) {
    throw invalidArgument(`A guard needs a handler, or an object of handlers by operation, not ${quote(handler)}`);
  }
  const given = Object.entries(handler as Readonly<Record<string, unknown>>).filter(([, value]) => value !== undefined);
  if (given.length === 0) throw invalidArgument('A guard needs a handler; the object has none');
  for (const [name, value] of given) {
    if (name !== 'default' && !operations.includes(name)) {
      const advice = didYouMean(name, [...operations, 'default']) || `. Known are ${operations.join(', ')} and default`;
      throw invalidArgument(`There is no operation ${quote(name)} to decide about${advice}`);
    }
    if (typeof value !== 'function')
      throw invalidArgument(`The handler of ${name} must be a function, not ${quote(value)}`);
  }
  return handler;
}

export function handlerOf(handlers: GuardHandlerInput, operation: GuardedOperation): GuardHandler | undefined {
  if (typeof handlers === 'function') return handlers;
  // Each handler is only called with events of its operation.
  return (handlers[operation] as GuardHandler | undefined) ?? handlers.default;
}

/** The exceptions, then the rule that asks. */
export function guardRules(conditions: GuardConditions, handlers: GuardHandlerInput): Rule[] {
  const { except, operations: wanted, ancestors, ...rest } = conditions;
  const asked = listOf<string>(wanted) ?? defaultOperations(handlers);
  const known = asked.filter((name) => operations.includes(name)) as GuardedOperation[];
  const missing = known.find((operation) => handlerOf(handlers, operation) === undefined);
  if (missing !== undefined)
    throw invalidArgument(`"operations" has ${missing}, which has no handler, nor is there one named "default"`);
  // Who names no operation that could go round the keys has none to leave out either.
  const canHaveAncestors =
    rest.keys !== undefined && asked.some((name) => (ancestorOperations as readonly string[]).includes(name));
  const rule: Rule = {
    name: 'guard',
    ...rest,
    operations: asked as GuardedOperation[],
    ancestors: ancestors === undefined ? canHaveAncestors : checkBoolean('ancestors', ancestors, true),
    action: 'ask',
  };
  return [...exceptions(except), rule];
}

function defaultOperations(handlers: GuardHandlerInput): readonly string[] {
  if (typeof handlers === 'function') return guardedByDefault;
  const { default: others, ...named } = handlers;
  const own = Object.entries(named).flatMap(([name, handler]) => (handler === undefined ? [] : [name]));
  return others === undefined ? own : [...new Set([...own, ...guardedByDefault])];
}

function exceptions(except: GuardConditions['except']): Rule[] {
  return (listOf<GuardException>(except) ?? []).map((condition, index) => {
    const place = Array.isArray(except) ? `except[${index}]` : 'except';
    const { name, ...checked } = checkOptions(place, condition, guardExceptionNames) as GuardException;
    if (Object.values(checked).every((value) => value === undefined)) {
      throw invalidArgument(`"${place}" has no condition, so nothing at all would be asked about`);
    }
    return { name: name ?? place, ...checked, action: 'ignore' };
  });
}

/** Runs what compiles the rules; says of what is wrong where it stands in the options. */
export async function withGuardPlaces<T>(exceptionCount: number, isList: boolean, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    const problems = error.problems.map((problem): RuleProblem => {
      const [first, index, ...rest] = problem.path;
      if (first !== 'rules' || typeof index !== 'number') return problem;
      if (index >= exceptionCount) return { ...problem, path: rest };
      return { ...problem, path: isList ? ['except', index, ...rest] : ['except', ...rest] };
    });
    throw new RulesError(problems, null, { cause: error });
  }
}
