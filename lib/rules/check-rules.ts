import { CmBridgeError } from '../base/errors.js';
import { CMB_MAX_RULES_DEPTH, CMB_MAX_RULES_TEXT_UNITS, CMB_MAX_RULES_TREES } from '../wire/protocol.js';
import { registryTypeNumber } from '../registry/registry-value.js';
import { parseSid, sidText } from '../security/sid.js';
import { findActionProblems } from './action-problems.js';
import { settingsOf } from './action-settings.js';
import { findShapeProblems } from './check-shape.js';
import { listOf, ruleClassMask, type CheckedRule } from './checked-rule.js';
import { parseImagePattern } from './pattern/image-pattern.js';
import { underAllNames } from './pattern/key-names.js';
import { parseKeyPattern } from './pattern/key-pattern.js';
import { parseValueName, type Pattern } from './pattern/pattern.js';
import { ruleError, RulesError, type RulePath, type RuleProblem } from './problem.js';
import type { RuleContext } from './pattern/context.js';
import type { Rule } from './rule.js';
import { otherwiseShape, ruleListShape } from './shape.js';

/** Of which rules `keyPatterns` are wanted, which take the most time: of all, of those with `ancestors`, or of none. */
export type KeyNames = 'all' | 'ancestors' | 'given';

/** Reads rules, or throws everything that is wrong with them at once. */
export function checkRules(
  rules: readonly Rule[],
  otherwise: unknown,
  context: RuleContext,
  names: KeyNames,
): CheckedRule[] {
  const problems = [
    ...findShapeProblems(ruleListShape, rules, ['rules']),
    ...(otherwise === undefined ? [] : findShapeProblems(otherwiseShape, otherwise, ['otherwise'])),
  ];
  const damaged = new Set(problems.map(({ path }) => path[1]));
  if (problems.length > 0 && damaged.has(undefined)) throw new RulesError(problems);
  const reader = new RuleReader(context, names);
  const checked = rules.map((rule, index) => (damaged.has(index) ? null : reader.read(rule, ['rules', index])));
  problems.push(...reader.problems);
  if (problems.length > 0) throw new RulesError(problems.sort(byRule));
  return checked.filter((rule) => rule !== null);
}

function byRule(a: RuleProblem, b: RuleProblem): number {
  return Number(a.path[1] ?? -1) - Number(b.path[1] ?? -1);
}

class RuleReader {
  readonly problems: RuleProblem[] = [];
  readonly #trees = new Set<number>();

  constructor(
    readonly context: RuleContext,
    readonly names: KeyNames,
  ) {}

  read(rule: Rule, path: RulePath): CheckedRule {
    const { process = {} } = rule;
    const ancestors = rule.ancestors === true;
    this.problems.push(...findActionProblems(rule, path));
    const keys = this.#each(rule.keys, [...path, 'keys'], (text) => this.#key(text, ancestors));
    const ofProcess = (name: string) => [...path, 'process', name];
    return {
      name: rule.name ?? null,
      action: rule.action,
      settings: settingsOf(rule),
      ancestors,
      classMask: ruleClassMask(rule),
      keys: keys?.flatMap(({ alternatives }) => alternatives) ?? null,
      keyPatterns: keys?.flatMap(({ patterns }) => patterns) ?? null,
      valueNames: this.#each(rule.valueNames, [...path, 'valueNames'], parseValueName),
      valueTypes: this.#each(rule.valueTypes, [...path, 'valueTypes'], (name) => registryTypeNumber(name) ?? 0),
      outcome: rule.outcome ?? null,
      images: this.#each(process.image, ofProcess('image'), (text) =>
        checkedPattern(parseImagePattern(text, this.context)),
      ),
      users: this.#each(process.user, ofProcess('user'), (text) => sidText(parseSid(text)) ?? text),
      ids: listOf(process.id),
      sessions: listOf(process.session),
      elevated: process.elevated ?? null,
      trees: this.#each(process.tree, ofProcess('tree'), (id) => this.#tree(id)),
    };
  }

  #key(text: string, ancestors: boolean) {
    const alternatives = parseKeyPattern(text, this.context);
    const isNeeded = this.names === 'all' || (this.names === 'ancestors' && ancestors);
    const patterns = isNeeded ? underAllNames(alternatives, this.context) : [];
    return { alternatives, patterns: patterns.map(checkedPattern) };
  }

  #tree(id: number): number {
    this.#trees.add(id);
    if (this.#trees.size === CMB_MAX_RULES_TREES + 1) {
      throw new CmBridgeError(
        'CMB_INVALID_RULES',
        `is one process tree too many: all rules together may name ${CMB_MAX_RULES_TREES}`,
      );
    }
    return id;
  }

  /** What went wrong with an entry is kept with its place; the others go on. */
  #each<T, R>(value: T | readonly T[] | undefined, path: RulePath, read: (entry: T) => R): R[] | null {
    const isList = Array.isArray(value);
    const list = listOf(value);
    if (list === null) return null;
    return list.flatMap((entry, index) => {
      try {
        return [read(entry)];
      } catch (error) {
        if (!(error instanceof CmBridgeError)) throw error;
        this.problems.push(ruleError(isList ? [...path, index] : path, error.message));
        return [];
      }
    });
  }
}

function checkedPattern(pattern: Pattern): Pattern {
  if (pattern.length >= CMB_MAX_RULES_DEPTH) {
    throw new CmBridgeError(
      'CMB_INVALID_RULES',
      `has ${pattern.length} components from \\REGISTRY or \\Device on; at most ${CMB_MAX_RULES_DEPTH - 1} are possible`,
    );
  }
  for (const text of pattern.flat()) {
    if (text.length <= CMB_MAX_RULES_TEXT_UNITS) continue;
    throw new CmBridgeError(
      'CMB_INVALID_RULES',
      `has a component of ${text.length} characters; at most ${CMB_MAX_RULES_TEXT_UNITS} are possible`,
    );
  }
  return pattern;
}
