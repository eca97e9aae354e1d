// Warnings about rules that never match or never decide, and about patterns that hardly mean what they say.

import { listOf, possibleClassMask, type CheckedRule } from './checked-rule.js';
import { conditionNames, conditions, givenIn, lookOrder } from './conditions.js';
import { actionWarnings } from './action-warnings.js';
import type { ProgramRule } from './ancestors.js';
import { rulePathText, ruleWarning, type RulePath, type RuleProblem } from './problem.js';
import type { OneOrMany, Rule } from './rule.js';
import { findShadowed } from './shadow.js';

/** Rules that never match or never decide, and patterns that hardly mean what they say. */
export function findWarnings(rules: readonly Rule[], program: readonly ProgramRule[]): RuleProblem[] {
  const shadowed = findShadowed(program.map(({ rule }) => rule));
  return rules.flatMap((given, source) => {
    const path = ['rules', source];
    const numbers = program.flatMap((made, number) => (made.source === source ? [number] : []));
    const rule = program[numbers[0] ?? 0]?.rule;
    if (rule === undefined) return [];
    const before = shadowsOf(numbers, shadowed, program);
    return [
      ...impossible(rule, path),
      ...(before === null ? [] : [ruleWarning(path, shadowText(before, rule, program))]),
      ...actionWarnings(given, rule, path),
      ...patternWarnings(given, path),
    ];
  });
}

/** The rules that leave nothing to all those of the program that one rule was made of; null when something is left. */
function shadowsOf(
  numbers: readonly number[],
  shadowed: ReadonlyMap<number, readonly number[]>,
  program: readonly ProgramRule[],
): number[] | null {
  const sources = new Set<number>();
  for (const number of numbers) {
    const before = shadowed.get(number);
    if (before === undefined) return null;
    for (const earlier of before) sources.add(program[earlier]?.source ?? 0);
  }
  return [...sources].sort((a, b) => a - b);
}

function impossible(rule: CheckedRule, path: RulePath): RuleProblem[] {
  const { classMask } = rule;
  if (classMask === 0n) {
    return [ruleWarning(path, 'never matches: its operations, classes and phases have nothing in common')];
  }
  for (const name of lookOrder) {
    const { classes, path: place } = conditions[name];
    if (rule[name] === null || classes === null || (classMask & classes.mask) !== 0n) continue;
    return [ruleWarning([...path, ...place], `never matches: ${classes.why}`)];
  }
  if (possibleClassMask(rule) !== 0n) return [];
  return [ruleWarning(path, 'never matches: no notification can fulfil all its conditions')];
}

function shadowText(before: readonly number[], rule: CheckedRule, program: readonly ProgramRule[]): string {
  const [first, ...more] = before.map((index) => rulePathText(['rules', index]));
  const twin = program.find(({ source }) => source === before[0])?.rule;
  if (more.length === 0 && JSON.stringify(conditionsOf(twin)) === JSON.stringify(conditionsOf(rule))) {
    return `never decides: ${first ?? ''} has the same conditions and comes first`;
  }
  if (more.length === 0) return `never decides: ${first ?? ''} comes first and matches all that it would match`;
  const names = more.length > 3 ? `${more.length} more rules` : more.join(' and ');
  return `never decides: ${first ?? ''} and ${names} come first and match all that it would match`;
}

function conditionsOf(rule: CheckedRule | undefined) {
  return { ...rule, name: null, action: null, settings: null, classMask: String(rule?.classMask) };
}

function patternWarnings(rule: Rule, path: RulePath): RuleProblem[] {
  return conditionNames.flatMap((name) => {
    const { hint, path: place } = conditions[name];
    return hint === null ? [] : each(givenIn(rule, name) as OneOrMany<string> | undefined, [...path, ...place], hint);
  });
}

function each(
  value: OneOrMany<string> | undefined,
  path: RulePath,
  check: (text: string) => string | null,
): RuleProblem[] {
  return (listOf(value) ?? []).flatMap((text, index) => {
    const message = check(text);
    return message === null ? [] : [ruleWarning(Array.isArray(value) ? [...path, index] : path, message)];
  });
}
