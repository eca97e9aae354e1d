// The operation that the flags of `cmbridge rules explain` describe.

import { invalidArgument } from '../base/errors.js';
import { checkNotifyClass, notifyClasses, type Operation } from '../registry/notify-class.js';
import { NtStatus } from '../base/nt-status.js';
import { didYouMean, quote } from '../base/options.js';
import type { RuleOperation } from '../rules/explain/facts.js';
import { partsOf, type OperationOptions } from './operation-flags.js';

const operations = new Set<string>(notifyClasses.map(({ operation }) => operation));

export function operationOf(options: OperationOptions): RuleOperation {
  const status = options.status === undefined ? undefined : parseStatus(options.status);
  return { ...partsOf(options), ...kindOf(options, status), status };
}

/** A name is that of an operation or of a class. Only a post notification has a status. */
function kindOf({ operation, phase }: OperationOptions, status: number | undefined): RuleOperation {
  if (operation === undefined) {
    throw invalidArgument('Say which operation: --operation SetValueKey, say, or --event with events');
  }
  if (operations.has(operation)) {
    if (status !== undefined && phase === 'pre') throw invalidArgument('--status is known in --phase post only');
    return { operation: operation as Operation, phase: phase ?? (status === undefined ? 'pre' : 'post') };
  }
  const longer = [...operations].find((name) => name.toLowerCase().startsWith(operation.toLowerCase()));
  if (longer !== undefined)
    throw invalidArgument(`There is no operation ${quote(operation)}. Did you mean "${longer}"?`);
  const entry = checkNotifyClass(operation, operations);
  if (phase !== undefined && phase !== entry.phase) {
    throw invalidArgument(`${entry.name} is of phase ${entry.phase}; leave --phase out`);
  }
  if (status !== undefined && entry.phase !== 'post') {
    throw invalidArgument(`--status: ${entry.name} comes before there is a status`);
  }
  return { class: entry.name };
}

function parseStatus(text: string): number {
  const known = NtStatus as Readonly<Record<string, number>>;
  const named = Object.hasOwn(known, text) ? known[text] : undefined;
  if (named !== undefined) return named >>> 0;
  if (text === 'success') return 0;
  const number = /^(0x[0-9a-f]{1,8}|-?[0-9]{1,10})$/i.test(text) ? Number(text) : NaN;
  if (number >= -0x8000_0000 && number <= 0xffff_ffff) return number >>> 0;
  const near = didYouMean(text, Object.keys(known));
  throw invalidArgument(
    `--status: expected a name such as STATUS_ACCESS_DENIED or a number, not ${quote(text)}${near}`,
  );
}
