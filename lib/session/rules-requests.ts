// SET_RULES as bytes, and the fault that the driver finds with a program.

import { NtStatusError } from '../base/errors.js';
import { NtStatus, ntSuccess } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import { replyView, requestBytes } from './requests.js';

/** The driver found fault with a rule program. Those of `compileRules` are right, unless the driver is of another version. */
export class RulesRefusedError extends NtStatusError {
  /** CMB_RULES_REASON_*, without these words: `NODE`. */
  readonly reason: string;
  /** Of the member that is wrong, from the start of the program. */
  readonly offset: number;

  constructor(status: number, what: string, reason: number, offset: number) {
    const [name, meaning] = reasons[reason] ?? [
      String(reason),
      'for a reason that this version of the package does not know',
    ];
    super(
      'CMB_RULES_REFUSED',
      status,
      `${what} failed: the driver refuses the rule program at offset ${offset}, ${meaning}`,
    );
    this.reason = name;
    this.offset = offset;
  }
}
Object.defineProperty(RulesRefusedError.prototype, 'name', {
  value: 'RulesRefusedError',
  configurable: true,
  writable: true,
});

const reasons: Readonly<Record<number, readonly [name: string, meaning: string]>> = {
  [P.CMB_RULES_REASON_SIZE]: ['SIZE', 'for its size'],
  [P.CMB_RULES_REASON_VERSION]: ['VERSION', 'as it is of another version'],
  [P.CMB_RULES_REASON_COUNT]: ['COUNT', 'as there is more of something than the limits allow'],
  [P.CMB_RULES_REASON_BOUNDS]: ['BOUNDS', 'as something there lies outside of it'],
  [P.CMB_RULES_REASON_RESERVED]: ['RESERVED', 'as a reserved field is set'],
  [P.CMB_RULES_REASON_ACTION]: ['ACTION', 'as an action is unknown, or does not suit a class'],
  [P.CMB_RULES_REASON_SET]: ['SET', 'as a set of rules is damaged'],
  [P.CMB_RULES_REASON_NODE]: ['NODE', 'as a node of a pattern is damaged'],
  [P.CMB_RULES_REASON_HASH]: ['HASH', 'as names are not in the order of their hashes'],
  [P.CMB_RULES_REASON_GLOB]: ['GLOB', 'as a wildcard is damaged'],
  [P.CMB_RULES_REASON_TEXT]: ['TEXT', 'as a text is not in upper case'],
  [P.CMB_RULES_REASON_MEMBER]: ['MEMBER', 'as a list of values is damaged'],
  [P.CMB_RULES_REASON_RULE]: ['RULE', 'as the flags, the status or the deadline do not suit the action'],
};

/** REGISTER and SET_RULES: STATUS_BAD_DATA with a reason is about the program, not about the request. */
export function throwIfRefused(status: number, reason: number, offset: number, what: string): void {
  if (status >>> 0 === NtStatus.STATUS_BAD_DATA) throw new RulesRefusedError(status, what, reason, offset);
}

/** Null takes the rules away. */
export function setRulesRequest(cookie: bigint, program: Uint8Array | null): Uint8Array {
  const Q = P.CMB_SET_RULES_REQUEST;
  const { bytes, view } = requestBytes(Q.size + (program?.byteLength ?? 0));
  view.setBigInt64(Q.Cookie, cookie, true);
  view.setUint32(Q.ProgramSize, program?.byteLength ?? 0, true);
  if (program !== null) bytes.set(program, Q.size);
  return bytes;
}

export interface SetRulesReply {
  readonly status: number;
  readonly sequence: bigint;
}

export function setRulesReply(bytes: Uint8Array, what: string): SetRulesReply {
  const A = P.CMB_SET_RULES_REPLY;
  const view = replyView(bytes, A.size, 'SET_RULES');
  const status = view.getUint32(A.Status, true);
  throwIfRefused(status, view.getUint32(A.Reason, true), view.getUint32(A.Offset, true), what);
  return { status, sequence: ntSuccess(status) ? view.getBigUint64(A.Sequence, true) : 0n };
}
