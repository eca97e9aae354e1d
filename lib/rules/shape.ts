// What rules may be written as. The checker of rules walks these shapes, and schema/rules.schema.json is generated from them.

import { notifyClasses } from '../registry/notify-class.js';
import { NtStatus, ntStatusText } from '../base/nt-status.js';
import { CMB_MAX_DEADLINE, CMB_MAX_RULES, CMB_MIN_DEADLINE } from '../wire/protocol.js';
import { several } from './condition.js';
import { conditions } from './conditions.js';
import type { ProcessCondition, Rule, RuleAction } from './rule.js';
import {
  boolean,
  integer,
  list,
  literal,
  record,
  textOf,
  type BooleanShape,
  type Fields,
  type IntegerShape,
  type ListShape,
  type LiteralShape,
  type ManyShape,
  type RecordShape,
  type TextShape,
} from '../base/shape.js';

/** The part of the language of shapes that rules are described in, which is what `findShapeProblems` walks. */
export type RuleShape =
  TextShape | IntegerShape | BooleanShape | LiteralShape | ManyShape | ListShape<RuleShape> | RuleRecord;

export type RuleRecord = RecordShape<RuleShape>;

function recordOf(name: string, required: readonly string[], fields: Fields<RuleShape>): RuleRecord {
  return { ...record(name, fields), required };
}

const noStatus = NtStatus.STATUS_CALLBACK_BYPASS;

function explainStatus(value: unknown): string | null {
  const name = typeof value === 'number' ? ntStatusText(value) : String(value);
  const number = Object.entries(NtStatus).find(([known]) => known === name)?.[1];
  if (number === noStatus) return 'means that the operation is done, which is what action "bypass" is for';
  const isKnown = number !== undefined || (typeof value === 'number' && value >= 0 && value < 2 ** 32);
  return isKnown ? 'is no error; the operation has to end with one such as "STATUS_ACCESS_DENIED"' : null;
}

const errorStatus: LiteralShape = {
  ...literal(...Object.entries(NtStatus).flatMap(([name, status]) => (isError(status) ? [name] : []))),
  numbers: { ...integer(0xc000_0000, 0xffff_ffff), except: noStatus },
  what: 'an error such as "STATUS_ACCESS_DENIED" or 0xC0000022',
  explain: explainStatus,
};

function isError(status: number): boolean {
  return status >= 0xc000_0000 && status !== noStatus;
}

const operationNames = new Set<string>(notifyClasses.map(({ operation }) => operation));
const classNames = new Set<string>(notifyClasses.map(({ name }) => name));

function explainOperation(value: unknown): string | null {
  const entry = notifyClasses.find(({ name }) => name === value);
  return entry === undefined ? null : `is a notification class; name it in "classes", or "${entry.operation}" here`;
}

function explainClass(value: unknown): string | null {
  if (operationNames.has(value as string)) return 'is an operation; name it in "operations"';
  const successor = `${String(value)}Ex`;
  return classNames.has(successor) ? `was delivered by Windows XP only; use "${successor}"` : null;
}

/** @internal */
export const ruleActions = ['ignore', 'notify', 'ask', 'block', 'bypass'] as const;
/** @internal */
export const ruleDefaults = ['ignore', 'notify'] as const;

/** @internal */
export const processShape = recordOf('ProcessCondition', [], {
  id: conditions.id.shape,
  tree: conditions.tree.shape,
  image: conditions.image.shape,
  user: conditions.user.shape,
  session: conditions.session.shape,
  elevated: conditions.elevated.shape,
} satisfies Record<keyof ProcessCondition, RuleShape>);

const actionsOfFields: Readonly<Record<string, readonly RuleAction[]>> = {
  deadline: ['ask'],
  onTimeout: ['ask'],
  status: ['ask', 'block'],
  kernelMode: ['block', 'bypass'],
  dryRun: ['ask', 'block', 'bypass'],
};

/** @internal */
export const ruleShape: RuleRecord = {
  ...recordOf('Rule', ['action'], {
    name: textOf(256),
    operations: several({
      ...literal(...operationNames),
      what: 'an operation such as "SetValueKey"',
      explain: explainOperation,
    }),
    classes: several({
      ...literal(...classNames),
      what: 'a notification class such as "RegNtPreSetValueKey"',
      explain: explainClass,
    }),
    phases: several(literal('pre', 'post')),
    keys: conditions.keys.shape,
    valueNames: conditions.valueNames.shape,
    valueTypes: conditions.valueTypes.shape,
    process: processShape,
    outcome: conditions.outcome.shape,
    ancestors: boolean,
    action: literal(...ruleActions),
    deadline: integer(CMB_MIN_DEADLINE, CMB_MAX_DEADLINE),
    onTimeout: literal('allow', 'block'),
    status: errorStatus,
    kernelMode: boolean,
    dryRun: boolean,
  } satisfies Record<keyof Rule, RuleShape>),
  onlyWith: { field: 'action', values: actionsOfFields },
};

/** @internal */
export const ruleListShape: ListShape<RuleRecord> = list(ruleShape, CMB_MAX_RULES);

/** @internal */
export const otherwiseShape = literal(...ruleDefaults);

/** @internal */
export const ruleFileShape = recordOf('RuleFile', ['version', 'rules'], {
  $schema: textOf(4096),
  version: literal(1),
  otherwise: otherwiseShape,
  rules: ruleListShape,
});
