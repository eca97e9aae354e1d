// The facts of an operation, from a description or from an event.

import { keyAliases } from '../../registry/key-alias.js';
import { invalidArgument } from '../../base/errors.js';
import type { Event } from '../../event/event.js';
import {
  checkNotifyClass,
  notifyClasses,
  type NotifyClassName,
  type Operation,
  type Phase,
} from '../../registry/notify-class.js';
import { ntSuccess } from '../../base/nt-status.js';
import { checkOptions, quote } from '../../base/options.js';
import { registryTypeNumber, type RegistryType } from '../../registry/registry-value.js';
import { nativeKey } from '../../registry/registry-path.js';
import { parseSid, sidText } from '../../security/sid.js';
import type { ConditionFacts, ImageFact, KeyFact, LineFact, Outcome } from '../fact.js';
import { pathNames } from '../pattern/pattern.js';
import { deviceOf, type RuleContext } from '../pattern/context.js';

/** The process of an operation to explain. Null: the driver could not find it out. Left out: not told. */
export interface OperationProcess {
  readonly id?: number | undefined;
  /** Native, or with a drive letter. */
  readonly imagePath?: string | null | undefined;
  readonly sessionId?: number | null | undefined;
  readonly elevated?: boolean | null | undefined;
  /** SID of the primary token's user. */
  readonly user?: string | null | undefined;
  /** Ids of all its ancestors. */
  readonly ancestors?: readonly number[] | undefined;
}

/** An operation to explain, with the names that events have. What is left out counts as not told. */
export interface RuleOperation {
  /** Either this, or `operation` and `phase`. */
  readonly class?: NotifyClassName | undefined;
  readonly operation?: Operation | undefined;
  readonly phase?: Phase | undefined;
  /** In any form that people write. Null: the driver could not get it. */
  readonly keyPath?: string | null | undefined;
  /** Rename: the path that the key is to have. */
  readonly newPath?: string | null | undefined;
  /** Save merged: the other key. */
  readonly lowKeyPath?: string | null | undefined;
  /** `''` is the default value. */
  readonly valueName?: string | null | undefined;
  readonly valueType?: RegistryType | null | undefined;
  /** Post: NTSTATUS. */
  readonly status?: number | undefined;
  /** SID of whom the thread acts for. Default: the user of the process. */
  readonly user?: string | null | undefined;
  readonly process?: OperationProcess | undefined;
}

/** What the driver would have before it. */
export interface Facts {
  readonly notifyClass: number;
  readonly className: string;
  readonly conditions: ConditionFacts;
}

const operationNames: Readonly<Record<keyof RuleOperation, true>> = {
  class: true,
  operation: true,
  phase: true,
  keyPath: true,
  newPath: true,
  lowKeyPath: true,
  valueName: true,
  valueType: true,
  status: true,
  user: true,
  process: true,
};
const processNames: Readonly<Record<keyof OperationProcess, true>> = {
  id: true,
  imagePath: true,
  sessionId: true,
  elevated: true,
  user: true,
  ancestors: true,
};

export function factsOf(operation: RuleOperation | Event, context: RuleContext): Facts {
  return 'sequence' in operation ? factsOfEvent(operation, context) : factsOfOperation(operation, context);
}

function factsOfOperation(operation: RuleOperation, context: RuleContext): Facts {
  checkOptions('The operation', operation, Object.keys(operationNames));
  const { process = {}, valueType, status } = operation;
  checkOptions('The process of the operation', process, Object.keys(processNames));
  const entry = classOf(operation);
  const user = operation.user === undefined ? process.user : operation.user;
  const hasStatus = entry.phase === 'post' ? status : null;
  const paths = [operation.keyPath, operation.newPath, operation.lowKeyPath];
  return {
    notifyClass: entry.number,
    className: entry.name,
    conditions: {
      outcome: hasStatus === undefined || hasStatus === null ? hasStatus : outcomeOf(hasStatus),
      keys: keysOf(paths, { ...context, userSid: context.userSid ?? user ?? undefined }),
      valueNames: operation.valueName,
      valueTypes: valueType === undefined || valueType === null ? valueType : typeNumberOf(valueType),
      image: imageOf(process.imagePath, context),
      user: user === undefined || user === null ? user : sidText(parseSid(user)),
      id: process.id,
      session: process.sessionId,
      elevated: process.elevated,
      tree: lineOf(process.id, process.ancestors ?? [], process.ancestors !== undefined),
    },
  };
}

function factsOfEvent(event: Event, context: RuleContext): Facts {
  if (event.class === 'gap') throw invalidArgument('A gap is no operation: what it stands for is not known');
  if (event.class === 'breaker') throw invalidArgument('What a breaker does is no operation');
  const { process, status, user } = event;
  const paths = [event.keyPath, ...otherPaths(event)];
  return {
    notifyClass: event.notifyClass,
    className: event.class,
    conditions: {
      outcome: status === null ? null : outcomeOf(status),
      keys: keysOf(paths, context),
      valueNames: 'valueName' in event ? event.valueName : null,
      valueTypes: event.operation === 'SetValueKey' ? event.value.typeNumber : null,
      image: imageOf(process.imagePath, context),
      user,
      id: process.id,
      session: process.sessionId,
      elevated: process.elevated,
      tree: lineOf(process.id, process.parentId === null ? [] : [process.parentId], false),
    },
  };
}

/** Rename and save merged are about two keys. */
function otherPaths(event: Exclude<Event, { class: 'gap' | 'breaker' }>): (string | null)[] {
  if (event.operation === 'SaveMergedKey') return [event.lowKeyPath];
  if (event.operation !== 'RenameKey' || event.keyPath === null || event.newName === null) return [];
  return [`${event.keyPath.slice(0, event.keyPath.lastIndexOf('\\'))}\\${event.newName}`];
}

function classOf({ class: name, operation, phase }: RuleOperation) {
  if (name !== undefined) return checkNotifyClass(name);
  const found = notifyClasses.find(
    (entry) => entry.operation === operation && [phase, 'cleanup'].includes(entry.phase),
  );
  if (found !== undefined) return found;
  throw invalidArgument(
    `An operation needs "class", or "operation" and "phase"; there is none with ${quote({ operation, phase })}`,
  );
}

function outcomeOf(status: number): Outcome {
  return ntSuccess(status) ? 'success' : 'failure';
}

function typeNumberOf(name: string): number {
  const number = registryTypeNumber(name);
  if (number !== undefined) return number;
  throw invalidArgument(`"valueType" must be a type such as "REG_SZ", not ${quote(name)}`);
}

function keysOf(paths: readonly (string | null | undefined)[], context: RuleContext): KeyFact[] | null | undefined {
  const known = paths.filter((path) => path !== null && path !== undefined);
  if (known.length === 0) return paths[0] === undefined ? undefined : null;
  return known.map((path) => keyFact(path, context));
}

function keyFact(path: string, { controlSet, userSid }: RuleContext): KeyFact {
  const isOfCaller = /^(HKCU|HKEY_CURRENT_USER)(\\|$)/i.test(path);
  if (isOfCaller && userSid === undefined) {
    throw invalidArgument(`${quote(path)} is the key of a user; give "user", or a path that begins with HKU`);
  }
  const names = pathNames(path);
  // What a caller asks for can be any text.
  if (path.startsWith('\\') && names[0] !== 'REGISTRY') return { path, names, aliases: [] };
  const native = nativeKey(path, userSid);
  const nativeNames = pathNames(native);
  const spellings = keyAliases(native, { controlSet }).map(pathNames);
  return { path: native, names: nativeNames, aliases: [...spellings, ...currentControlSet(nativeNames, controlSet)] };
}

/** As long as nobody tells which one CurrentControlSet is, each may be. */
function currentControlSet(names: readonly string[], controlSet: number | undefined): (readonly string[])[] {
  const isSet = names.slice(0, 3).join('\\') === 'REGISTRY\\MACHINE\\SYSTEM' && names[3]?.startsWith('CONTROLSET');
  return controlSet === undefined && isSet === true ? [names.with(3, 'CURRENTCONTROLSET')] : [];
}

function imageOf(path: string | null | undefined, context: RuleContext): ImageFact | null | undefined {
  if (path === undefined || path === null) return path;
  const names = pathNames(path);
  const drive = names[0] ?? '';
  if (!/^[A-Z]:$/.test(drive)) return { path, names };
  const device = deviceOf(drive, context);
  // An unknown volume is found by patterns for any volume only.
  const volume = device === undefined ? ['DEVICE', drive] : pathNames(device);
  return { path, names: [...volume, ...names.slice(1)] };
}

function lineOf(id: number | undefined, ancestors: readonly number[], isWhole: boolean): LineFact | undefined {
  return id === undefined ? undefined : { ids: [id, ...ancestors], isWhole };
}
