// The processes that records refer to by slot, and the decoder of tokens.

import type { Impersonation, ProcessInfo } from '../event/event.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import { sidText } from '../security/sid.js';
import { impersonationLevels, integrityLevelOf } from '../security/token-names.js';

const T = P.CMB_TOKEN;
const R = P.CMB_RECORD;
const maxStrangers = 4096;

/** With the two halves of its start key, which are compared for each event. */
interface Known {
  readonly low: number;
  readonly high: number;
  readonly info: ProcessInfo;
}

export interface ProcessFinder {
  /** The process that the record names by a slot and a start key at these offsets. */
  find(record: RecordView, slotOffset: number, keyOffset: number, id: number): ProcessInfo;
}

/** Who the processes of a session are: the driver tells once, and notifications refer to it by slot. */
export class ProcessTable implements ProcessFinder {
  readonly #slotCount: number;
  readonly #slots: (Known | undefined)[] = [];
  /** Processes that the driver could not tell about. */
  readonly #strangers = new Map<bigint, ProcessInfo>();

  constructor(slotCount: number) {
    this.#slotCount = slotCount;
  }

  /** Takes in a record of kind CMB_RECORD_PROCESS. */
  update(record: RecordView): void {
    record.requireBody(P.CMB_BODY_PROCESS.size, 'process');
    const slot = record.u32(P.CMB_RECORD.ProcessSlot);
    if (slot >= this.#slotCount) {
      throw protocolError(`a process record is for slot ${slot} of ${this.#slotCount}`);
    }
    // What the slot held is out of date even if its successor cannot be read.
    this.#slots[slot] = undefined;
    const info = decodeProcess(record);
    this.#slots[slot] = { low: record.u32(R.ProcessKey), high: record.u32(R.ProcessKey + 4), info };
  }

  find(record: RecordView, slotOffset: number, keyOffset: number, id: number): ProcessInfo {
    const known = this.#slots[record.u32(slotOffset)];
    if (known?.low === record.u32(keyOffset) && known.high === record.u32(keyOffset + 4)) return known.info;
    return this.#stranger(record.u64(keyOffset), id);
  }

  #stranger(startKey: bigint, id: number): ProcessInfo {
    const found = this.#strangers.get(startKey);
    if (found?.id === id) return found;
    if (this.#strangers.size >= maxStrangers) this.#strangers.clear();
    const stranger = strangerInfo(startKey, id);
    this.#strangers.set(startKey, stranger);
    return stranger;
  }
}

function strangerInfo(startKey: bigint, id: number): ProcessInfo {
  return Object.freeze({
    id,
    startKey,
    parentId: null,
    sessionId: null,
    imagePath: null,
    commandLine: null,
    createTime: null,
    user: null,
    integrityLevel: null,
    integrityRid: null,
    elevated: null,
    wow64: null,
    isSystem: false,
    known: false,
  });
}

function decodeProcess(record: RecordView): ProcessInfo {
  const B = P.CMB_BODY_PROCESS;
  const { body } = record;
  const flags = record.u32(body + B.Flags);
  const token = decodeToken(record, body + B.Token, 'user of a process');
  return Object.freeze({
    id: record.u32(P.CMB_RECORD.ProcessId),
    startKey: record.u64(P.CMB_RECORD.ProcessKey),
    parentId: (flags & P.CMB_PROCESS_PARENT) === 0 ? null : record.u32(body + B.ParentProcessId),
    sessionId: token.sessionId,
    imagePath: record.text(body + B.ImagePath, 'image path'),
    commandLine: record.text(body + B.CommandLine, 'command line'),
    createTime: record.u64(body + B.CreateTime) === 0n ? null : record.time(body + B.CreateTime),
    user: token.user,
    integrityLevel: token.integrityLevel,
    integrityRid: token.integrityRid,
    elevated: token.elevated,
    wow64: (flags & P.CMB_PROCESS_WOW64) !== 0,
    isSystem: (flags & P.CMB_PROCESS_SYSTEM) !== 0,
    known: true,
  });
}

/** The body of the Impersonation span of a notification; null when the thread does not impersonate. */
export function decodeImpersonation(record: RecordView): Impersonation | null {
  if ((record.u32(P.CMB_RECORD.Flags) & P.CMB_RECORD_IMPERSONATING) === 0) return null;
  const span = record.span(P.CMB_RECORD.Impersonation, 'impersonation');
  if (!span.present) return unknownImpersonation;
  const size = span.end - span.start;
  if (size < P.CMB_IMPERSONATION.size) {
    throw protocolError(`the impersonation of a record has ${size} bytes instead of ${P.CMB_IMPERSONATION.size}`);
  }
  const token = decodeToken(record, span.start + P.CMB_IMPERSONATION.Token, 'user of an impersonation');
  return {
    user: token.user,
    integrityLevel: token.integrityLevel,
    integrityRid: token.integrityRid,
    elevated: token.elevated,
    sessionId: token.sessionId,
    level: impersonationLevels[record.u32(span.start + P.CMB_IMPERSONATION.Level)] ?? null,
  };
}

const unknownImpersonation: Impersonation = Object.freeze({
  user: null,
  integrityLevel: null,
  integrityRid: null,
  elevated: null,
  sessionId: null,
  level: null,
});

type Token = Pick<Impersonation, 'user' | 'integrityLevel' | 'integrityRid' | 'elevated' | 'sessionId'>;

function decodeToken(record: RecordView, offset: number, what: string): Token {
  const flags = record.u32(offset + T.Flags);
  const integrityRid = (flags & P.CMB_TOKEN_INTEGRITY) === 0 ? null : record.u32(offset + T.IntegrityLevel);
  const sid = record.span(offset + T.UserSid, what);
  return {
    user: sid.present ? sidText(record.bytesOf(sid)) : null,
    integrityLevel: integrityRid === null ? null : integrityLevelOf(integrityRid),
    integrityRid,
    elevated: (flags & P.CMB_TOKEN_ELEVATION) === 0 ? null : (flags & P.CMB_TOKEN_ELEVATED) !== 0,
    sessionId: (flags & P.CMB_TOKEN_SESSION) === 0 ? null : record.u32(offset + T.SessionId),
  };
}
