// The shapes of the fields of events, made of the interfaces in lib/event/ by scripts/generate-event-shapes.mjs. Do not edit.

import { boolean, bytes, list, literal, nullable, text, u32, u64 } from '../../base/shape.js';
import {
  guid,
  i64,
  record,
  registryType,
  safeInteger,
  sid,
  statusName,
  tagged,
  time,
  typeNumber,
  unknownRegistryType,
} from './formats.js';

const ProcessInfo = record('ProcessInfo', {
  id: u32,
  startKey: u64,
  parentId: nullable(u32),
  imagePath: nullable(text),
  commandLine: nullable(text),
  createTime: nullable(time),
  user: nullable(sid),
  integrityLevel: nullable(literal('untrusted', 'low', 'medium', 'medium-plus', 'high', 'system', 'protected')),
  integrityRid: nullable(u32),
  elevated: nullable(boolean),
  sessionId: nullable(u32),
  wow64: nullable(boolean),
  isSystem: boolean,
  known: boolean,
});

const Impersonation = record('Impersonation', {
  user: nullable(sid),
  integrityLevel: nullable(literal('untrusted', 'low', 'medium', 'medium-plus', 'high', 'system', 'protected')),
  integrityRid: nullable(u32),
  elevated: nullable(boolean),
  sessionId: nullable(u32),
  level: nullable(literal('anonymous', 'identification', 'impersonation', 'delegation')),
});

const TransactionInfo = record('TransactionInfo', { id: nullable(guid) });

const RuleReference = record('RuleReference', { index: u32, name: nullable(text) });

const EventQuestion = record('EventQuestion', { deadline: u32, rule: nullable(RuleReference) });

const EventDecision = record('EventDecision', {
  kind: literal('allow', 'block', 'bypass', 'emulate', 'replace', 'redirect', 'override'),
  decidedBy: literal('rule', 'callback', 'timeout', 'breaker', 'limit', 'exemption', 'release', 'error'),
  status: u32,
  statusName: nullable(statusName),
  rule: nullable(RuleReference),
  latency: safeInteger,
  dryRun: boolean,
  ended: boolean,
});

/** @internal */
export const NotificationFields = record('NotificationFields', {
  sequence: u64,
  repeats: u64,
  lastSequence: nullable(u64),
  time,
  processId: u32,
  threadId: u32,
  previousMode: literal('user', 'kernel'),
  irql: literal('passive', 'apc'),
  process: ProcessInfo,
  impersonation: nullable(Impersonation),
  user: nullable(sid),
  transaction: nullable(TransactionInfo),
  keyPath: nullable(text),
  keyPathResolved: boolean,
  keyPathLength: u32,
  key: nullable(text),
  hive: nullable(literal('machine', 'user', 'application', 'silo')),
  keyObject: nullable(u64),
  truncated: boolean,
  fault: boolean,
  preUnknown: boolean,
  question: nullable(EventQuestion),
  decision: nullable(EventDecision),
});

/** @internal */
export const PostFields = record('PostFields', {
  preSequence: nullable(u64),
  duration: nullable(u64),
  status: u32,
  statusName: nullable(statusName),
});

/** @internal */
export const PreFields = record('PreFields', {
  preSequence: literal(null),
  duration: literal(null),
  status: literal(null),
  statusName: literal(null),
});

const PlainFields = record('PlainFields', {});

const SecurityDescriptor = record('SecurityDescriptor', {
  sddl: nullable(text),
  bytes,
  owner: nullable(sid),
  group: nullable(sid),
  truncated: boolean,
  fault: boolean,
});

const Flags = record('Flags', { value: u32, names: list(text) });

const CreateFields = record('CreateFields', {
  requestedName: nullable(text),
  requestedPath: nullable(text),
  root: nullable(text),
  className: nullable(text),
  securityDescriptor: nullable(SecurityDescriptor),
  desiredAccess: Flags,
  grantedAccess: nullable(Flags),
  options: Flags,
  disposition: nullable(literal('created', 'opened')),
  attributes: Flags,
  wow64Flags: Flags,
  checkAccessMode: nullable(literal('user', 'kernel')),
  structureVersion: u32,
  hop: u32,
  reparsedFrom: nullable(u64),
});

const DeleteKeyFields = record('DeleteKeyFields', { valueCount: nullable(u32), subKeyCount: nullable(u32) });

const ValueBase = record('ValueBase', {
  bytes,
  size: u32,
  truncated: boolean,
  fault: boolean,
  flaws: list(literal('odd-length', 'wrong-length', 'unterminated', 'embedded-nul')),
});

const RegistryValue = tagged(
  'RegistryValue',
  'type',
  record(
    'REG_NONE',
    { type: literal('REG_NONE'), typeNumber: typeNumber('REG_NONE'), malformed: literal(false), data: bytes },
    ValueBase,
  ),
  tagged(
    'REG_SZ_value',
    'malformed',
    record(
      'REG_SZ',
      { type: literal('REG_SZ'), typeNumber: typeNumber('REG_SZ'), malformed: literal(false), data: text },
      ValueBase,
    ),
    record(
      'REG_SZ_malformed',
      { type: literal('REG_SZ'), typeNumber: typeNumber('REG_SZ'), malformed: literal(true), data: bytes },
      ValueBase,
    ),
  ),
  tagged(
    'REG_EXPAND_SZ_value',
    'malformed',
    record(
      'REG_EXPAND_SZ',
      {
        type: literal('REG_EXPAND_SZ'),
        typeNumber: typeNumber('REG_EXPAND_SZ'),
        malformed: literal(false),
        data: text,
      },
      ValueBase,
    ),
    record(
      'REG_EXPAND_SZ_malformed',
      {
        type: literal('REG_EXPAND_SZ'),
        typeNumber: typeNumber('REG_EXPAND_SZ'),
        malformed: literal(true),
        data: bytes,
      },
      ValueBase,
    ),
  ),
  record(
    'REG_BINARY',
    { type: literal('REG_BINARY'), typeNumber: typeNumber('REG_BINARY'), malformed: literal(false), data: bytes },
    ValueBase,
  ),
  tagged(
    'REG_DWORD_value',
    'malformed',
    record(
      'REG_DWORD',
      { type: literal('REG_DWORD'), typeNumber: typeNumber('REG_DWORD'), malformed: literal(false), data: u32 },
      ValueBase,
    ),
    record(
      'REG_DWORD_malformed',
      { type: literal('REG_DWORD'), typeNumber: typeNumber('REG_DWORD'), malformed: literal(true), data: bytes },
      ValueBase,
    ),
  ),
  tagged(
    'REG_DWORD_BIG_ENDIAN_value',
    'malformed',
    record(
      'REG_DWORD_BIG_ENDIAN',
      {
        type: literal('REG_DWORD_BIG_ENDIAN'),
        typeNumber: typeNumber('REG_DWORD_BIG_ENDIAN'),
        malformed: literal(false),
        data: u32,
      },
      ValueBase,
    ),
    record(
      'REG_DWORD_BIG_ENDIAN_malformed',
      {
        type: literal('REG_DWORD_BIG_ENDIAN'),
        typeNumber: typeNumber('REG_DWORD_BIG_ENDIAN'),
        malformed: literal(true),
        data: bytes,
      },
      ValueBase,
    ),
  ),
  tagged(
    'REG_LINK_value',
    'malformed',
    record(
      'REG_LINK',
      { type: literal('REG_LINK'), typeNumber: typeNumber('REG_LINK'), malformed: literal(false), data: text },
      ValueBase,
    ),
    record(
      'REG_LINK_malformed',
      { type: literal('REG_LINK'), typeNumber: typeNumber('REG_LINK'), malformed: literal(true), data: bytes },
      ValueBase,
    ),
  ),
  tagged(
    'REG_MULTI_SZ_value',
    'malformed',
    record(
      'REG_MULTI_SZ',
      {
        type: literal('REG_MULTI_SZ'),
        typeNumber: typeNumber('REG_MULTI_SZ'),
        malformed: literal(false),
        data: list(text),
      },
      ValueBase,
    ),
    record(
      'REG_MULTI_SZ_malformed',
      { type: literal('REG_MULTI_SZ'), typeNumber: typeNumber('REG_MULTI_SZ'), malformed: literal(true), data: bytes },
      ValueBase,
    ),
  ),
  record(
    'REG_RESOURCE_LIST',
    {
      type: literal('REG_RESOURCE_LIST'),
      typeNumber: typeNumber('REG_RESOURCE_LIST'),
      malformed: literal(false),
      data: bytes,
    },
    ValueBase,
  ),
  record(
    'REG_FULL_RESOURCE_DESCRIPTOR',
    {
      type: literal('REG_FULL_RESOURCE_DESCRIPTOR'),
      typeNumber: typeNumber('REG_FULL_RESOURCE_DESCRIPTOR'),
      malformed: literal(false),
      data: bytes,
    },
    ValueBase,
  ),
  record(
    'REG_RESOURCE_REQUIREMENTS_LIST',
    {
      type: literal('REG_RESOURCE_REQUIREMENTS_LIST'),
      typeNumber: typeNumber('REG_RESOURCE_REQUIREMENTS_LIST'),
      malformed: literal(false),
      data: bytes,
    },
    ValueBase,
  ),
  tagged(
    'REG_QWORD_value',
    'malformed',
    record(
      'REG_QWORD',
      { type: literal('REG_QWORD'), typeNumber: typeNumber('REG_QWORD'), malformed: literal(false), data: u64 },
      ValueBase,
    ),
    record(
      'REG_QWORD_malformed',
      { type: literal('REG_QWORD'), typeNumber: typeNumber('REG_QWORD'), malformed: literal(true), data: bytes },
      ValueBase,
    ),
  ),
  record('REG_TYPE', { type: unknownRegistryType, typeNumber: u32, malformed: literal(false), data: bytes }, ValueBase),
);

const PreviousValue = record('PreviousValue', {
  exists: nullable(boolean),
  value: nullable(RegistryValue),
  status: u32,
  statusName: nullable(statusName),
});

const SetValueFields = record('SetValueFields', {
  valueName: nullable(text),
  value: RegistryValue,
  titleIndex: u32,
  previous: nullable(PreviousValue),
  changed: nullable(boolean),
});

const DeleteValueFields = record('DeleteValueFields', { valueName: nullable(text), previous: nullable(PreviousValue) });

const DecodedSetInformation = tagged(
  'DecodedSetInformation',
  'class',
  record('KeyWriteTimeInformation', {
    class: literal('KeyWriteTimeInformation'),
    truncated: boolean,
    lastWriteTime: nullable(time),
  }),
  record('KeyWow64FlagsInformation', {
    class: literal('KeyWow64FlagsInformation'),
    truncated: boolean,
    userFlags: nullable(u32),
  }),
  record('KeyControlFlagsInformation', {
    class: literal('KeyControlFlagsInformation'),
    truncated: boolean,
    controlFlags: nullable(Flags),
  }),
  record('KeySetVirtualizationInformation', {
    class: literal('KeySetVirtualizationInformation'),
    truncated: boolean,
    virtualTarget: nullable(boolean),
    virtualStore: nullable(boolean),
    virtualSource: nullable(boolean),
  }),
  record('KeySetDebugInformation', { class: literal('KeySetDebugInformation'), truncated: boolean }),
  record('KeySetHandleTagsInformation', {
    class: literal('KeySetHandleTagsInformation'),
    truncated: boolean,
    handleTags: nullable(u32),
  }),
  record('KeySetLayerInformation', {
    class: literal('KeySetLayerInformation'),
    truncated: boolean,
    isTombstone: nullable(boolean),
    isSupersedeLocal: nullable(boolean),
    isSupersedeTree: nullable(boolean),
    classIsInherited: nullable(boolean),
  }),
);

const SetInformationFields = record('SetInformationFields', {
  informationClass: text,
  informationClassNumber: u32,
  information: nullable(DecodedSetInformation),
  bytes,
});

const RenameFields = record('RenameFields', {
  newName: nullable(text),
  newPath: nullable(text),
  newKey: nullable(text),
});

const DecodedKeyInformation = tagged(
  'DecodedKeyInformation',
  'class',
  record('KeyBasicInformation', {
    class: literal('KeyBasicInformation'),
    truncated: boolean,
    lastWriteTime: nullable(time),
    titleIndex: nullable(u32),
    name: nullable(text),
  }),
  record('KeyNodeInformation', {
    class: literal('KeyNodeInformation'),
    truncated: boolean,
    lastWriteTime: nullable(time),
    titleIndex: nullable(u32),
    name: nullable(text),
    className: nullable(text),
  }),
  record('KeyFullInformation', {
    class: literal('KeyFullInformation'),
    truncated: boolean,
    lastWriteTime: nullable(time),
    titleIndex: nullable(u32),
    className: nullable(text),
    subKeys: nullable(u32),
    maxNameLength: nullable(u32),
    maxClassLength: nullable(u32),
    values: nullable(u32),
    maxValueNameLength: nullable(u32),
    maxValueDataLength: nullable(u32),
  }),
  record('KeyNameInformation', { class: literal('KeyNameInformation'), truncated: boolean, name: nullable(text) }),
  record('KeyCachedInformation', {
    class: literal('KeyCachedInformation'),
    truncated: boolean,
    lastWriteTime: nullable(time),
    titleIndex: nullable(u32),
    subKeys: nullable(u32),
    maxNameLength: nullable(u32),
    values: nullable(u32),
    maxValueNameLength: nullable(u32),
    maxValueDataLength: nullable(u32),
    nameLength: nullable(u32),
  }),
  record('KeyFlagsInformation', {
    class: literal('KeyFlagsInformation'),
    truncated: boolean,
    userFlags: nullable(u32),
    keyFlags: nullable(Flags),
    controlFlags: nullable(Flags),
  }),
  record('KeyVirtualizationInformation', {
    class: literal('KeyVirtualizationInformation'),
    truncated: boolean,
    virtualizationCandidate: nullable(boolean),
    virtualizationEnabled: nullable(boolean),
    virtualTarget: nullable(boolean),
    virtualStore: nullable(boolean),
    virtualSource: nullable(boolean),
  }),
  record('KeyHandleTagsInformation', {
    class: literal('KeyHandleTagsInformation'),
    truncated: boolean,
    handleTags: nullable(u32),
  }),
  record('KeyTrustInformation', {
    class: literal('KeyTrustInformation'),
    truncated: boolean,
    trustedKey: nullable(boolean),
  }),
  record('KeyLayerInformation', {
    class: literal('KeyLayerInformation'),
    truncated: boolean,
    isTombstone: nullable(boolean),
    isSupersedeLocal: nullable(boolean),
    isSupersedeTree: nullable(boolean),
    classIsInherited: nullable(boolean),
  }),
);

const EnumerateKeyFields = record('EnumerateKeyFields', {
  index: u32,
  informationClass: text,
  informationClassNumber: u32,
  length: u32,
  resultLength: nullable(u32),
  bytes: nullable(bytes),
  information: nullable(DecodedKeyInformation),
});

const DecodedValueInformation = tagged(
  'DecodedValueInformation',
  'class',
  record('KeyValueBasicInformation', {
    class: literal('KeyValueBasicInformation'),
    truncated: boolean,
    titleIndex: nullable(u32),
    name: nullable(text),
    type: nullable(registryType),
    typeNumber: nullable(u32),
  }),
  record('KeyValueFullInformation', {
    class: literal('KeyValueFullInformation'),
    truncated: boolean,
    titleIndex: nullable(u32),
    name: nullable(text),
    value: nullable(RegistryValue),
  }),
  record('KeyValuePartialInformation', {
    class: literal('KeyValuePartialInformation'),
    truncated: boolean,
    titleIndex: nullable(u32),
    value: nullable(RegistryValue),
  }),
  record('KeyValueFullInformationAlign64', {
    class: literal('KeyValueFullInformationAlign64'),
    truncated: boolean,
    titleIndex: nullable(u32),
    name: nullable(text),
    value: nullable(RegistryValue),
  }),
  record('KeyValuePartialInformationAlign64', {
    class: literal('KeyValuePartialInformationAlign64'),
    truncated: boolean,
    value: nullable(RegistryValue),
  }),
  record('KeyValueLayerInformation', {
    class: literal('KeyValueLayerInformation'),
    truncated: boolean,
    isTombstone: nullable(boolean),
  }),
);

const EnumerateValueFields = record('EnumerateValueFields', {
  index: u32,
  informationClass: text,
  informationClassNumber: u32,
  length: u32,
  resultLength: nullable(u32),
  bytes: nullable(bytes),
  information: nullable(DecodedValueInformation),
});

const QueryKeyFields = record('QueryKeyFields', {
  informationClass: text,
  informationClassNumber: u32,
  length: u32,
  resultLength: nullable(u32),
  bytes: nullable(bytes),
  information: nullable(DecodedKeyInformation),
});

const QueryValueFields = record('QueryValueFields', {
  valueName: nullable(text),
  informationClass: text,
  informationClassNumber: u32,
  length: u32,
  resultLength: nullable(u32),
  bytes: nullable(bytes),
  information: nullable(DecodedValueInformation),
});

const QueriedValue = record('QueriedValue', { valueName: nullable(text), value: nullable(RegistryValue) });

const QueryMultipleFields = record('QueryMultipleFields', {
  entries: list(QueriedValue),
  entryCount: u32,
  bufferLength: u32,
  bufferSize: u32,
  requiredLength: nullable(u32),
});

const CloseFields = record('CloseFields', { opener: nullable(ProcessInfo) });

const LoadFields = record('LoadFields', {
  keyName: nullable(text),
  sourceFile: nullable(text),
  loadFlags: Flags,
  desiredAccess: Flags,
  applicationHive: boolean,
  hasTrustClass: boolean,
  hasUserEvent: boolean,
  hasRootHandle: boolean,
  hasFileAccessToken: boolean,
  structureVersion: u32,
});

const UnloadFields = record('UnloadFields', { hasUserEvent: boolean });

const SecurityFields = record('SecurityFields', {
  securityInformation: Flags,
  securityDescriptor: nullable(SecurityDescriptor),
  length: nullable(u32),
  bufferSize: nullable(u32),
});

const RestoreFields = record('RestoreFields', { fileName: nullable(text), restoreFlags: Flags });

const SaveFields = record('SaveFields', { fileName: nullable(text), format: Flags });

const SaveMergedFields = record('SaveMergedFields', {
  fileName: nullable(text),
  lowKeyPath: nullable(text),
  lowKey: nullable(text),
});

const ReplaceFields = record('ReplaceFields', { newFileName: nullable(text), oldFileName: nullable(text) });

const QueryNameFields = record('QueryNameFields', { name: nullable(text), length: u32, returnLength: nullable(u32) });

const GapLosses = record('GapLosses', { queueFull: u64, noMemory: u64, captureFault: u64, rateLimit: u64 });

/** @internal */
export const GapEvent = record('GapEvent', {
  class: literal('gap'),
  sequence: u64,
  time,
  count: u64,
  firstSequence: u64,
  lastSequence: u64,
  causes: list(literal('queue-full', 'no-memory', 'capture-fault', 'rate-limit')),
  lost: GapLosses,
});

/** @internal */
export const BreakerEvent = record('BreakerEvent', {
  class: literal('breaker'),
  state: literal('open', 'closed'),
  missedDeadlines: u32,
  coolDown: u32,
  unasked: u64,
  cookie: i64,
  sequence: u64,
  time,
});

/** @internal The fields that only some classes have, by the body of the class. */
export const bodyShapes = {
  plain: PlainFields,
  create: CreateFields,
  deleteKey: DeleteKeyFields,
  setValue: SetValueFields,
  deleteValue: DeleteValueFields,
  setInformation: SetInformationFields,
  rename: RenameFields,
  enumerateKey: EnumerateKeyFields,
  enumerateValue: EnumerateValueFields,
  queryKey: QueryKeyFields,
  queryValue: QueryValueFields,
  queryMultiple: QueryMultipleFields,
  close: CloseFields,
  load: LoadFields,
  unload: UnloadFields,
  security: SecurityFields,
  restore: RestoreFields,
  save: SaveFields,
  saveMerged: SaveMergedFields,
  replace: ReplaceFields,
  queryName: QueryNameFields,
};
