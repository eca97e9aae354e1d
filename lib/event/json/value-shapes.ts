import { registryTypeNumber, type KnownRegistryType, type UnknownRegistryType } from '../../registry/registry-value.js';
import {
  boolean,
  bytes,
  list,
  literal,
  record,
  tagged,
  text,
  textLike,
  u32,
  u64,
  type LiteralShape,
  type Shape,
} from '../../base/shape.js';

const base = record('ValueBase', {
  bytes,
  size: u32,
  truncated: boolean,
  fault: boolean,
  flaws: list(literal('odd-length', 'wrong-length', 'unterminated', 'embedded-nul')),
});

function decoded<T extends KnownRegistryType, D extends Shape>(type: T, data: D) {
  return record(type, { type: literal(type), typeNumber: numberOf(type), malformed: literal(false), data }, base);
}

function malformed<T extends KnownRegistryType>(type: T) {
  const fields = { type: literal(type), typeNumber: numberOf(type), malformed: literal(true), data: bytes };
  return record(`${type}_malformed`, fields, base);
}

function numberOf(type: KnownRegistryType): LiteralShape<number> {
  return literal(registryTypeNumber(type) ?? 0);
}

/** A type of which not every sequence of bytes is a value. */
function either<T extends KnownRegistryType, D extends Shape>(type: T, data: D) {
  return tagged(`${type}_value`, 'malformed', decoded(type, data), malformed(type));
}

const unknownType = record(
  'REG_TYPE',
  {
    type: textLike<UnknownRegistryType>(/^REG_TYPE_0x[0-9A-F]{8}$/, 'a name such as REG_TYPE_0x0000FFFF'),
    typeNumber: u32,
    malformed: literal(false),
    data: bytes,
  },
  base,
);

/** @internal */
export const registryValue = tagged(
  'RegistryValue',
  'type',
  decoded('REG_NONE', bytes),
  either('REG_SZ', text),
  either('REG_EXPAND_SZ', text),
  decoded('REG_BINARY', bytes),
  either('REG_DWORD', u32),
  either('REG_DWORD_BIG_ENDIAN', u32),
  either('REG_LINK', text),
  either('REG_MULTI_SZ', list(text)),
  decoded('REG_RESOURCE_LIST', bytes),
  decoded('REG_FULL_RESOURCE_DESCRIPTOR', bytes),
  decoded('REG_RESOURCE_REQUIREMENTS_LIST', bytes),
  either('REG_QWORD', u64),
  unknownType,
);
