// What the generated shapes of events are made of: the kinds of shapes that events need, and the formats that the interfaces name in
// tags such as `// @json sid`, which say what a field may be beyond what its TypeScript type says.

import * as shape from '../../base/shape.js';
import { big, integer, literal, textLike } from '../../base/shape.js';
import { toUnixNanoseconds } from '../../base/nt-time.js';
import { registryTypeNumber } from '../../registry/registry-value.js';

/** @internal The part of the language of shapes that events are described in. */
export type EventShape =
  | shape.TextShape
  | shape.BytesShape
  | shape.BigShape
  | shape.IntegerShape
  | shape.BooleanShape
  | shape.LiteralShape
  | shape.NullableShape<EventShape>
  | shape.ListShape<EventShape>
  | shape.RecordShape<EventShape>
  | shape.TaggedShape<EventShape>;

/** @internal */
export const record = shape.record<EventShape>;

/** @internal */
export const tagged = shape.tagged<EventShape>;

/** @internal The kernel's 100 ns units since 1601, 64 bits, as nanoseconds since 1970. */
export const time = big(toUnixNanoseconds(-(2n ** 63n)), toUnixNanoseconds(2n ** 63n - 1n));

/** @internal */
export const i64 = big(-(2n ** 63n), 2n ** 63n - 1n);

/** @internal */
export const safeInteger = integer(0, Number.MAX_SAFE_INTEGER);

/** @internal */
export const sid = textLike(/^S-1-/, 'a SID such as S-1-5-18');

/** @internal */
export const statusName = textLike(/^STATUS_[A-Z0-9_]+$/, 'a name such as STATUS_SUCCESS');

/** @internal */
export const guid = textLike(/^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/, 'a GUID in braces');

/** @internal */
export const registryType = textLike(/^REG_[A-Za-z0-9_]+$/, 'the name of a value type');

/** @internal */
export const unknownRegistryType = textLike(/^REG_TYPE_0x[0-9A-F]{8}$/, 'a name such as REG_TYPE_0x0000FFFF');

/** @internal The number of a value type that has a name. */
export function typeNumber(type: string): shape.LiteralShape {
  return literal(registryTypeNumber(type) ?? 0);
}
