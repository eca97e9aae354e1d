// `cmbridge rules explain`.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { parseEvent } from '../event/json/parse.js';
import type { Event } from '../event/event.js';
import { explainRules, type RuleExplanation, type RulesExplanation } from '../rules/explain/explain.js';
import type { RuleOperation } from '../rules/explain/facts.js';
import { loadRules, type RuleFile } from '../rules/file/file.js';
import type { RulePath } from '../rules/problem.js';
import { givenFlags, type OperationOptions } from './operation-flags.js';
import { operationOf } from './operation-options.js';
import type { RulesEnvironment } from './rules-check.js';
import { paint, wantsColor } from './style.js';
import { printable } from './width.js';

export interface RulesExplainOptions extends OperationOptions {
  /** A file of events as `cmbridge watch --json` prints them; `-` is standard input. */
  readonly event?: string | undefined;
  readonly controlSet?: number | undefined;
  /** Show every rule, however many did not match. */
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly color: boolean;
}

export interface ExplainEnvironment extends RulesEnvironment {
  readonly stdin: NodeJS.ReadableStream;
}

/** Says which rule of a file decides about an operation, or about each of some events, and why. */
export async function explainRuleFile(
  path: string,
  options: RulesExplainOptions,
  environment: ExplainEnvironment,
): Promise<void> {
  const given = givenFlags(options);
  if (options.event !== undefined && given.length > 0) {
    throw invalidArgument(`--event tells all about the operation; leave out ${given.join(', ')}`);
  }
  const operation = options.event === undefined ? operationOf(options) : null;
  const file = await loadRules(path);
  const context = options.controlSet === undefined ? {} : { controlSet: options.controlSet };
  const { output } = environment;
  const explain = async (subject: RuleOperation | Event) => {
    const explanation = explainRules(file.rules, subject, { ...context, otherwise: file.otherwise });
    const text =
      options.json === true
        ? JSON.stringify(toJson(subject, explanation, file))
        : formatExplanation(subject, explanation, file, {
            color: wantsColor(output, options.color, environment.env),
            all: options.all === true,
          });
    await output.write(text);
  };
  if (operation !== null) await explain(operation);
  else await explainEvents(options.event ?? '-', explain, environment);
}

async function explainEvents(
  source: string,
  explain: (event: Event) => Promise<void>,
  { stdin, output }: ExplainEnvironment,
): Promise<void> {
  const name = source === '-' ? 'standard input' : source;
  const input = source === '-' ? stdin : createReadStream(source);
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number++;
      if (output.closed.aborted) return;
      if (line.trim() === '') continue;
      const event = parseEvent(line);
      if (event.class !== 'gap' && event.class !== 'breaker') await explain(event);
    }
  } catch (error) {
    if (error instanceof CmBridgeError) {
      throw new CmBridgeError(error.code, `${name}, line ${number}: ${error.message}`, { cause: error });
    }
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw invalidArgument(`Cannot read ${name}: ${error.message}`, { cause: error });
  }
  if (number === 0) throw invalidArgument(`${name} has no events; expected what cmbridge watch --json prints`);
}

interface ExplanationStyle {
  readonly color: boolean;
  readonly all: boolean;
}

/** So many rules that do not match are shown, those next to the one that decides. */
const shownRules = 20;

export function formatExplanation(
  subject: RuleOperation | Event,
  { action, effect, rule, uncertain, rules }: RulesExplanation,
  file: RuleFile,
  { color, all }: ExplanationStyle,
): string {
  const decisive = rule === null ? undefined : rules[rule];
  const verdict = paint(action, action === 'ignore' ? 'yellow' : 'green', color);
  const decides = action !== 'ignore' && action !== 'notify';
  const lines = [
    paint(printable(subjectText(subject)), 'cyan', color),
    decisive === undefined
      ? `${verdict}: no rule matches, and "otherwise" is ${file.otherwise}`
      : `${verdict}: ${ruleText(decisive, file)} is the first that matches${decides ? `: ${effect}` : ''}`,
  ];
  if (decisive !== undefined) {
    for (const { path, expected, actual } of decisive.conditions) {
      const place = placeOf(file, [...rulePath(decisive), ...path]);
      lines.push(`    ${place}${path.join('.')}: ${printable(actual ?? '?')} fits ${printable(expected)}`);
    }
  }
  const before = rules.slice(0, rule ?? rules.length);
  const shown = all ? before : before.slice(-shownRules);
  if (shown.length < before.length)
    lines.push(`  ${before.length - shown.length} rules before do not match (--all shows them)`);
  for (const other of shown) {
    const { path } = failedCondition(other);
    const verb = other.conditions.some(({ holds }) => holds === false) ? 'does not match' : 'could match';
    const place = placeOf(file, [...rulePath(other), ...path]);
    lines.push(`  ${ruleText(other, file)} ${verb}`, `    ${place}${printable(other.reason)}`);
  }
  if (uncertain) {
    const warning = 'Not certain: a rule above could match, depending on what the operation does not tell.';
    lines.push(paint(warning, 'yellow', color));
  }
  return lines.join('\n');
}

/** The one that `reason` tells of. */
function failedCondition({ conditions }: RuleExplanation): { readonly path: readonly string[] } {
  return (
    conditions.find(({ holds }) => holds === false) ?? conditions.find(({ holds }) => holds === null) ?? { path: [] }
  );
}

function rulePath({ index }: RuleExplanation): RulePath {
  return ['rules', index];
}

function placeOf(file: RuleFile, path: RulePath): string {
  const position = file.locate(path);
  return position === null ? '' : `line ${position.line}, `;
}

function ruleText({ index, name }: RuleExplanation, file: RuleFile): string {
  const line = file.locate(['rules', index])?.line;
  const title = name === null ? '' : ` ${JSON.stringify(name)}`;
  return printable(`rule ${index + 1}${title} (${file.fileName ?? 'line'}:${line ?? '?'})`);
}

function subjectText(subject: RuleOperation | Event): string {
  if ('sequence' in subject) {
    if (subject.class === 'gap' || subject.class === 'breaker') return subject.class;
    return `#${subject.sequence} ${subject.class} ${subject.key ?? subject.keyPath ?? '?'}`;
  }
  const kind = subject.class ?? `${subject.operation ?? '?'}, ${subject.phase ?? '?'}`;
  return subject.keyPath === undefined || subject.keyPath === null ? kind : `${kind}: ${subject.keyPath}`;
}

function toJson(
  subject: RuleOperation | Event,
  { action, effect, rule, uncertain, rules }: RulesExplanation,
  file: RuleFile,
) {
  return {
    file: file.fileName,
    ...('sequence' in subject ? { sequence: subject.sequence.toString() } : {}),
    action,
    effect,
    rule,
    uncertain,
    rules: rules.map((explained) => ({
      ...explained,
      line: file.locate(['rules', explained.index])?.line ?? null,
      conditions: explained.conditions.map((condition) => ({
        ...condition,
        path: condition.path.join('.'),
        line: file.locate(['rules', explained.index, ...condition.path])?.line ?? null,
      })),
    })),
  };
}
