// The table of conditions. A condition that is added to Rule or ProcessCondition and not here does not compile, nor one that lacks a part.

import { boolean, literal, textOf, u32 } from '../base/shape.js';
import { upcase } from '../registry/key-case.js';
import { knownRegistryTypes, registryTypeName, registryTypeNumber } from '../registry/registry-value.js';
import { parseSid, sidText } from '../security/sid.js';
import * as P from '../wire/protocol.js';
import { outcomeMask, valueNameMask, valueTypeMask } from './class-masks.js';
import {
  pathPattern,
  several,
  type Condition,
  type ConditionField,
  type ConditionName,
  type GivenValue,
} from './condition.js';
import { isInTree, matchesKey } from './fact.js';
import { imageHint, keyHint, valueNameHint } from './hints.js';
import { parseImagePattern } from './pattern/image-pattern.js';
import { includesComponent, includesPattern } from './pattern/includes.js';
import { parseKeyPattern } from './pattern/key-pattern.js';
import { checkPattern, matchesComponent, matchesPath, parseValueName, quotePattern } from './pattern/pattern.js';
import type { OneOrMany, Rule } from './rule.js';

const D = P.CMB_RULES;

/** Problems are told, and dimensions written, in the order of the table. */
export const conditions: { readonly [N in ConditionName]: Condition<N> } = {
  keys: {
    path: ['keys'],
    shape: several(pathPattern),
    read: (text, { context, namesOf }) => {
      const alternatives = parseKeyPattern(text, context);
      return { alternatives, patterns: namesOf(alternatives) };
    },
    classes: null,
    isOfValue: false,
    dimension: { offset: D.Key, kind: 'patterns', patternsOf: ({ patterns }) => patterns },
    includes: null,
    rank: 8,
    holds: (keys, facts) =>
      keys.some(({ alternatives }) => alternatives.some((one) => facts.some((fact) => matchesKey(one, fact)))),
    actual: (facts) => facts.map(({ path }) => path).join(' and '),
    hint: keyHint,
  },
  valueNames: {
    path: ['valueNames'],
    shape: several(textOf(16383)),
    read: parseValueName,
    classes: {
      mask: valueNameMask,
      why: 'only SetValueKey, DeleteValueKey and QueryValueKey name one value',
    },
    isOfValue: true,
    dimension: { offset: D.ValueName, kind: 'patterns', patternsOf: (name) => [[name]] },
    includes: includesComponent,
    rank: 9,
    holds: (names, fact) => names.some((name) => matchesComponent(name, upcase(fact))),
    actual: quotePattern,
    hint: valueNameHint,
  },
  valueTypes: {
    path: ['valueTypes'],
    shape: several({
      ...literal(...knownRegistryTypes),
      pattern: /^REG_TYPE_0x[0-9A-Fa-f]{1,8}$/,
      what: 'a type such as "REG_SZ" or "REG_TYPE_0x0000FFFF"',
    }),
    read: (name) => registryTypeNumber(name) ?? 0,
    classes: { mask: valueTypeMask, why: 'only SetValueKey writes a value' },
    isOfValue: true,
    dimension: { offset: D.ValueType, kind: 'numbers', numberOf: (type) => type },
    includes: isSame,
    rank: 1,
    holds: isOneOf,
    actual: registryTypeName,
    hint: null,
  },
  outcome: {
    path: ['outcome'],
    shape: literal('success', 'failure'),
    read: (outcome) => outcome,
    classes: { mask: outcomeMask, why: 'only post classes know the outcome' },
    isOfValue: false,
    dimension: {
      offset: D.Outcome,
      kind: 'numbers',
      numberOf: (outcome) => (outcome === 'success' ? P.CMB_OUTCOME_SUCCESS : P.CMB_OUTCOME_FAILURE),
    },
    includes: null,
    rank: 0,
    holds: isOneOf,
    actual: String,
    hint: null,
  },
  image: {
    path: ['process', 'image'],
    shape: several(pathPattern),
    read: (text, { context }) => checkPattern(parseImagePattern(text, context)),
    classes: null,
    isOfValue: false,
    dimension: { offset: D.Image, kind: 'patterns', patternsOf: (pattern) => [pattern] },
    includes: includesPattern,
    rank: 7,
    holds: (patterns, { names }) => patterns.some((pattern) => matchesPath(pattern, names)),
    actual: ({ path }) => quotePattern(path),
    hint: imageHint,
  },
  user: {
    path: ['process', 'user'],
    shape: several({
      ...textOf(256, 1),
      pattern: /^[Ss]-1-(0[xX][0-9A-Fa-f]{1,12}|[0-9]{1,10})(-[0-9]{1,10}){0,15}$/,
      what: 'a SID such as S-1-5-18',
    }),
    read: (text) => sidText(parseSid(text)) ?? text,
    classes: null,
    isOfValue: false,
    dimension: { offset: D.User, kind: 'sids', sidOf: (user) => user },
    includes: isSame,
    rank: 6,
    holds: isOneOf,
    actual: String,
    hint: null,
  },
  id: {
    path: ['process', 'id'],
    shape: several(u32),
    read: (id) => id,
    classes: null,
    isOfValue: false,
    dimension: { offset: D.ProcessId, kind: 'numbers', numberOf: (id) => id },
    includes: isSame,
    rank: 2,
    holds: isOneOf,
    actual: String,
    hint: null,
  },
  session: {
    path: ['process', 'session'],
    shape: several(u32),
    read: (session) => session,
    classes: null,
    isOfValue: false,
    dimension: { offset: D.SessionId, kind: 'numbers', numberOf: (session) => session },
    includes: isSame,
    rank: 4,
    holds: isOneOf,
    actual: String,
    hint: null,
  },
  elevated: {
    path: ['process', 'elevated'],
    shape: boolean,
    read: (elevated) => elevated,
    classes: null,
    isOfValue: false,
    dimension: { offset: D.Elevated, kind: 'numbers', numberOf: Number },
    includes: isSame,
    rank: 5,
    holds: isOneOf,
    actual: String,
    hint: null,
  },
  tree: {
    path: ['process', 'tree'],
    shape: several(u32, P.CMB_MAX_RULES_TREES),
    read: (id, { countTree }) => countTree(id),
    classes: null,
    isOfValue: false,
    dimension: { offset: D.Tree, kind: 'numbers', numberOf: (id) => id },
    includes: isSame,
    rank: 3,
    holds: isInTree,
    actual: ({ ids }) => ids.join(' below '),
    hint: null,
  },
};

export const conditionNames = Object.keys(conditions) as readonly ConditionName[];

export const conditionFields: readonly ConditionField[] = [
  ...new Set(conditionNames.map((name): ConditionField => conditions[name].path[0])),
];

/** The conditions in the order in which the driver looks. */
export const lookOrder = conditionNames.toSorted((a, b) => conditions[a].rank - conditions[b].rank);

/** What a rule says in a condition; undefined if it does not have it. */
export function givenIn<N extends ConditionName>(rule: Rule, name: N): OneOrMany<GivenValue<N>> | undefined {
  const fields = conditions[name].path[0] === 'process' ? rule.process : rule;
  return (fields as Readonly<Partial<Record<string, OneOrMany<GivenValue<N>>>>> | undefined)?.[name];
}

function isSame<T>(a: T, b: T): boolean {
  return a === b;
}

function isOneOf<T>(values: readonly T[], fact: T): boolean {
  return values.includes(fact);
}
