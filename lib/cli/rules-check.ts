// `cmbridge rules check`.

import { CmBridgeError } from '../base/errors.js';
import { notifyClasses } from '../registry/notify-class.js';
import { compileRules } from '../rules/program/compile.js';
import { loadRules } from '../rules/file/file.js';
import { rulePathText, RulesError, type RuleProblem } from '../rules/problem.js';
import type { Output } from './output.js';
import { paint, wantsColor } from './style.js';
import { printable } from './width.js';

export interface RulesCheckOptions {
  readonly json?: boolean | undefined;
  /** Warnings count as errors. */
  readonly strict?: boolean | undefined;
  readonly color: boolean;
}

export interface RulesEnvironment {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
}

interface CheckedFile {
  readonly file: string;
  readonly problems: readonly RuleProblem[];
  /** Null when there are errors. */
  readonly program: {
    readonly rules: number;
    readonly otherwise: string;
    readonly bytes: number;
    readonly classes: string[];
  } | null;
}

/** Compiles rule files and says what is wrong with them. The exit status: 0 when they can be used, otherwise 1. */
export async function checkRuleFiles(
  files: readonly string[],
  options: RulesCheckOptions,
  { output, env }: RulesEnvironment,
): Promise<number> {
  const checked: CheckedFile[] = [];
  for (const file of files) {
    const result = await checkFile(file);
    checked.push(result);
    if (options.json === true) continue;
    const color = wantsColor(output, options.color, env);
    for (const problem of result.problems) await output.write(formatProblem(problem, file, color));
    await output.write(summary(result));
  }
  if (options.json === true) await output.write(JSON.stringify(checked.map(toJson), null, 2));
  const isBad = ({ severity }: RuleProblem) => severity === 'error' || options.strict === true;
  return checked.some(({ problems }) => problems.some(isBad)) ? 1 : 0;
}

async function checkFile(file: string): Promise<CheckedFile> {
  try {
    const rules = await loadRules(file);
    const { bytes, classMask } = compileRules(rules.rules, { otherwise: rules.otherwise });
    const classes = notifyClasses.filter(({ number }) => ((classMask >> BigInt(number)) & 1n) === 1n);
    return {
      file,
      problems: rules.warnings,
      program: {
        rules: rules.rules.length,
        otherwise: rules.otherwise,
        bytes: bytes.byteLength,
        classes: classes.map(({ name }) => name),
      },
    };
  } catch (error) {
    return { file, problems: problemsOf(error), program: null };
  }
}

function problemsOf(error: unknown): readonly RuleProblem[] {
  if (error instanceof RulesError) return error.problems;
  if (!(error instanceof CmBridgeError)) throw error;
  return [{ severity: 'error', path: [], message: error.message, line: null, column: null }];
}

/** As compilers write it, which editors can read. */
export function formatProblem({ severity, line, column, message }: RuleProblem, file: string, color: boolean): string {
  const place = line === null ? file : `${file}:${line}:${column ?? 1}`;
  const style = severity === 'error' ? 'red' : 'yellow';
  return `${printable(place)}: ${paint(`${severity}:`, style, color)} ${printable(message)}`;
}

function summary({ file, problems, program }: CheckedFile): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const found = [count(errors, 'error'), count(problems.length - errors, 'warning')].filter(
    (text) => !text.startsWith('0'),
  );
  const problemText = found.length === 0 ? '' : `; ${found.join(', ')}`;
  if (program === null) return `${printable(file)}: cannot be used${problemText}`;
  const { rules, otherwise, bytes, classes } = program;
  return (
    `${printable(file)}: ${count(rules, 'rule')}, otherwise ${otherwise}; ${count(bytes, 'byte')}; ` +
    `${classes.length} of ${notifyClasses.length} notification classes looked at${problemText}`
  );
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

function toJson({ file, problems, program }: CheckedFile) {
  return {
    file,
    valid: program !== null,
    program,
    problems: problems.map(({ severity, line, column, path, message }) => ({
      severity,
      line,
      column,
      path: rulePathText(path),
      message,
    })),
  };
}
