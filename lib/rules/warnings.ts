import {
  listOf,
  outcomeMask,
  possibleClassMask,
  valueNameMask,
  valueTypeMask,
  type CheckedRule,
} from './checked-rule.js';
import { quotePattern } from './pattern.js';
import { rulePathText, ruleWarning, type RulePath, type RuleProblem } from './problem.js';
import type { OneOrMany, Rule } from './rule.js';
import { findShadowed } from './shadow.js';

/** Rules that never match or never decide, and patterns that hardly mean what they say. */
export function findWarnings(rules: readonly Rule[], checked: readonly CheckedRule[]): RuleProblem[] {
  const shadowed = findShadowed(checked);
  return checked.flatMap((rule, index) => {
    const path = ['rules', index];
    const before = shadowed.get(index);
    return [
      ...impossible(rule, path),
      ...(before === undefined ? [] : [ruleWarning(path, shadowText(before, rule, checked))]),
      ...patternWarnings(rules[index], path),
    ];
  });
}

function impossible(rule: CheckedRule, path: RulePath): RuleProblem[] {
  const { classMask } = rule;
  if (classMask === 0n) {
    return [ruleWarning(path, 'never matches: its operations, classes and phases have nothing in common')];
  }
  const conditions = [
    ['outcome', rule.outcome, outcomeMask, 'only post classes know the outcome'],
    ['valueTypes', rule.valueTypes, valueTypeMask, 'only SetValueKey writes a value'],
    ['valueNames', rule.valueNames, valueNameMask, 'only SetValueKey, DeleteValueKey and QueryValueKey name one value'],
  ] as const;
  for (const [name, condition, mask, why] of conditions) {
    if (condition !== null && (classMask & mask) === 0n) return [ruleWarning([...path, name], `never matches: ${why}`)];
  }
  if (possibleClassMask(rule) !== 0n) return [];
  return [ruleWarning(path, 'never matches: no notification can fulfil all its conditions')];
}

function shadowText(before: readonly number[], rule: CheckedRule, rules: readonly CheckedRule[]): string {
  const [first, ...more] = before.map((index) => rulePathText(['rules', index]));
  const twin = rules[before[0] ?? 0];
  if (more.length === 0 && JSON.stringify(conditionsOf(twin)) === JSON.stringify(conditionsOf(rule))) {
    return `never decides: ${first ?? ''} has the same conditions and comes first`;
  }
  if (more.length === 0) return `never decides: ${first ?? ''} comes first and matches all that it would match`;
  const names = more.length > 3 ? `${more.length} more rules` : more.join(' and ');
  return `never decides: ${first ?? ''} and ${names} come first and match all that it would match`;
}

function conditionsOf(rule: CheckedRule | undefined) {
  return { ...rule, name: null, action: null, classMask: String(rule?.classMask) };
}

const rootKeys =
  /^\\*(HKLM|HKU|HKCU|HKCR|HKCC|HKEY_(LOCAL_MACHINE|USERS|CURRENT_USER|CLASSES_ROOT|CURRENT_CONFIG)|REGISTRY(\\+(MACHINE|USER))?)\\*$/i;

function patternWarnings(rule: Rule | undefined, path: RulePath): RuleProblem[] {
  return [
    ...each(rule?.keys, [...path, 'keys'], (text) => {
      if (!rootKeys.test(text)) return wildcardText(text);
      return `${quotePattern(text)} is that key alone; for all that is below it write ${quotePattern(`${text.replace(/\\+$/, '')}\\**`)}`;
    }),
    ...each(rule?.valueNames, [...path, 'valueNames'], (text) => {
      if (/^\((Default|Standard|value not set)\)$/i.test(text)) {
        return `${quotePattern(text)} is how programs show the default value; its name is ""`;
      }
      return wildcardText(text);
    }),
    ...each(rule?.process?.image, [...path, 'process', 'image'], (text) => {
      if (/%[^%\\]+%/.test(text)) return `environment variables are not expanded in ${quotePattern(text)}`;
      return wildcardText(text.replace(/^\\(\?\?|\\\?)\\/, ''));
    }),
  ];
}

function wildcardText(text: string): string | null {
  if (!text.includes('?')) return null;
  return `the question mark in ${quotePattern(text)} stands for itself; "*" is the only wildcard within a component`;
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
