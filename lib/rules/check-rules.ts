// Reads rules whose shape may be wrong, and collects everything that is.

import { CmBridgeError } from '../base/errors.js';
import { CMB_MAX_RULES_TREES } from '../wire/protocol.js';
import { findActionProblems } from './action-problems.js';
import { settingsOf } from './action-settings.js';
import { findShapeProblems } from './check-shape.js';
import { listOf, ruleClassMask, type CheckedRule } from './checked-rule.js';
import type { CheckedConditions, ConditionName, ConditionReader } from './condition.js';
import { conditionNames, conditions, givenIn } from './conditions.js';
import { underAllNames } from './pattern/key-names.js';
import { checkPattern } from './pattern/pattern.js';
import { ruleError, RulesError, type RulePath, type RuleProblem } from './problem.js';
import type { RuleContext } from './pattern/context.js';
import type { Rule } from './rule.js';
import { otherwiseShape, ruleListShape } from './shape.js';

/** Of which rules the patterns for keys are wanted under all names, which take the most time: of all, of those with `ancestors`, or of none. */
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
    const ancestors = rule.ancestors === true;
    this.problems.push(...findActionProblems(rule, path));
    return {
      name: rule.name ?? null,
      action: rule.action,
      settings: settingsOf(rule),
      ancestors,
      classMask: ruleClassMask(rule),
      ...this.#conditions(rule, path, ancestors),
    };
  }

  #conditions(rule: Rule, path: RulePath, ancestors: boolean): CheckedConditions {
    const { context } = this;
    const isNeeded = this.names === 'all' || (this.names === 'ancestors' && ancestors);
    const reader: ConditionReader = {
      context,
      namesOf: (alternatives) => (isNeeded ? underAllNames(alternatives, context).map(checkPattern) : []),
      countTree: (id) => this.#tree(id),
    };
    const read = <N extends ConditionName>(name: N) =>
      this.#each(givenIn(rule, name), [...path, ...conditions[name].path], (value) =>
        conditions[name].read(value, reader),
      );
    return Object.fromEntries(conditionNames.map((name) => [name, read(name)])) as unknown as CheckedConditions;
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
