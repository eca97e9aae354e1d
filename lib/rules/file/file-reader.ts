// Reads the text of a rule file, and says of all that is wrong in which line it stands.

import { findShapeProblems, maxShapeProblems } from '../check-shape.js';
import { compileRules } from '../program/compile.js';
import { TextPositions, type TextPosition } from './position.js';
import { ruleError, RulesError, type RulePath, type RuleProblem } from '../problem.js';
import type { Rule } from '../rule.js';
import { otherwiseShape, ruleFileShape, type RuleShape } from '../shape.js';
import { readYaml, type SourceProblem, type SourceValue } from './yaml-source.js';

/** What a rule file says. As options of `registerCallback`: `{ rules: file.rules, otherwise: file.otherwise }`. */
export interface RuleFile {
  readonly fileName: string | null;
  readonly rules: readonly Rule[];
  /** What becomes of a notification that no rule matches. */
  readonly otherwise: 'ignore' | 'notify';
  /** Rules that never match, and the like. */
  readonly warnings: readonly RuleProblem[];
  /** Where something stands: `file.locate(['rules', 2, 'keys'])`. Null for what is not in the file. */
  readonly locate: (path: RulePath) => TextPosition | null;
}

interface FileContent {
  readonly otherwise?: 'ignore' | 'notify';
  readonly rules: readonly Rule[];
}

/** Reads one text. */
export class RuleFileReader {
  readonly #text: string;
  readonly #fileName: string | null;
  readonly #positions: TextPositions;

  constructor(text: string, fileName: string | null) {
    this.#text = text;
    this.#fileName = fileName;
    this.#positions = new TextPositions(text);
  }

  read(): RuleFile {
    const syntax: SourceProblem[] = [];
    const source = readYaml(this.#text, syntax);
    if (source === null) throw this.#syntaxError(syntax);
    const locate = (path: RulePath) => this.#locate(source, path);
    const problems = findProblems(source.value).map((problem) => ({
      ...problem,
      message: withLines(problem.message, locate),
      ...locate(problem.path),
    }));
    if (problems.some(({ severity }) => severity === 'error')) {
      throw new RulesError(problems.sort(byPlace), this.#fileName);
    }
    // findProblems has seen that it is one.
    const { rules, otherwise = 'ignore' } = source.value as FileContent;
    return { fileName: this.#fileName, rules, otherwise, warnings: problems.sort(byPlace), locate };
  }

  /** A parser that goes on after an error finds more in the same line, which says nothing new. */
  #syntaxError(found: readonly SourceProblem[]): RulesError {
    const byLine = new Map<number, RuleProblem>();
    for (const { offset, message } of [...found].sort((a, b) => a.offset - b.offset)) {
      const position = this.#positions.at(offset);
      if (!byLine.has(position.line)) byLine.set(position.line, { ...ruleError([], message), ...position });
    }
    return new RulesError([...byLine.values()], this.#fileName);
  }

  /** An entry that nobody knows stands at its name, all else at its value. */
  #locate(source: SourceValue, path: RulePath): TextPosition | null {
    let value = source;
    let shape: RuleShape | null = ruleFileShape;
    let { offset } = source;
    for (const step of path) {
      const entry = value.entries.get(step);
      if (entry === undefined) return null;
      shape = shapeAt(shape, step);
      offset = shape === null ? entry.keyOffset : entry.offset;
      value = entry;
    }
    return this.#positions.at(offset);
  }
}

/** Messages that name other rules say where these are. */
function withLines(message: string, locate: RuleFile['locate']): string {
  return message.replace(/\brules\[(\d+)\]/g, (text, index: string) => {
    const position = locate(['rules', Number(index)]);
    return position === null ? text : `${text} in line ${position.line}`;
  });
}

function byPlace(a: RuleProblem, b: RuleProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

function shapeAt(shape: RuleShape | null, step: string | number): RuleShape | null {
  if (shape?.kind === 'list' || shape?.kind === 'many') return shape.shape;
  return shape?.kind === 'record' && Object.hasOwn(shape.fields, step) ? (shape.fields[step] ?? null) : null;
}

function findProblems(content: unknown): RuleProblem[] {
  if (content === null) return [ruleError([], 'the file is empty; a rule file has "version: 1" and "rules"')];
  if (Array.isArray(content))
    return [ruleError([], 'a rule file begins with "version: 1"; the list belongs below "rules:"')];
  const problems = findShapeProblems(ruleFileShape, content, []);
  const { rules, otherwise } = content as Partial<Record<string, unknown>>;
  if (!Array.isArray(rules)) return problems;
  return [...problems, ...findCompileProblems(rules, otherwise, problems)];
}

/** What the compiler says about the rules that have the right shape, so that all the errors of a file come at once. */
function findCompileProblems(
  rules: readonly unknown[],
  otherwise: unknown,
  found: readonly RuleProblem[],
): RuleProblem[] {
  const bad = new Set(found.filter(({ path }) => path[0] === 'rules').map(({ path }) => path[1]));
  if (bad.has(undefined) || found.length >= maxShapeProblems) return [];
  const good = rules.flatMap((rule, index) => (bad.has(index) ? [] : [{ rule: rule as Rule, index }]));
  const inFile = (problem: RuleProblem): RuleProblem => {
    const [first, index, ...rest] = problem.path;
    if (first !== 'rules' || typeof index !== 'number') return problem;
    return { ...problem, path: [first, good[index]?.index ?? index, ...rest] };
  };
  const isDefault = findShapeProblems(otherwiseShape, otherwise, []).length === 0;
  try {
    const options = isDefault ? { otherwise: otherwise as 'ignore' | 'notify' } : {};
    const { warnings } = compileRules(
      good.map(({ rule }) => rule),
      options,
    );
    // Which rule hides which is open until all of them can be read.
    return found.length === 0 ? warnings.map(inFile) : [];
  } catch (error) {
    if (error instanceof RulesError) return error.problems.map(inFile);
    throw error;
  }
}
