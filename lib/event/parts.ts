// The parts of a header that are objects: processes, impersonation, transactions.

import type { NotifyClass } from '../registry/notify-class.js';
import type { ImpersonationLevel, IntegrityLevel } from '../security/token-names.js';

export type { IntegrityLevel };

/** Who a process is, read when the driver first met it. One frozen object, shared by the events of the process. */
export interface ProcessInfo {
  /** PsGetProcessId. Windows gives the number to another process once this one has gone; `startKey` stays unique. */
  readonly id: number;
  /** PsGetProcessStartKey: names the process among all since boot. */
  readonly startKey: bigint;
  /** The process that it was created for; that one may have ended since, and its number may be in use again. */
  readonly parentId: number | null;
  /** `\Device\HarddiskVolume1\...` (SeLocateProcessImageName). */
  readonly imagePath: string | null;
  /** As the process was started with; null if it could not be read, as for kernel processes. */
  readonly commandLine: string | null;
  /** Nanoseconds since 1970-01-01 UTC, in steps of 100 (PsGetProcessCreateTimeQuadPart). */
  // @json time
  readonly createTime: bigint | null;
  /** SID of the primary token's user. */
  // @json sid
  readonly user: string | null;
  readonly integrityLevel: IntegrityLevel | null;
  /** The number behind `integrityLevel`: last subauthority of the token's mandatory label. */
  readonly integrityRid: number | null;
  /** TokenElevation of the primary token. */
  readonly elevated: boolean | null;
  /** Terminal Services session of the primary token: 0 is that of the services. */
  readonly sessionId: number | null;
  /** A 32-bit program on 64-bit Windows. */
  readonly wow64: boolean | null;
  /** The System process, home of the kernel's own threads. */
  readonly isSystem: boolean;
  /** False when the driver could tell no more than `id` and `startKey`: everything else is null then. */
  readonly known: boolean;
}

/** The client that a thread acts as: what its impersonation token says. */
export interface Impersonation {
  /** SID of the token's user. */
  // @json sid
  readonly user: string | null;
  readonly integrityLevel: IntegrityLevel | null;
  /** The number behind `integrityLevel`. */
  readonly integrityRid: number | null;
  /** TokenElevation. */
  readonly elevated: boolean | null;
  /** Terminal Services session of the token. */
  readonly sessionId: number | null;
  /** Null when the driver could not find it out. */
  readonly level: ImpersonationLevel | null;
}

/** A transaction of the kernel transaction manager. What is done in it takes effect only when it commits, which causes no event. */
export interface TransactionInfo {
  /** `{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}` (TmGetTransactionId). */
  // @json guid
  readonly id: string | null;
}

/** `T` in the post phase, else null. */
export type InPost<P extends NotifyClass['phase'], T> = P extends 'post' ? T : null;
