// A program of checked rules: the sets of each class and the values of each condition.

import * as P from '../../wire/protocol.js';
import { parseSid } from '../../security/sid.js';
import { possibleClassMask, type CheckedRule } from '../checked-rule.js';
import type { CheckedConditions, ConditionName } from '../condition.js';
import { conditionNames, conditions } from '../conditions.js';
import { findTreeExcess } from './limits.js';
import { PatternTree } from '../pattern/pattern-tree.js';
import { ProgramWriter, type Dimension } from './program-writer.js';
import type { Pattern } from '../pattern/pattern.js';
import { ruleError, RulesError } from '../problem.js';
import type { RuleAction } from '../rule.js';

const actions: Readonly<Record<RuleAction, number>> = {
  ignore: P.CMB_ACTION_IGNORE,
  notify: P.CMB_ACTION_NOTIFY,
  ask: P.CMB_ACTION_ASK,
  block: P.CMB_ACTION_BLOCK,
  bypass: P.CMB_ACTION_BYPASS,
};

/** The bytes of CMB_RULES. */
export function buildProgram(
  rules: readonly CheckedRule[],
  otherwise: 'ignore' | 'notify',
  classMask: bigint,
): Uint8Array {
  const writer = new ProgramWriter();
  const dimensions = conditionNames.map((name) => dimensionOf(name, writer, rules));
  if (writer.nestedCount > P.CMB_MAX_RULES_NESTED) {
    throw tooMuch(
      `have ${writer.nestedCount} places with "**" after "**"; at most ${P.CMB_MAX_RULES_NESTED} are possible`,
    );
  }
  return writer.write({
    rules: rules.map(({ action, settings }) => ({ action: actions[action], ...settings })),
    otherwise: actions[otherwise],
    classMask,
    classSets: classSets(writer, rules),
    dimensions,
  });
}

/** For each class the set of the rules that are meant for it. Most rules are meant for the same few classes. */
function classSets(writer: ProgramWriter, rules: readonly CheckedRule[]): number[] {
  const masks = rules.map(possibleClassMask);
  const kinds = [...new Set(masks)];
  const known = new Map<string, number>();
  return Array.from({ length: P.CMB_MAX_NOTIFY_CLASS + 1 }, (_, notifyClass) => {
    const bit = 1n << BigInt(notifyClass);
    const wanted = kinds.filter((mask) => (mask & bit) !== 0n);
    const key = wanted.join();
    const isWanted = new Set(wanted);
    const set = known.get(key) ?? writer.sets.add(indexes(masks, (mask) => isWanted.has(mask)));
    known.set(key, set);
    return set;
  });
}

/** What all rules ask for in one condition, and where it stands in CMB_RULES. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties the parts of one condition together
function dimensionOf<N extends ConditionName>(
  name: N,
  writer: ProgramWriter,
  rules: readonly CheckedConditions[],
): readonly [offset: number, dimension: Dimension] {
  const { dimension, path } = conditions[name];
  const values = rules.map((rule) => rule[name]);
  switch (dimension.kind) {
    case 'patterns':
      return [dimension.offset, textDimension(writer, values, path.join('.'), dimension.patternsOf)];
    case 'numbers':
      return [dimension.offset, memberDimension(writer, values, dimension.numberOf, true)];
    case 'sids':
      return [
        dimension.offset,
        memberDimension(writer, values, (value) => writer.addBytes(parseSid(dimension.sidOf(value))), false),
      ];
  }
}

/** The values of each rule; null where it does not ask. */
type ValuesOfRules<V> = readonly (readonly V[] | null)[];

function textDimension<V>(
  writer: ProgramWriter,
  rules: ValuesOfRules<V>,
  name: string,
  patternsOf: (value: V) => readonly Pattern[],
): Dimension {
  const tree = new PatternTree();
  const any = indexes(rules, (values, index) => {
    for (const value of values ?? []) for (const pattern of patternsOf(value)) tree.add(pattern, index);
    return values === null;
  });
  if (any.length === rules.length) return unused;
  const excess = findTreeExcess(tree);
  if (excess !== null) throw tooMuch(`${name} ${excess}`);
  return { ...unused, any: writer.sets.add(any), root: writer.addTree(tree) };
}

function memberDimension<V>(
  writer: ProgramWriter,
  rules: ValuesOfRules<V>,
  memberOf: (value: V) => number | bigint,
  isSorted: boolean,
): Dimension {
  const members = new Map<bigint, number[]>();
  const any = indexes(rules, (values, index) => {
    for (const value of new Set(values?.map((one) => BigInt(memberOf(one))))) {
      const known = members.get(value);
      if (known === undefined) members.set(value, [index]);
      else known.push(index);
    }
    return values === null;
  });
  if (any.length === rules.length) return unused;
  const entries = [...members];
  if (isSorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const sets = entries.map(([value, numbers]) => ({ value, set: writer.sets.add(numbers) }));
  return { ...unused, any: writer.sets.add(any), ...writer.addMembers(sets) };
}

function tooMuch(message: string): RulesError {
  return new RulesError([ruleError(['rules'], message)]);
}

const unused: Dimension = { any: P.CMB_RULES_NONE, root: P.CMB_RULES_NONE, memberFirst: 0, memberCount: 0 };

function indexes<T>(list: readonly T[], isIn: (entry: T, index: number) => boolean): number[] {
  const found: number[] = [];
  list.forEach((entry, index) => {
    if (isIn(entry, index)) found.push(index);
  });
  return found;
}
