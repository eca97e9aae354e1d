import type { BodyKind } from '../../registry/notify-class.js';
import { keyInformation, setInformation, valueInformation } from './information-shapes.js';
import { flags, ntStatusNameShape, processInfo, securityDescriptor } from './part-shapes.js';
import { boolean, bytes, list, literal, nullable, record, text, u32, u64, type RecordShape } from '../../base/shape.js';
import { registryValue } from './value-shapes.js';

const name = nullable(text);
const number = nullable(u32);

const previous = nullable(
  record('PreviousValue', {
    exists: nullable(boolean),
    value: nullable(registryValue),
    status: u32,
    statusName: ntStatusNameShape,
  }),
);

const query = {
  informationClass: text,
  informationClassNumber: u32,
  length: u32,
  resultLength: number,
  bytes: nullable(bytes),
};

/** @internal The fields that only some classes have, by the body of the class. */
export const bodyShapes = {
  plain: record('PlainFields', {}),
  create: record('CreateFields', {
    requestedName: name,
    requestedPath: name,
    root: name,
    className: name,
    securityDescriptor: nullable(securityDescriptor),
    desiredAccess: flags,
    grantedAccess: nullable(flags),
    options: flags,
    disposition: nullable(literal('created', 'opened')),
    attributes: flags,
    wow64Flags: flags,
    checkAccessMode: nullable(literal('user', 'kernel')),
    structureVersion: u32,
    hop: u32,
    reparsedFrom: nullable(u64),
  }),
  deleteKey: record('DeleteKeyFields', { valueCount: number, subKeyCount: number }),
  setValue: record('SetValueFields', {
    valueName: name,
    value: registryValue,
    titleIndex: u32,
    previous,
    changed: nullable(boolean),
  }),
  deleteValue: record('DeleteValueFields', { valueName: name, previous }),
  setInformation: record('SetInformationFields', {
    informationClass: text,
    informationClassNumber: u32,
    information: nullable(setInformation),
    bytes,
  }),
  rename: record('RenameFields', { newName: name, newPath: name, newKey: name }),
  enumerateKey: record('EnumerateKeyFields', { index: u32, ...query, information: nullable(keyInformation) }),
  enumerateValue: record('EnumerateValueFields', { index: u32, ...query, information: nullable(valueInformation) }),
  queryKey: record('QueryKeyFields', { ...query, information: nullable(keyInformation) }),
  queryValue: record('QueryValueFields', { valueName: name, ...query, information: nullable(valueInformation) }),
  queryMultiple: record('QueryMultipleFields', {
    entries: list(record('QueriedValue', { valueName: name, value: nullable(registryValue) })),
    entryCount: u32,
    bufferLength: u32,
    bufferSize: u32,
    requiredLength: number,
  }),
  close: record('CloseFields', { opener: nullable(processInfo) }),
  load: record('LoadFields', {
    keyName: name,
    sourceFile: name,
    loadFlags: flags,
    desiredAccess: flags,
    applicationHive: boolean,
    hasTrustClass: boolean,
    hasUserEvent: boolean,
    hasRootHandle: boolean,
    hasFileAccessToken: boolean,
    structureVersion: u32,
  }),
  unload: record('UnloadFields', { hasUserEvent: boolean }),
  security: record('SecurityFields', {
    securityInformation: flags,
    securityDescriptor: nullable(securityDescriptor),
    length: number,
    bufferSize: number,
  }),
  restore: record('RestoreFields', { fileName: name, restoreFlags: flags }),
  save: record('SaveFields', { fileName: name, format: flags }),
  saveMerged: record('SaveMergedFields', { fileName: name, lowKeyPath: name, lowKey: name }),
  replace: record('ReplaceFields', { newFileName: name, oldFileName: name }),
  queryName: record('QueryNameFields', { name, length: u32, returnLength: number }),
} as const satisfies Record<BodyKind, RecordShape>;
