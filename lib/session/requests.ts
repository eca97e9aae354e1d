// HELLO, REGISTER, UNREGISTER and STATISTICS as bytes, and their replies as objects.

import { protocolError } from '../wire/record.js';
import * as P from '../wire/protocol.js';

/** The requests of protocol.h as bytes, and their replies as objects. */
export interface HelloReply {
  readonly status: number;
  readonly protocol: { readonly major: number; readonly minor: number };
  readonly callbackVersion: { readonly major: number; readonly minor: number };
  readonly capabilities: number;
  readonly limits: DriverLimits;
}

/** What the driver told at the start of the session. */
export interface DriverLimits {
  readonly maxRegistrations: number;
  readonly maxDataBytes: number;
  readonly maxAltitudeBytes: number;
  readonly minReceiveBytes: number;
  readonly maxReceiveBytes: number;
  /** Of this session's queue in the driver. */
  readonly queueBytes: number;
  readonly queueRecords: number;
  /** Processes that the driver keeps this session informed of at a time. */
  readonly processSlots: number;
  /** Of one program of `compileRules`. */
  readonly maxRulesBytes: number;
  /** N of the ControlSet00N that CurrentControlSet leads to; null if the driver could not find out. */
  readonly controlSet: number | null;
  /** Key paths that the driver and this session keep in common. */
  readonly pathSlots: number;
  /** Operations of this session that are held for a decision at a time; to more, the defaults of their rules apply. */
  readonly maxHeld: number;
}

export interface RegisterReply {
  readonly status: number;
  /** Why and where the rule program was refused: CMB_RULES_REASON_*. */
  readonly reason: number;
  readonly offset: number;
  readonly cookie: bigint;
}

export function requestBytes(size: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(P.CMB_HEADER.Size, size, true);
  view.setUint16(P.CMB_HEADER.Version, P.CMB_STRUCTURE_VERSION, true);
  return { bytes, view };
}

export function replyView(bytes: Uint8Array, size: number, what: string): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = bytes.byteLength < P.CMB_HEADER.size ? 0 : view.getUint32(P.CMB_HEADER.Size, true);
  if (claimed < size || claimed > bytes.byteLength) {
    throw protocolError(
      `a reply to ${what} of ${bytes.byteLength} bytes, of which ${claimed} are claimed and ${size} needed`,
    );
  }
  return view;
}

/** 0 asks for the default. */
export function helloRequest(queueBytes: number, queueRecords: number, maxHeld: number): Uint8Array {
  const Q = P.CMB_HELLO_REQUEST;
  const { bytes, view } = requestBytes(Q.size);
  view.setUint16(Q.ProtocolMajor, P.CMB_PROTOCOL_MAJOR, true);
  view.setUint16(Q.ProtocolMinor, P.CMB_PROTOCOL_MINOR, true);
  view.setUint32(Q.QueueBytes, queueBytes, true);
  view.setUint32(Q.QueueRecords, queueRecords, true);
  view.setUint32(Q.MaxHeld, maxHeld, true);
  return bytes;
}

export function helloReply(bytes: Uint8Array): HelloReply {
  const A = P.CMB_HELLO_REPLY;
  const view = replyView(bytes, A.size, 'HELLO');
  const u32 = (offset: number) => view.getUint32(offset, true);
  return {
    status: u32(A.Status),
    protocol: { major: view.getUint16(A.ProtocolMajor, true), minor: view.getUint16(A.ProtocolMinor, true) },
    callbackVersion: { major: u32(A.CallbackMajor), minor: u32(A.CallbackMinor) },
    capabilities: u32(A.Capabilities),
    limits: {
      maxRegistrations: u32(A.MaxRegistrations),
      maxDataBytes: u32(A.MaxDataBytes),
      maxAltitudeBytes: u32(A.MaxAltitudeBytes),
      minReceiveBytes: u32(A.MinReceiveBytes),
      maxReceiveBytes: u32(A.MaxReceiveBytes),
      queueBytes: u32(A.QueueBytes),
      queueRecords: u32(A.QueueRecords),
      processSlots: u32(A.ProcessSlots),
      maxRulesBytes: u32(A.MaxRulesBytes),
      controlSet: u32(A.ControlSet) === 0 ? null : u32(A.ControlSet),
      pathSlots: u32(A.PathSlots),
      maxHeld: u32(A.MaxHeld),
    },
  };
}

export interface RegisterRequest {
  readonly altitude: string;
  readonly classMask: bigint;
  readonly maxDataBytes: number;
  readonly oldValues: boolean;
  /** Null: no rules. */
  readonly program: Uint8Array | null;
  /** Null: no limit. */
  readonly rateLimit: RateLimit | null;
  readonly dryRun: boolean;
  readonly exemptChildren: boolean;
  readonly persist: 'while-open' | 'until-unload';
  readonly breaker: BreakerOptions;
}

export interface BreakerOptions {
  /** So many deadlines missed in a row, 1 to 1000, and nothing is asked for the cool-down. Default 5. */
  readonly missedDeadlines?: number | undefined;
  /**
   * Milliseconds, 100 to 600,000. After them one operation is asked about, on trial: all are again once that was answered in time, otherwise
   * the cool-down begins anew. Default 10,000.
   */
  readonly coolDown?: number | undefined;
}

export interface RateLimit {
  /** Events per second, 1 to 1,000,000,000. */
  readonly perSecond: number;
  /** Events at once, when none came for long. Default: `perSecond`. */
  readonly burst?: number | undefined;
}

export interface UnregisterReply {
  readonly status: number;
  /** Records of the registration, and notifications that it lost: what is still to come included. */
  readonly recorded: bigint;
  readonly lost: bigint;
}

export function registerRequest(parameters: RegisterRequest): Uint8Array {
  const { altitude, classMask, maxDataBytes, program, rateLimit, breaker } = parameters;
  const Q = P.CMB_REGISTER_REQUEST;
  const text = Buffer.from(altitude, 'utf16le');
  const programOffset = Math.ceil((Q.size + text.byteLength) / 8) * 8;
  const { bytes, view } = requestBytes(
    program === null ? Q.size + text.byteLength : programOffset + program.byteLength,
  );
  view.setBigUint64(Q.ClassMask, classMask, true);
  view.setUint32(Q.MaxDataBytes, maxDataBytes, true);
  view.setUint16(Q.AltitudeSize, text.byteLength, true);
  view.setUint32(Q.Options, registerOptions(parameters), true);
  view.setUint32(Q.BreakerMisses, breaker.missedDeadlines ?? 0, true);
  view.setUint32(Q.BreakerCoolDown, breaker.coolDown ?? 0, true);
  if (rateLimit !== null) {
    view.setUint32(Q.RateLimit, rateLimit.perSecond, true);
    view.setUint32(Q.RateBurst, rateLimit.burst ?? rateLimit.perSecond, true);
  }
  bytes.set(text, Q.size);
  if (program !== null) {
    view.setUint32(Q.ProgramSize, program.byteLength, true);
    bytes.set(program, programOffset);
  }
  return bytes;
}

function registerOptions(parameters: RegisterRequest): number {
  const { oldValues, dryRun, exemptChildren, persist } = parameters;
  return (
    (oldValues ? P.CMB_REGISTER_OLD_VALUES : 0) |
    (dryRun ? P.CMB_REGISTER_DRY_RUN : 0) |
    (exemptChildren ? P.CMB_REGISTER_EXEMPT_CHILDREN : 0) |
    (persist === 'until-unload' ? P.CMB_REGISTER_PERSIST : 0)
  );
}

export function registerReply(bytes: Uint8Array): RegisterReply {
  const A = P.CMB_REGISTER_REPLY;
  const view = replyView(bytes, A.size, 'REGISTER');
  return {
    status: view.getUint32(A.Status, true),
    reason: view.getUint32(A.Reason, true),
    offset: view.getUint32(A.Offset, true),
    cookie: view.getBigInt64(A.Cookie, true),
  };
}

export function unregisterRequest(cookie: bigint): Uint8Array {
  const { bytes, view } = requestBytes(P.CMB_UNREGISTER_REQUEST.size);
  view.setBigInt64(P.CMB_UNREGISTER_REQUEST.Cookie, cookie, true);
  return bytes;
}

export function unregisterReply(bytes: Uint8Array): UnregisterReply {
  const A = P.CMB_UNREGISTER_REPLY;
  const view = replyView(bytes, A.size, 'UNREGISTER');
  return {
    status: view.getUint32(A.Status, true),
    recorded: view.getBigUint64(A.Recorded, true),
    lost: view.getBigUint64(A.Lost, true),
  };
}

export function statisticsRequest(scope: number, cookie: bigint): Uint8Array {
  const Q = P.CMB_STATISTICS_REQUEST;
  const { bytes, view } = requestBytes(Q.size);
  view.setUint32(Q.Scope, scope, true);
  view.setBigInt64(Q.Cookie, cookie, true);
  return bytes;
}
