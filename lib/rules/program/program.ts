import * as P from '../../wire/protocol.js';
import { parseSid } from '../../security/sid.js';
import { possibleClassMask, type CheckedRule } from '../checked-rule.js';
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
  const D = P.CMB_RULES;
  const texts = (name: string, of: (rule: CheckedRule) => readonly Pattern[] | null) =>
    textDimension(writer, rules, name, of);
  const numbers = (of: (rule: CheckedRule) => readonly (number | bigint)[] | null, isSorted = true) =>
    memberDimension(writer, rules, of, isSorted);
  const dimensions: (readonly [offset: number, dimension: Dimension])[] = [
    [D.Key, texts('keys', ({ keyPatterns }) => keyPatterns)],
    [D.ValueName, texts('valueNames', ({ valueNames }) => valueNames?.map((name) => [name]) ?? null)],
    [D.ValueType, numbers(({ valueTypes }) => valueTypes)],
    [D.Outcome, numbers(outcomeOf)],
    [D.Image, texts('process.image', ({ images }) => images)],
    [D.User, numbers(({ users }) => users?.map((user) => writer.addBytes(parseSid(user))) ?? null, false)],
    [D.ProcessId, numbers(({ ids }) => ids)],
    [D.SessionId, numbers(({ sessions }) => sessions)],
    [D.Elevated, numbers(({ elevated }) => (elevated === null ? null : [elevated ? 1 : 0]))],
    [D.Tree, numbers(({ trees }) => trees)],
  ];
  if (writer.nestedCount > P.CMB_MAX_RULES_NESTED) {
    throw tooMuch(
      `have ${writer.nestedCount} places with "**" after "**"; at most ${P.CMB_MAX_RULES_NESTED} are possible`,
    );
  }
  if (writer.unitCount > P.CMB_MAX_RULES_UNITS) {
    throw tooMuch(`have ${writer.unitCount} characters of text; at most ${P.CMB_MAX_RULES_UNITS} are possible`);
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

function outcomeOf({ outcome }: CheckedRule): readonly number[] | null {
  if (outcome === null) return null;
  return [outcome === 'success' ? P.CMB_OUTCOME_SUCCESS : P.CMB_OUTCOME_FAILURE];
}

function textDimension(
  writer: ProgramWriter,
  rules: readonly CheckedRule[],
  name: string,
  patternsOf: (rule: CheckedRule) => readonly Pattern[] | null,
): Dimension {
  const tree = new PatternTree();
  const any = indexes(rules, (rule, index) => {
    const patterns = patternsOf(rule);
    for (const pattern of patterns ?? []) tree.add(pattern, index);
    return patterns === null;
  });
  if (any.length === rules.length) return unused;
  const excess = findTreeExcess(tree);
  if (excess !== null) throw tooMuch(`${name} ${excess}`);
  return { ...unused, any: writer.sets.add(any), root: writer.addTree(tree) };
}

function memberDimension(
  writer: ProgramWriter,
  rules: readonly CheckedRule[],
  valuesOf: (rule: CheckedRule) => readonly (number | bigint)[] | null,
  isSorted: boolean,
): Dimension {
  const members = new Map<bigint, number[]>();
  const any = indexes(rules, (rule, index) => {
    const values = valuesOf(rule);
    for (const value of new Set(values?.map(BigInt))) {
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
