import { upcase } from '../../registry/key-case.js';
import { registryTypeName } from '../../registry/registry-value.js';
import type { AncestorRule } from '../ancestors.js';
import { listOf, type CheckedRule } from '../checked-rule.js';
import type { Facts, KeyFact } from './facts.js';
import type { KeyAlternative } from '../pattern/key-pattern.js';
import { matchesComponent, matchesPath, quotePattern } from '../pattern/pattern.js';
import type { OneOrMany, Rule } from '../rule.js';

export interface ConditionExplanation {
  /** `['keys']`, `['process', 'image']`. */
  readonly path: readonly string[];
  /** Null: the operation does not tell. */
  readonly holds: boolean | null;
  readonly expected: string;
  /** Null: the notification has no such thing, or it is not known, or not told. */
  readonly actual: string | null;
}

type Values = OneOrMany<string | number | boolean>;

/** Each condition of what `ancestors` makes of a rule, and whether the facts fulfil it. */
export function ancestorConditions(rule: Rule, { rule: made, isAbove }: AncestorRule, facts: Facts) {
  // The patterns are those for all names, so the names of the key itself will do.
  const keys = made.keyPatterns?.map((pattern) => ({ pattern, isOfAccount: false })) ?? null;
  const known = facts.keys?.map((key) => ({ ...key, aliases: [] })) ?? facts.keys;
  const bare = { ...rule, valueNames: undefined, valueTypes: undefined };
  return conditionsOf(bare, { ...made, keys }, { ...facts, keys: known }).map((condition) =>
    isAbove && condition.path[0] === 'keys'
      ? { ...condition, expected: `a key above ${condition.expected}` }
      : condition,
  );
}

/** Each condition of a rule, and whether the facts fulfil it. */
export function conditionsOf(rule: Rule, checked: CheckedRule, facts: Facts): ConditionExplanation[] {
  const { process = {} } = rule;
  const result = classConditions(rule, checked, facts);
  const add = <T>(
    path: readonly string[],
    wanted: Values | undefined,
    fact: T | null | undefined,
    fits: (value: T) => boolean | null,
    actual: (value: T) => string,
  ) => {
    if (wanted === undefined) return;
    const has = fact !== undefined && fact !== null;
    const holds = has ? fits(fact) : fact === undefined ? null : false;
    result.push({ path, holds, expected: wish(wanted), actual: has ? actual(fact) : null });
  };
  const isIn =
    <T>(list: readonly T[] | null) =>
    (value: T) =>
      list?.includes(value) === true;
  const { valueNames, images } = checked;

  add(['outcome'], rule.outcome, facts.outcome, (outcome) => outcome === rule.outcome, String);
  const types = facts.className.endsWith('SetValueKey') ? facts.valueType : null;
  add(['valueTypes'], rule.valueTypes, types, isIn(checked.valueTypes), registryTypeName);
  add(['process', 'id'], process.id, facts.id, isIn(checked.ids), String);
  add(['process', 'tree'], process.tree, facts.id, (id) => isInTree(checked.trees, id, facts), treeText(facts));
  add(['process', 'session'], process.session, facts.sessionId, isIn(checked.sessions), String);
  add(['process', 'elevated'], process.elevated, facts.elevated, (value) => value === process.elevated, String);
  add(['process', 'user'], process.user, facts.user, isIn(checked.users), String);
  const image = facts.imageNames;
  const matchesImage = (names: readonly string[]) => images?.some((pattern) => matchesPath(pattern, names)) === true;
  add(['process', 'image'], process.image, image, matchesImage, () => quotePattern(facts.imagePath ?? ''));
  const matchesKeys = (keys: readonly KeyFact[]) =>
    checked.keys?.some((alternative) => keys.some((key) => matchesKey(alternative, key))) === true;
  add(['keys'], rule.keys, facts.keys, matchesKeys, (keys) => keys.map(({ path }) => path).join(' and '));
  const valueName = namesValue(facts.className) ? facts.valueName : null;
  const matchesName = (name: string) => valueNames?.some((part) => matchesComponent(part, upcase(name))) === true;
  add(['valueNames'], rule.valueNames, valueName, matchesName, quotePattern);
  return result;
}

function classConditions(rule: Rule, checked: CheckedRule, { notifyClass, className }: Facts): ConditionExplanation[] {
  const { operations, classes, phases } = rule;
  const wanted = { operations, classes, phases };
  const named = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const holds = ((checked.classMask >> BigInt(notifyClass)) & 1n) === 1n;
  if (named.length === 0 && holds) return [];
  const expected = named.map(([name, value]) => `${name} ${wish(value ?? [])}`).join(' and ');
  return [{ path: [named[0]?.[0] ?? 'classes'], holds, expected, actual: className }];
}

function namesValue(className: string): boolean {
  return /(Set|Delete|Query)ValueKey$/.test(className);
}

function matchesKey({ pattern, isOfAccount }: KeyAlternative, { names, aliases }: KeyFact): boolean {
  if (matchesPath(pattern, names)) return true;
  return aliases.some((spelling) => {
    const isHiveOfClasses = spelling[1] === 'USER' && spelling[2]?.endsWith('_CLASSES') === true;
    return !(isOfAccount && isHiveOfClasses) && matchesPath(pattern, spelling);
  });
}

function isInTree(trees: readonly number[] | null, id: number, { ancestors, moreAncestors }: Facts): boolean | null {
  const line = [id, ...(ancestors ?? [])];
  if (trees?.some((tree) => line.includes(tree)) === true) return true;
  return moreAncestors ? null : false;
}

function treeText({ ancestors = [] }: Facts): (id: number) => string {
  return (id) => [id, ...ancestors].join(' below ');
}

function wish(values: Values): string {
  const list = listOf(values) ?? [];
  const shown = list.slice(0, 4).map((value) => (typeof value === 'string' ? quotePattern(value) : String(value)));
  if (list.length > shown.length) shown.push(`${list.length - shown.length} more`);
  return shown.join(' or ');
}
