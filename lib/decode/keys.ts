// The decoders of what is done with keys: create, open, rename, close, security, name.

import type { CloseFields, CreateFields, QueryNameFields, RenameFields, SecurityFields } from '../event/event.js';
import { createOptions, keyAccess, objectAttributes, securityInformation, wow64Flags } from '../registry/flags.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import { displayKey } from '../registry/registry-path.js';
import { decodeSecurityDescriptor, type SecurityDescriptor } from '../security/security-descriptor.js';
import type { Body, Draft } from './header.js';
import type { ProcessFinder } from './process-table.js';

const R = P.CMB_RECORD;

/** `hop` and `reparsedFrom` are for the caller to fill in: they need the events before. */
export function decodeCreate(record: RecordView, event: Draft & Body<CreateFields>, isPost: boolean): void {
  const B = P.CMB_BODY_CREATE;
  record.requireBody(B.size, 'create or open');
  const { body } = record;
  const succeeded = isPost && event.status === 0;
  const version = record.u32(body + B.StructureVersion);
  const other = record.text(R.OtherPath, 'requested path');
  const requestedPath = record.isPresent(R.OtherPath) ? other : event.keyPath;
  event.requestedName = record.text(body + B.RequestedName, 'requested name');
  event.requestedPath = requestedPath;
  event.root = requestedPath === null ? null : rootOf(requestedPath, record.u32(R.RootSize));
  event.className = record.text(body + B.ClassName, 'class name');
  event.securityDescriptor = descriptorAt(record, body + B.SecurityDescriptor);
  event.desiredAccess = keyAccess(record.u32(body + B.DesiredAccess));
  event.grantedAccess = succeeded ? keyAccess(record.u32(body + B.GrantedAccess)) : null;
  event.options = createOptions(record.u32(body + B.Options));
  event.disposition = succeeded ? dispositionName(record.u32(body + B.Disposition)) : null;
  event.attributes = objectAttributes(record.u32(body + B.Attributes));
  event.wow64Flags = wow64Flags(record.u32(body + B.Wow64Flags));
  event.checkAccessMode = version === 0 ? null : record.u32(body + B.CheckAccessMode) === 0 ? 'kernel' : 'user';
  event.structureVersion = version;
  event.hop = 0;
  event.reparsedFrom = null;
}

function rootOf(requestedPath: string, size: number): string | null {
  if (size % 2 !== 0) throw protocolError(`the root of a requested path has an odd number of bytes, ${size}`);
  return size === 0 || size / 2 > requestedPath.length ? null : requestedPath.slice(0, size / 2);
}

function dispositionName(disposition: number): CreateFields['disposition'] {
  return disposition === 1 ? 'created' : disposition === 2 ? 'opened' : null;
}

function descriptorAt(record: RecordView, offset: number): SecurityDescriptor | null {
  const captured = record.captured(offset, 'security descriptor');
  if (!record.isPresent(offset)) return null;
  const { truncated, fault } = captured;
  return decodeSecurityDescriptor({ bytes: captured.copy(), truncated, fault });
}

export function decodeRename(record: RecordView, event: Draft & Body<RenameFields>): void {
  record.requireBody(P.CMB_BODY_RENAME.size, 'rename');
  event.newName = record.text(record.body + P.CMB_BODY_RENAME.NewName, 'new name');
  event.newPath = record.text(R.OtherPath, 'new path');
  event.newKey = event.newPath === null ? null : displayKey(event.newPath, event.user);
}

export function decodeClose(record: RecordView, event: Body<CloseFields>, processes: ProcessFinder): void {
  const B = P.CMB_BODY_CLOSE;
  record.requireBody(B.size, 'close');
  const { body } = record;
  const id = record.u32(body + B.OpenerProcessId);
  const isKnown = id !== 0 || record.u64(body + B.OpenerKey) !== 0n;
  event.opener = isKnown ? processes.find(record, body + B.OpenerSlot, body + B.OpenerKey, id) : null;
}

export function decodeSecurity(record: RecordView, event: Draft & Body<SecurityFields>): void {
  const B = P.CMB_BODY_SECURITY;
  record.requireBody(B.size, 'security');
  const { body } = record;
  event.securityInformation = securityInformation(record.u32(body + B.SecurityInformation));
  event.securityDescriptor = descriptorAt(record, body + B.Descriptor);
  const isQuery = event.operation === 'QueryKeySecurity';
  event.length = isQuery ? record.u32(body + B.Length) : null;
  event.bufferSize = isQuery ? record.u32(body + B.BufferSize) : null;
}

export function decodeQueryName(record: RecordView, event: Body<QueryNameFields>, isPost: boolean): void {
  const B = P.CMB_BODY_QUERY_NAME;
  record.requireBody(B.size, 'query name');
  const { body } = record;
  event.name = record.text(body + B.Name, 'name');
  event.length = record.u32(body + B.Length);
  event.returnLength = (isPost && record.u32(body + B.ReturnLength)) || null;
}
