import type { CreateFields, Event, GapCause, GapEvent } from './event.js';
import { notifyClassByNumber, type BodyKind } from './notify-class.js';
import { ntStatusName } from './nt-status.js';
import * as P from './protocol.js';
import { protocolError, readSpan, requireBody, spanText, type RecordView, type Span } from './record.js';
import { displayKey } from './registry-path.js';
import { decodeValue } from './registry-value.js';

const R = P.CMB_RECORD;
/** 100 ns units between 1601-01-01 and 1970-01-01. */
const unixEpoch = 116_444_736_000_000_000n;

export function recordCookie({ view }: RecordView): bigint {
  return view.getBigInt64(R.Cookie, true);
}

/** The highest sequence number that the record accounts for. */
export function recordLastSequence(record: RecordView): bigint {
  const { view } = record;
  const isGap = view.getUint16(R.Kind, true) === P.CMB_RECORD_GAP && record.bodySize >= P.CMB_BODY_GAP.size;
  return isGap
    ? view.getBigUint64(record.body + P.CMB_BODY_GAP.LastSequence, true)
    : view.getBigUint64(R.Sequence, true);
}

/** Null for a kind of record that a newer driver has added. */
export function decodeRecord(record: RecordView): Event | null {
  switch (record.view.getUint16(R.Kind, true)) {
    case P.CMB_RECORD_NOTIFICATION:
      return decodeNotification(record);
    case P.CMB_RECORD_GAP:
      return decodeGap(record);
    default:
      return null;
  }
}

function decodeNotification(record: RecordView): Event {
  const notifyClass = record.view.getUint32(R.NotifyClass, true);
  const entry = notifyClassByNumber(notifyClass);
  const isPost = (record.view.getUint32(R.Flags, true) & P.CMB_RECORD_POST) !== 0;
  if (entry !== undefined && entry.phase !== 'cleanup' && (entry.phase === 'post') !== isPost) {
    throw protocolError(`a record of ${entry.name} is marked as ${isPost ? 'post' : 'pre'}`);
  }
  const body = decodeBody(record, entry?.body ?? 'plain', isPost);
  const fields = decodeHeader(record, isPost, body?.spans ?? []);
  const name = entry?.name ?? 'unknown';
  const phase = entry?.phase ?? (isPost ? 'post' : 'pre');
  const operation = entry?.operation ?? null;
  // The union cannot be followed through the table; notify-class.ts ties the names to the bodies that decodeBody made.
  return { class: name, notifyClass, phase, operation, ...fields, ...body?.fields } as Event;
}

function decodeHeader(record: RecordView, isPost: boolean, spans: readonly Span[]) {
  const { view } = record;
  const flags = view.getUint32(R.Flags, true);
  const path = readSpan(record, R.KeyPath, 'key path');
  const keyPath = spanText(record, path, 'key path');
  const status = isPost ? view.getUint32(R.Status, true) : null;
  const preSequence = isPost ? view.getBigUint64(R.PreSequence, true) : 0n;
  return {
    sequence: view.getBigUint64(R.Sequence, true),
    preSequence: preSequence === 0n ? null : preSequence,
    time: toUnixNanoseconds(view.getBigInt64(R.Time, true)),
    processId: view.getUint32(R.ProcessId, true),
    threadId: view.getUint32(R.ThreadId, true),
    previousMode: (flags & P.CMB_RECORD_KERNEL_MODE) !== 0 ? 'kernel' : 'user',
    status,
    statusName: status === null ? null : ntStatusName(status),
    keyPath,
    keyPathResolved: (flags & P.CMB_RECORD_PATH_RESOLVED) !== 0,
    keyPathLength: path.fullSize >>> 1,
    key: keyPath === null ? null : displayKey(keyPath),
    truncated: path.truncated || spans.some((span) => span.truncated),
    fault: path.fault || spans.some((span) => span.fault),
    preUnknown: (flags & P.CMB_RECORD_PRE_UNKNOWN) !== 0,
  };
}

interface Body {
  readonly fields: object;
  readonly spans: readonly Span[];
}

function decodeBody(record: RecordView, kind: BodyKind, isPost: boolean): Body | null {
  switch (kind) {
    case 'create':
      return decodeCreate(record, isPost);
    case 'setValue':
      return decodeSetValue(record);
    case 'deleteValue':
      return decodeName(record, P.CMB_BODY_DELETE_VALUE.size, P.CMB_BODY_DELETE_VALUE.ValueName, 'valueName');
    case 'rename':
      return decodeName(record, P.CMB_BODY_RENAME.size, P.CMB_BODY_RENAME.NewName, 'newName');
    case 'plain':
      return null;
  }
}

function decodeCreate(record: RecordView, isPost: boolean): Body {
  const B = P.CMB_BODY_CREATE;
  requireBody(record, B.size, 'create or open');
  const { view, body } = record;
  const name = readSpan(record, body + B.RequestedName, 'requested name');
  const className = readSpan(record, body + B.ClassName, 'class name');
  const succeeded = isPost && view.getInt32(R.Status, true) === 0;
  const fields: CreateFields = {
    requestedName: spanText(record, name, 'requested name'),
    className: spanText(record, className, 'class name'),
    desiredAccess: view.getUint32(body + B.DesiredAccess, true),
    grantedAccess: succeeded ? view.getUint32(body + B.GrantedAccess, true) : null,
    options: view.getUint32(body + B.Options, true),
    disposition: dispositionName(succeeded ? view.getUint32(body + B.Disposition, true) : 0),
    attributes: view.getUint32(body + B.Attributes, true),
    wow64Flags: view.getUint32(body + B.Wow64Flags, true),
    checkAccessMode: view.getUint32(body + B.CheckAccessMode, true),
  };
  return { fields, spans: [name, className] };
}

function dispositionName(disposition: number): CreateFields['disposition'] {
  return disposition === 1 ? 'created' : disposition === 2 ? 'opened' : null;
}

function decodeSetValue(record: RecordView): Body {
  const B = P.CMB_BODY_SET_VALUE;
  requireBody(record, B.size, 'set value');
  const { view, body } = record;
  const name = readSpan(record, body + B.ValueName, 'value name');
  const data = readSpan(record, body + B.Data, 'data');
  // A copy: an event that a program keeps must not keep the whole batch.
  const bytes = record.bytes.slice(data.start, data.end);
  const { truncated, fault, fullSize: size } = data;
  const value = decodeValue(view.getUint32(body + B.Type, true), { bytes, size, truncated, fault });
  return { fields: { valueName: spanText(record, name, 'value name'), value }, spans: [name, data] };
}

function decodeName(record: RecordView, size: number, offset: number, key: 'valueName' | 'newName'): Body {
  requireBody(record, size, key === 'newName' ? 'rename' : 'delete value');
  const span = readSpan(record, record.body + offset, key);
  return { fields: { [key]: spanText(record, span, key) }, spans: [span] };
}

function decodeGap(record: RecordView): GapEvent {
  const B = P.CMB_BODY_GAP;
  requireBody(record, B.size, 'gap');
  const { view, body } = record;
  const bits = view.getUint32(body + B.Causes, true);
  const causes: GapCause[] = [];
  if ((bits & P.CMB_GAP_QUEUE_FULL) !== 0) causes.push('queue-full');
  if ((bits & P.CMB_GAP_NO_MEMORY) !== 0) causes.push('no-memory');
  if ((bits & P.CMB_GAP_CAPTURE_FAULT) !== 0) causes.push('capture-fault');
  return {
    class: 'gap',
    sequence: view.getBigUint64(R.Sequence, true),
    time: toUnixNanoseconds(view.getBigInt64(R.Time, true)),
    count: view.getBigUint64(body + B.Count, true),
    firstSequence: view.getBigUint64(body + B.FirstSequence, true),
    lastSequence: view.getBigUint64(body + B.LastSequence, true),
    causes,
  };
}

function toUnixNanoseconds(time: bigint): bigint {
  return (time - unixEpoch) * 100n;
}
