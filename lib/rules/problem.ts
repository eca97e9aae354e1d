// What is wrong with rules, where it stands, and the error that carries it.

import { CmBridgeError } from '../base/errors.js';

/** Where in the rules: `['rules', 3, 'keys', 1]` is `rules[3].keys[1]`. */
export type RulePath = readonly (string | number)[];

/** What is wrong with rules, or, as a warning, what cannot be meant. */
export interface RuleProblem {
  readonly severity: 'error' | 'warning';
  readonly path: RulePath;
  /** Without the place: `must be ..., not ...`. */
  readonly message: string;
  /** In a rule file, from 1; otherwise null. */
  readonly line: number | null;
  readonly column: number | null;
}

/** Rules that cannot be used. `problems` has everything that is wrong, not only what was found first. */
export class RulesError extends CmBridgeError {
  readonly problems: readonly RuleProblem[];
  /** The rule file; null when the rules come from a program. */
  readonly fileName: string | null;

  constructor(problems: readonly RuleProblem[], fileName: string | null = null, options?: ErrorOptions) {
    super('CMB_INVALID_RULES', messageOf(problems, fileName), options);
    this.problems = problems;
    this.fileName = fileName;
  }
}
Object.defineProperty(RulesError.prototype, 'name', { value: 'RulesError', configurable: true, writable: true });

/** @internal */
export function ruleError(path: RulePath, message: string): RuleProblem {
  return { severity: 'error', path, message, line: null, column: null };
}

/** @internal */
export function ruleWarning(path: RulePath, message: string): RuleProblem {
  return { severity: 'warning', path, message, line: null, column: null };
}

/** `rules[3].keys[1]`; empty for the whole. */
export function rulePathText(path: RulePath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** `FILE:LINE:COLUMN: ` or `rules[3].keys[1]: `, then what is wrong. */
export function rulePlaceText({ path, line, column }: RuleProblem, fileName: string | null): string {
  if (line !== null) return `${fileName ?? 'rules'}:${line}:${column ?? 1}: `;
  const place = rulePathText(path);
  return place === '' ? '' : `${place}: `;
}

const shownProblems = 10;

function messageOf(problems: readonly RuleProblem[], fileName: string | null): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const lines = errors.slice(0, shownProblems).map((problem) => rulePlaceText(problem, fileName) + problem.message);
  if (errors.length > lines.length) lines.push(`and ${errors.length - lines.length} more`);
  return lines.join('\n');
}
