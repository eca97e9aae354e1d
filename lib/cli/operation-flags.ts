// The flags that tell `cmbridge rules explain` about an operation: one entry for each, in the order of the help.

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Phase } from '../registry/notify-class.js';
import type { RegistryType } from '../registry/registry-value.js';
import type { ConditionName } from '../rules/condition.js';
import type { RuleOperation } from '../rules/explain/facts.js';

/** The flags as commander reads them. */
export interface OperationOptions {
  readonly operation?: string | undefined;
  readonly phase?: Phase | undefined;
  readonly key?: string | undefined;
  readonly newKey?: string | undefined;
  readonly lowKey?: string | undefined;
  readonly valueName?: string | undefined;
  readonly valueType?: string | undefined;
  readonly status?: string | undefined;
  readonly image?: string | undefined;
  readonly pid?: number | undefined;
  readonly ancestor?: readonly number[] | undefined;
  readonly user?: string | undefined;
  readonly session?: number | undefined;
  readonly elevated?: boolean | undefined;
}

interface OperationFlag<V> {
  /** The condition whose fact it tells; null: which class it is. */
  readonly tells: ConditionName | null;
  readonly flag: string;
  readonly argument: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly parse?: (text: string, previous: never) => number | readonly number[];
  /** Describes the flag that says no. */
  readonly opposite?: string;
  /** What it says of the operation; null: operation-options.ts reads it together with others. */
  readonly part: ((value: V) => RuleOperation) | null;
}

const table = {
  operation: {
    tells: null,
    flag: '--operation',
    argument: '<name>',
    description: 'operation or notification class: SetValueKey, RegNtPostOpenKeyEx',
    part: null,
  },
  phase: {
    tells: null,
    flag: '--phase',
    argument: '<phase>',
    description: 'pre, which is the default, or post',
    choices: ['pre', 'post'],
    part: null,
  },
  key: {
    tells: 'keys',
    flag: '--key',
    argument: '<path>',
    description: 'key that the operation is about',
    part: (keyPath) => ({ keyPath }),
  },
  newKey: {
    tells: 'keys',
    flag: '--new-key',
    argument: '<path>',
    description: 'of RenameKey: the path that the key is to have',
    part: (newPath) => ({ newPath }),
  },
  lowKey: {
    tells: 'keys',
    flag: '--low-key',
    argument: '<path>',
    description: 'of SaveMergedKey: the key of lower precedence',
    part: (lowKeyPath) => ({ lowKeyPath }),
  },
  valueName: {
    tells: 'valueNames',
    flag: '--value-name',
    argument: '<name>',
    description: 'name of the value; "" is the default value',
    part: (valueName) => ({ valueName }),
  },
  valueType: {
    tells: 'valueTypes',
    flag: '--value-type',
    argument: '<type>',
    description: 'type of the value that is set: REG_SZ',
    part: (valueType) => ({ valueType: valueType as RegistryType }),
  },
  status: {
    tells: 'outcome',
    flag: '--status',
    argument: '<status>',
    description: 'how it ended, in post: STATUS_ACCESS_DENIED, 0xc0000022, success',
    part: null,
  },
  image: {
    tells: 'image',
    flag: '--image',
    argument: '<path>',
    description: 'path of the program',
    part: (imagePath) => ({ process: { imagePath } }),
  },
  pid: {
    tells: 'id',
    flag: '--pid',
    argument: '<id>',
    description: 'id of the process',
    parse: parseId,
    part: (id) => ({ process: { id } }),
  },
  ancestor: {
    tells: 'tree',
    flag: '--ancestor',
    argument: '<id...>',
    description: 'ids of the processes that it descends from',
    parse: (text, previous: readonly number[] | undefined) => [...(previous ?? []), parseId(text)],
    part: (ancestors) => ({ process: { ancestors } }),
  },
  user: {
    tells: 'user',
    flag: '--user',
    argument: '<sid>',
    description: 'SID of whom the thread acts for',
    part: (user) => ({ user, process: { user } }),
  },
  session: {
    tells: 'session',
    flag: '--session',
    argument: '<id>',
    description: 'Terminal Services session',
    parse: parseId,
    part: (sessionId) => ({ process: { sessionId } }),
  },
  elevated: {
    tells: 'elevated',
    flag: '--elevated',
    argument: '',
    description: 'the process runs elevated',
    opposite: 'it does not',
    part: (elevated) => ({ process: { elevated } }),
  },
} as const satisfies { readonly [N in keyof OperationOptions]-?: OperationFlag<NonNullable<OperationOptions[N]>> };

/** A condition that no flag tells the fact of would leave something in its place here, which does not compile. */
type Untold = Exclude<ConditionName, (typeof table)[keyof OperationOptions]['tells']>;

const flags: Readonly<Record<keyof OperationOptions, OperationFlag<never>> & Record<Untold, OperationFlag<never>>> =
  table;
const optionNames = Object.keys(table) as (keyof OperationOptions)[];

export function addOperationFlags(command: Command): Command {
  for (const name of optionNames) {
    const { flag, argument, description, choices, parse, opposite } = flags[name];
    const option = new Option(`${flag} ${argument}`.trim(), description);
    if (choices !== undefined) option.choices(choices);
    if (parse !== undefined) option.argParser(parse as (text: string, previous: unknown) => unknown);
    command.addOption(option);
    if (opposite !== undefined) command.option(flag.replace('--', '--no-'), opposite);
  }
  return command;
}

/** The flags that were given. */
export function givenFlags(options: OperationOptions): string[] {
  return optionNames.filter((name) => options[name] !== undefined).map((name) => flags[name].flag);
}

/** What each of the flags says of the operation by itself. */
export function partsOf(options: OperationOptions): RuleOperation {
  const parts = optionNames.flatMap((name): RuleOperation[] => {
    const value = options[name] as never;
    return value === undefined ? [] : [flags[name].part?.(value) ?? {}];
  });
  const process = Object.assign({}, ...parts.map((part) => part.process)) as RuleOperation['process'];
  return Object.assign({}, ...parts, { process }) as RuleOperation;
}

export function parseId(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text) || id > 0xffff_ffff) throw new InvalidArgumentError('It must be a whole number.');
  return id;
}
