// The decoders of what is done with hive files: load, unload, save, restore, replace.

import type {
  LoadFields,
  ReplaceFields,
  RestoreFields,
  SaveFields,
  SaveMergedFields,
  UnloadFields,
} from '../event/event.js';
import { keyAccess, loadFlags, restoreFlags, saveFormat } from '../registry/flags.js';
import * as P from '../wire/protocol.js';
import type { RecordView } from '../wire/record.js';
import { displayKey } from '../registry/registry-path.js';
import type { Body, Draft } from './header.js';

const REG_APP_HIVE = 0x10;

export function decodeLoad(record: RecordView, event: Body<LoadFields>): void {
  const B = P.CMB_BODY_LOAD;
  record.requireBody(B.size, 'load');
  const { body } = record;
  const flags = record.u32(body + B.LoadFlags);
  const present = record.u32(body + B.Present);
  event.keyName = record.text(body + B.KeyName, 'key name');
  event.sourceFile = record.text(body + B.SourceFile, 'source file');
  event.loadFlags = loadFlags(flags);
  event.desiredAccess = keyAccess(record.u32(body + B.DesiredAccess));
  event.applicationHive = (flags & REG_APP_HIVE) !== 0;
  event.hasTrustClass = (present & P.CMB_LOAD_TRUST_CLASS) !== 0;
  event.hasUserEvent = (present & P.CMB_LOAD_USER_EVENT) !== 0;
  event.hasRootHandle = (present & P.CMB_LOAD_ROOT_HANDLE) !== 0;
  event.hasFileAccessToken = (present & P.CMB_LOAD_FILE_ACCESS_TOKEN) !== 0;
  event.structureVersion = record.u32(body + B.StructureVersion);
}

export function decodeUnload(record: RecordView, event: Body<UnloadFields>): void {
  record.requireBody(P.CMB_BODY_UNLOAD.size, 'unload');
  event.hasUserEvent = record.u32(record.body + P.CMB_BODY_UNLOAD.UserEvent) !== 0;
}

export function decodeRestore(record: RecordView, event: Body<RestoreFields>): void {
  event.fileName = fileName(record, 'restore');
  event.restoreFlags = restoreFlags(fileFlags(record));
}

export function decodeSave(record: RecordView, event: Body<SaveFields>): void {
  event.fileName = fileName(record, 'save');
  event.format = saveFormat(fileFlags(record));
}

export function decodeSaveMerged(record: RecordView, event: Draft & Body<SaveMergedFields>): void {
  event.fileName = fileName(record, 'save merged');
  event.lowKeyPath = record.text(P.CMB_RECORD.OtherPath, 'path of the low key');
  event.lowKey = event.lowKeyPath === null ? null : displayKey(event.lowKeyPath, event.user);
}

export function decodeReplace(record: RecordView, event: Body<ReplaceFields>): void {
  const B = P.CMB_BODY_REPLACE;
  record.requireBody(B.size, 'replace');
  event.newFileName = record.text(record.body + B.NewFileName, 'new file name');
  event.oldFileName = record.text(record.body + B.OldFileName, 'old file name');
}

function fileName(record: RecordView, what: string): string | null {
  record.requireBody(P.CMB_BODY_FILE.size, what);
  return record.text(record.body + P.CMB_BODY_FILE.FileName, 'file name');
}

function fileFlags(record: RecordView): number {
  return record.u32(record.body + P.CMB_BODY_FILE.FileFlags);
}
