// The decoder of the fields that all notifications have in common, and the types of an event that is being made.

import type { ProcessInfo, TransactionInfo } from '../event/event.js';
import type { NotificationHeader } from '../event/notification.js';
import type { NotifyClass } from '../registry/notify-class.js';
import { ntStatusName } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import { decodeDecided, type RuleFinder } from './decided.js';
import type { KeyPath } from './path-table.js';
import { decodeImpersonation } from './process-table.js';

const R = P.CMB_RECORD;

/** The fields of a body on their way into the event that a decoder is making. Each decoder sets all of them, always in the same order. */
export type Body<T> = { -readonly [K in keyof T]: T[K] };

type KnownAtTheEnd = 'truncated' | 'fault';

/** An event that is being made: the common fields, to which the body adds its own. */
export type Draft = Omit<NotificationHeader, KnownAtTheEnd> & Body<Pick<NotificationHeader, KnownAtTheEnd>>;

export function decodeHeader(
  record: RecordView,
  entry: NotifyClass | undefined,
  isPost: boolean,
  path: KeyPath,
  process: ProcessInfo,
  rules: RuleFinder,
): Draft {
  const flags = record.u32(R.Flags);
  const impersonation = decodeImpersonation(record);
  const user = impersonation === null ? process.user : impersonation.user;
  const status = isPost ? record.u32(R.Status) : null;
  const preUnknown = (flags & P.CMB_RECORD_PRE_UNKNOWN) !== 0;
  const decided = (flags & P.CMB_RECORD_DECIDED) === 0 ? null : decodeDecided(record, rules);
  return {
    class: entry?.name ?? 'unknown',
    notifyClass: record.u32(R.NotifyClass),
    phase: entry?.phase ?? (isPost ? 'post' : 'pre'),
    operation: entry?.operation ?? null,
    sequence: record.u64(R.Sequence),
    repeats: record.repeats.count,
    lastSequence: record.repeats.last,
    preSequence: isPost ? record.u64OrNull(R.PreSequence) : null,
    time: record.time(R.Time),
    duration: isPost && !preUnknown ? record.u64(R.Duration) : null,
    processId: record.u32(R.ProcessId),
    threadId: record.u32(R.ThreadId),
    previousMode: (flags & P.CMB_RECORD_KERNEL_MODE) !== 0 ? 'kernel' : 'user',
    irql: (flags & P.CMB_RECORD_APC_LEVEL) !== 0 ? 'apc' : 'passive',
    process,
    impersonation,
    user,
    transaction: (flags & P.CMB_RECORD_TRANSACTED) !== 0 ? decodeTransaction(record) : null,
    status,
    statusName: status === null ? null : ntStatusName(status),
    keyPath: path.text,
    keyPathResolved: (flags & P.CMB_RECORD_PATH_RESOLVED) !== 0,
    keyPathLength: path.length,
    key: path.displayFor(user),
    hive: path.hive,
    keyObject: record.u64OrNull(R.KeyObject),
    truncated: false,
    fault: false,
    preUnknown,
    question: decided === null ? null : decided.question,
    decision: decided === null ? null : decided.decision,
  };
}

const unnamedTransaction: TransactionInfo = Object.freeze({ id: null });

function decodeTransaction(record: RecordView): TransactionInfo {
  const span = record.span(R.Transaction, 'transaction');
  if (!span.present || span.fault) return unnamedTransaction;
  const size = span.end - span.start;
  if (size !== 16) throw protocolError(`the transaction of a record has ${size} bytes instead of the 16 of a GUID`);
  return { id: guidText(record, span.start) };
}

/** Of a GUID the first three parts are numbers, the others bytes. */
function guidText(record: RecordView, offset: number): string {
  const part = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const first = part(record.u32(offset), 8);
  const second = part(record.u16(offset + 4), 4);
  const third = part(record.u16(offset + 6), 4);
  const rest = record.hexOf(offset + 8, offset + 16);
  return `{${first}-${second}-${third}-${rest.slice(0, 4)}-${rest.slice(4)}}`;
}
