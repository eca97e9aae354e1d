import { flags, time } from './part-shapes.js';
import { boolean, literal, nullable, record, tagged, text, textLike, u32, type Fields } from '../../base/shape.js';
import type { RegistryType } from '../../registry/registry-value.js';
import { registryValue } from './value-shapes.js';

/** What was not captured is null, so every field can be. */
function information<C extends string, F extends Fields>(name: C, fields: F) {
  return record(name, { class: literal(name), truncated: boolean, ...fields });
}

const number = nullable(u32);
const bit = nullable(boolean);
const layer = { isTombstone: bit, isSupersedeLocal: bit, isSupersedeTree: bit, classIsInherited: bit };
const full = { titleIndex: number, name: nullable(text), value: nullable(registryValue) };

/** @internal */
export const keyInformation = tagged(
  'DecodedKeyInformation',
  'class',
  information('KeyBasicInformation', { lastWriteTime: nullable(time), titleIndex: number, name: nullable(text) }),
  information('KeyNodeInformation', {
    lastWriteTime: nullable(time),
    titleIndex: number,
    name: nullable(text),
    className: nullable(text),
  }),
  information('KeyFullInformation', {
    lastWriteTime: nullable(time),
    titleIndex: number,
    className: nullable(text),
    subKeys: number,
    maxNameLength: number,
    maxClassLength: number,
    values: number,
    maxValueNameLength: number,
    maxValueDataLength: number,
  }),
  information('KeyNameInformation', { name: nullable(text) }),
  information('KeyCachedInformation', {
    lastWriteTime: nullable(time),
    titleIndex: number,
    subKeys: number,
    maxNameLength: number,
    values: number,
    maxValueNameLength: number,
    maxValueDataLength: number,
    nameLength: number,
  }),
  information('KeyFlagsInformation', {
    userFlags: number,
    keyFlags: nullable(flags),
    controlFlags: nullable(flags),
  }),
  information('KeyVirtualizationInformation', {
    virtualizationCandidate: bit,
    virtualizationEnabled: bit,
    virtualTarget: bit,
    virtualStore: bit,
    virtualSource: bit,
  }),
  information('KeyHandleTagsInformation', { handleTags: number }),
  information('KeyTrustInformation', { trustedKey: bit }),
  information('KeyLayerInformation', layer),
);

const registryType = textLike<RegistryType>(/^REG_[A-Za-z0-9_]+$/, 'the name of a value type');

/** @internal */
export const valueInformation = tagged(
  'DecodedValueInformation',
  'class',
  information('KeyValueBasicInformation', {
    titleIndex: number,
    name: nullable(text),
    type: nullable(registryType),
    typeNumber: number,
  }),
  information('KeyValueFullInformation', full),
  information('KeyValuePartialInformation', { titleIndex: number, value: nullable(registryValue) }),
  information('KeyValueFullInformationAlign64', full),
  information('KeyValuePartialInformationAlign64', { value: nullable(registryValue) }),
  information('KeyValueLayerInformation', { isTombstone: bit }),
);

/** @internal */
export const setInformation = tagged(
  'DecodedSetInformation',
  'class',
  information('KeyWriteTimeInformation', { lastWriteTime: nullable(time) }),
  information('KeyWow64FlagsInformation', { userFlags: number }),
  information('KeyControlFlagsInformation', { controlFlags: nullable(flags) }),
  information('KeySetVirtualizationInformation', { virtualTarget: bit, virtualStore: bit, virtualSource: bit }),
  information('KeySetDebugInformation', {}),
  information('KeySetHandleTagsInformation', { handleTags: number }),
  information('KeySetLayerInformation', layer),
);
