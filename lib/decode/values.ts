// The decoders of what is done with values: set, delete, query several. The counts of a deleted key are here, too.

import type {
  DeleteKeyFields,
  DeleteValueFields,
  PreviousValue,
  QueriedValue,
  QueryMultipleFields,
  SetValueFields,
} from '../event/event.js';
import { NtStatus, ntStatusName, ntSuccess } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import type { Captured } from '../wire/captured.js';
import { decodeValue, type RegistryValue } from '../registry/registry-value.js';
import { multipleValue } from '../registry/value-information-class.js';
import type { Body } from './header.js';

export function decodeSetValue(record: RecordView, event: Body<SetValueFields>): void {
  const B = P.CMB_BODY_SET_VALUE;
  record.requireBody(B.size, 'set value');
  const { body } = record;
  event.valueName = record.text(body + B.ValueName, 'value name');
  const value = decodeValue(record.u32(body + B.Type), record.captured(body + B.Data, 'data'));
  event.value = value;
  event.titleIndex = record.u32(body + B.TitleIndex);
  const previous = decodePrevious(record, body + B.Old);
  event.previous = previous;
  event.changed = previous === null ? null : isChanged(previous, value);
}

export function decodeDeleteValue(record: RecordView, event: Body<DeleteValueFields>): void {
  const B = P.CMB_BODY_DELETE_VALUE;
  record.requireBody(B.size, 'delete value');
  event.valueName = record.text(record.body + B.ValueName, 'value name');
  event.previous = decodePrevious(record, record.body + B.Old);
}

export function decodeDeleteKey(record: RecordView, event: Body<DeleteKeyFields>): void {
  const B = P.CMB_BODY_DELETE_KEY;
  record.requireBody(B.size, 'delete key');
  const { body } = record;
  const isRead = (record.u32(body + B.Flags) & P.CMB_OLD_VALUE_READ) !== 0 && ntSuccess(record.u32(body + B.Status));
  event.valueCount = isRead ? record.u32(body + B.Values) : null;
  event.subKeyCount = isRead ? record.u32(body + B.SubKeys) : null;
}

function decodePrevious(record: RecordView, offset: number): PreviousValue | null {
  const O = P.CMB_OLD_VALUE;
  const captured = record.captured(offset + O.Data, 'old value');
  if ((record.u32(offset + O.Flags) & P.CMB_OLD_VALUE_READ) === 0) return null;
  const status = record.u32(offset + O.Status);
  const exists = ntSuccess(status) ? true : status === NtStatus.STATUS_OBJECT_NAME_NOT_FOUND ? false : null;
  return {
    exists,
    value: exists === true ? decodeValue(record.u32(offset + O.Type), captured) : null,
    status,
    statusName: ntStatusName(status),
  };
}

/** True or false only where the captured bytes prove it. */
function isChanged(previous: PreviousValue, value: RegistryValue): boolean | null {
  if (previous.exists === false) return true;
  const old = previous.value;
  if (old === null) return null;
  if (old.typeNumber !== value.typeNumber) return true;
  // Of bytes that could not be read, not even the number need be true.
  if (old.fault || value.fault) return null;
  if (old.size !== value.size) return true;
  const common = Math.min(old.bytes.byteLength, value.bytes.byteLength);
  if (Buffer.compare(old.bytes.subarray(0, common), value.bytes.subarray(0, common)) !== 0) return true;
  return common === value.size ? false : null;
}

export function decodeQueryMultiple(record: RecordView, event: Body<QueryMultipleFields>, isPost: boolean): void {
  const B = P.CMB_BODY_QUERY_MULTIPLE;
  record.requireBody(B.size, 'query multiple values');
  const { body } = record;
  const entries = record.span(body + B.Entries, 'value entries');
  const data = record.captured(body + B.Data, 'data');
  if ((entries.end - entries.start) % P.CMB_VALUE_ENTRY.size !== 0) {
    throw protocolError(
      `the value entries of a record have ${entries.end - entries.start} bytes, which is no whole number of them`,
    );
  }
  const answered = isPost && record.u32(P.CMB_RECORD.Status) === 0 && record.isPresent(body + B.Data) ? data : null;
  const list: QueriedValue[] = [];
  for (let offset = entries.start; offset < entries.end; offset += P.CMB_VALUE_ENTRY.size) {
    list.push(decodeEntry(record, offset, answered));
  }
  event.entries = list;
  event.entryCount = record.u32(body + B.EntryCount);
  event.bufferLength = record.u32(body + B.BufferLength);
  event.bufferSize = record.u32(body + B.BufferSize);
  event.requiredLength = (isPost && record.u32(body + B.RequiredLength)) || null;
}

function decodeEntry(record: RecordView, offset: number, data: Captured | null): QueriedValue {
  const E = P.CMB_VALUE_ENTRY;
  const valueName = record.text(offset + E.ValueName, 'value name');
  if (data === null) return { valueName, value: null };
  const [type, start, size] = [
    record.u32(offset + E.Type),
    record.u32(offset + E.DataOffset),
    record.u32(offset + E.DataLength),
  ];
  return { valueName, value: multipleValue(type, start, size, data) };
}
