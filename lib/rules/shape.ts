import { notifyClasses } from '../registry/notify-class.js';
import { NtStatus, ntStatusText } from '../base/nt-status.js';
import { CMB_MAX_DEADLINE, CMB_MAX_RULES, CMB_MAX_RULES_TREES, CMB_MIN_DEADLINE } from '../wire/protocol.js';
import { knownRegistryTypes } from '../registry/registry-value.js';
import type { RuleAction } from './rule.js';

/** What rules may be written as. Validation walks these shapes, and schema/rules.schema.json is generated from them. */
export type RuleShape = TextShape | NumberShape | BooleanShape | LiteralShape | ManyShape | ListShape | RecordShape;

export interface TextShape {
  readonly kind: 'text';
  readonly maxLength: number;
  /** A text that may be empty means something. */
  readonly minLength: number;
  readonly pattern: RegExp | null;
  /** What the pattern stands for, in messages. */
  readonly what: string;
}

export interface NumberShape {
  readonly kind: 'number';
  readonly minimum: number;
  readonly maximum: number;
  /** A number in between that is wrong. */
  readonly except?: number;
}

export interface BooleanShape {
  readonly kind: 'boolean';
}

export interface LiteralShape {
  readonly kind: 'literal';
  readonly values: readonly (string | number)[];
  /** Further texts that are right. */
  readonly pattern: RegExp | null;
  /** Further numbers that are right. */
  readonly numbers?: NumberShape;
  /** What the values are, in messages, where there are too many to name. */
  readonly what: string | null;
  /** Says more about a wrong value than that it is wrong, where there is more to say. */
  readonly explain?: (value: unknown) => string | null;
}

/** One, or a list that is not empty. */
export interface ManyShape {
  readonly kind: 'many';
  readonly shape: TextShape | NumberShape | LiteralShape;
  readonly maxItems: number;
}

export interface ListShape {
  readonly kind: 'list';
  readonly shape: RuleShape;
  readonly maxItems: number;
}

export interface RecordShape {
  readonly kind: 'record';
  /** Of the definition in the schema, and of the TypeScript type whose comments describe the fields. */
  readonly name: string;
  readonly required: readonly string[];
  readonly fields: Readonly<Record<string, RuleShape>>;
  /** Fields that only go with some values of `action`. */
  readonly actions?: Readonly<Record<string, readonly RuleAction[]>>;
}

const maxItems = 4096;
/** The longest path of a key that Windows has. */
const maxPathLength = 32767;
const maxNumber = 0xffff_ffff;

const boolean: BooleanShape = { kind: 'boolean' };
const number: NumberShape = { kind: 'number', minimum: 0, maximum: maxNumber };
const pattern = text(maxPathLength, 1);

function text(maxLength: number, minLength = 0): TextShape {
  return { kind: 'text', maxLength, minLength, pattern: null, what: 'a string' };
}

function literal(...values: (string | number)[]): LiteralShape {
  return { kind: 'literal', values, pattern: null, what: null };
}

function many(shape: ManyShape['shape'], limit = maxItems): ManyShape {
  return { kind: 'many', shape, maxItems: limit };
}

function record(name: string, required: readonly string[], fields: RecordShape['fields']): RecordShape {
  return { kind: 'record', name, required, fields };
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
  numbers: { kind: 'number', minimum: 0xc000_0000, maximum: maxNumber, except: noStatus },
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
export const processShape = record('ProcessCondition', [], {
  id: many(number),
  tree: many(number, CMB_MAX_RULES_TREES),
  image: many(pattern),
  user: many({
    ...text(256, 1),
    pattern: /^[Ss]-1-(0[xX][0-9A-Fa-f]{1,12}|[0-9]{1,10})(-[0-9]{1,10}){0,15}$/,
    what: 'a SID such as S-1-5-18',
  }),
  session: many(number),
  elevated: boolean,
});

/** @internal */
export const ruleShape: RecordShape = {
  ...record('Rule', ['action'], {
    name: text(256),
    operations: many({
      ...literal(...operationNames),
      what: 'an operation such as "SetValueKey"',
      explain: explainOperation,
    }),
    classes: many({
      ...literal(...classNames),
      what: 'a notification class such as "RegNtPreSetValueKey"',
      explain: explainClass,
    }),
    phases: many(literal('pre', 'post')),
    keys: many(pattern),
    valueNames: many(text(16383)),
    valueTypes: many({
      ...literal(...knownRegistryTypes),
      pattern: /^REG_TYPE_0x[0-9A-Fa-f]{1,8}$/,
      what: 'a type such as "REG_SZ" or "REG_TYPE_0x0000FFFF"',
    }),
    process: processShape,
    outcome: literal('success', 'failure'),
    ancestors: boolean,
    action: literal(...ruleActions),
    deadline: { kind: 'number', minimum: CMB_MIN_DEADLINE, maximum: CMB_MAX_DEADLINE },
    onTimeout: literal('allow', 'block'),
    status: errorStatus,
    kernelMode: boolean,
    dryRun: boolean,
  }),
  actions: {
    deadline: ['ask'],
    onTimeout: ['ask'],
    status: ['ask', 'block'],
    kernelMode: ['block', 'bypass'],
    dryRun: ['ask', 'block', 'bypass'],
  },
};

/** @internal */
export const ruleListShape: ListShape = { kind: 'list', shape: ruleShape, maxItems: CMB_MAX_RULES };

/** @internal */
export const otherwiseShape = literal(...ruleDefaults);

/** @internal */
export const ruleFileShape = record('RuleFile', ['version', 'rules'], {
  $schema: text(4096),
  version: literal(1),
  otherwise: otherwiseShape,
  rules: ruleListShape,
});
