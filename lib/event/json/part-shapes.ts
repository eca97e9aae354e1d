import { toUnixNanoseconds } from '../../base/nt-time.js';
import { boolean, bytes, list, literal, big, nullable, record, text, textLike, u32, u64 } from '../../base/shape.js';
import { impersonationLevels, integrityLevels } from '../../security/token-names.js';

/** @internal The kernel's 100 ns units since 1601, 64 bits, as nanoseconds since 1970. */
export const time = big(toUnixNanoseconds(-(2n ** 63n)), toUnixNanoseconds(2n ** 63n - 1n));

/** @internal */
export const sid = textLike(/^S-1-/, 'a SID such as S-1-5-18');

/** @internal */
export const ntStatusNameShape = nullable(textLike(/^STATUS_[A-Z0-9_]+$/, 'a name such as STATUS_SUCCESS'));

/** @internal */
export const flags = record('Flags', { value: u32, names: list(text) });

const token = {
  user: nullable(sid),
  integrityLevel: nullable(literal(...integrityLevels)),
  integrityRid: nullable(u32),
  elevated: nullable(boolean),
  sessionId: nullable(u32),
};

/** @internal */
export const processInfo = record('ProcessInfo', {
  id: u32,
  startKey: u64,
  parentId: nullable(u32),
  imagePath: nullable(text),
  commandLine: nullable(text),
  createTime: nullable(time),
  ...token,
  wow64: nullable(boolean),
  isSystem: boolean,
  known: boolean,
});

/** @internal */
export const impersonation = record('Impersonation', {
  ...token,
  level: nullable(literal(...impersonationLevels)),
});

/** @internal */
export const transaction = record('TransactionInfo', {
  id: nullable(textLike(/^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/, 'a GUID in braces')),
});

/** @internal */
export const securityDescriptor = record('SecurityDescriptor', {
  sddl: nullable(text),
  bytes,
  owner: nullable(sid),
  group: nullable(sid),
  truncated: boolean,
  fault: boolean,
});
