// Compares values with the shapes of rules.

import { didYouMean, quote } from '../base/options.js';
import type { IntegerShape, LiteralShape, OnlyWith, TextShape } from '../base/shape.js';
import { ruleError, type RulePath, type RuleProblem } from './problem.js';
import type { RuleRecord, RuleShape } from './shape.js';

/** Everything in which `value` is not as the shape wants it. Undefined fields count as absent. */
export function findShapeProblems(shape: RuleShape, value: unknown, path: RulePath): RuleProblem[] {
  const problems: RuleProblem[] = [];
  check(shape, value, path, problems);
  return problems;
}

/** Who has made so many errors has made one of them many times. */
export const maxShapeProblems = 1000;

function check(shape: RuleShape, value: unknown, path: RulePath, problems: RuleProblem[]): void {
  if (problems.length >= maxShapeProblems) return;
  const wrong = (expected: string) => {
    problems.push(ruleError(path, `must be ${expected}, not ${quote(value)}`));
  };
  switch (shape.kind) {
    case 'text':
      checkText(shape, value, path, problems);
      return;
    case 'integer':
      if (isNumberOf(shape, value)) return;
      wrong(`an integer from ${shape.minimum} to ${shape.maximum}`);
      return;
    case 'boolean':
      if (typeof value !== 'boolean') wrong('true or false');
      return;
    case 'literal':
      checkLiteral(shape, value, path, problems);
      return;
    case 'many':
      if (Array.isArray(value)) checkItems(shape, value, path, problems, 1);
      else if (isObject(value)) wrong(`${describe(shape.shape)}, or a list of such`);
      else check(shape.shape, value, path, problems);
      return;
    case 'list':
      if (Array.isArray(value)) checkItems(shape, value, path, problems, 0);
      else wrong('a list');
      return;
    case 'record':
      if (isObject(value)) checkRecord(shape, value, path, problems);
      else wrong('an object');
  }
}

function checkText(shape: TextShape, value: unknown, path: RulePath, problems: RuleProblem[]): void {
  if (typeof value !== 'string' || (shape.pattern !== null && !shape.pattern.test(value))) {
    problems.push(ruleError(path, `must be ${shape.what}, not ${quote(value)}`));
  } else if (value.length < shape.minLength) {
    problems.push(ruleError(path, 'must not be empty'));
  } else if (value.length > shape.maxLength) {
    problems.push(ruleError(path, `has ${value.length} characters; at most ${shape.maxLength} are possible`));
  }
}

function checkLiteral(shape: LiteralShape, value: unknown, path: RulePath, problems: RuleProblem[]): void {
  const { values, pattern, numbers } = shape;
  if ((values as readonly unknown[]).includes(value)) return;
  if (numbers !== undefined && isNumberOf(numbers, value)) return;
  if (typeof value === 'string' && pattern?.test(value) === true) return;
  const more = shape.explain?.(value) ?? null;
  if (more !== null) {
    problems.push(ruleError(path, `${quote(value)} ${more}`));
    return;
  }
  problems.push(ruleError(path, `must be ${describe(shape)}, not ${quote(value)}${nearValues(shape, value)}`));
}

function isNumberOf({ minimum, maximum, except }: IntegerShape, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  return value >= minimum && value <= maximum && value !== except;
}

function nearValues({ values }: LiteralShape, value: unknown): string {
  const known = values.map(String);
  const near = typeof value === 'string' ? didYouMean(value, known) : '';
  if (near !== '' || typeof value !== 'string' || value.length < 3) return near;
  const [longer] = known.filter((name) => name.toLowerCase().includes(value.toLowerCase()));
  return longer === undefined ? '' : `. Did you mean "${longer}"?`;
}

function describe(shape: RuleShape): string {
  switch (shape.kind) {
    case 'text':
      return shape.what;
    case 'integer':
      return 'an integer';
    case 'literal':
      return shape.what ?? orOf(shape.values.map((value) => JSON.stringify(value)));
    default:
      return `a ${shape.kind}`;
  }
}

function orOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

function checkItems(
  { shape, maxItems }: { readonly shape: RuleShape; readonly maxItems: number },
  items: readonly unknown[],
  path: RulePath,
  problems: RuleProblem[],
  minItems: number,
): void {
  if (items.length < minItems) problems.push(ruleError(path, 'is an empty list; leave it out where all will do'));
  if (items.length > maxItems) {
    problems.push(ruleError(path, `has ${items.length} entries; at most ${maxItems} are possible`));
    return;
  }
  // Not forEach, which passes over holes.
  for (const [index, item] of items.entries()) check(shape, item, [...path, index], problems);
}

function checkRecord(
  { required, fields, onlyWith }: RuleRecord,
  object: Readonly<Record<string, unknown>>,
  path: RulePath,
  problems: RuleProblem[],
): void {
  for (const name of required) {
    if (object[name] !== undefined) continue;
    const field = fields[name];
    const expected = field?.kind === 'literal' ? `: ${describe(field)}` : '';
    problems.push(ruleError(path, `"${name}" is missing${expected}`));
  }
  for (const [name, value] of Object.entries(object)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (problems.length >= maxShapeProblems) return;
    if (field === undefined) {
      const near = didYouMean(name, Object.keys(fields)) || `. Known are ${Object.keys(fields).join(', ')}`;
      problems.push(ruleError([...path, name], `there is no ${quote(name)} here${near}`));
    } else if (value !== undefined) {
      const unfit = unfitText(name, onlyWith, fields, object);
      if (unfit === null) check(field, value, [...path, name], problems);
      else problems.push(ruleError([...path, name], unfit));
    }
  }
}

/** Why a field does not go with what another field says; null if it does, or if the other field is wrong itself. */
function unfitText(
  name: string,
  onlyWith: OnlyWith | undefined,
  fields: RuleRecord['fields'],
  object: Readonly<Record<string, unknown>>,
): string | null {
  const values: readonly unknown[] | undefined = onlyWith?.values[name];
  if (onlyWith === undefined || values === undefined) return null;
  const decider = fields[onlyWith.field];
  const value = object[onlyWith.field];
  const isKnown = decider?.kind === 'literal' && (decider.values as readonly unknown[]).includes(value);
  if (!isKnown || values.includes(value)) return null;
  return `"${name}" goes with ${onlyWith.field} ${orOf(values.map(quote))} only, not with ${quote(value)}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
