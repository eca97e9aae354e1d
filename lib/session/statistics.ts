// The counters of the driver, decoded.

import { decodeDecisionStatistics, type DecisionStatistics } from './decision-statistics.js';
import type { LatencyStatistics } from './decision-latency.js';
import * as P from '../wire/protocol.js';
import { replyView } from './requests.js';

/** The driver's counters. Those that mean nothing for the scope that was asked for are 0. */
export interface Statistics {
  readonly scope: 'driver' | 'session' | 'registration';
  readonly sessions: number;
  readonly registrations: number;
  readonly pendedReceives: number;
  /** Notifications that the registration wants, by its classes and its rules: `recorded + coalesced + lost`. */
  readonly callbacks: bigint;
  readonly recorded: bigint;
  /** Records that left the driver. */
  readonly delivered: bigint;
  readonly lost: bigint;
  readonly lostQueueFull: bigint;
  readonly lostNoMemory: bigint;
  readonly lostCaptureFault: bigint;
  readonly lostRateLimit: bigint;
  /** Counted in `repeats` of another event, by this program: 0 for the driver. */
  readonly coalesced: bigint;
  /** Records whose key path could not be had. */
  readonly pathFailures: bigint;
  /** Reads of the caller's memory that faulted; the record was kept. */
  readonly captureFaults: bigint;
  readonly lastSequence: bigint;
  readonly queueBytes: bigint;
  readonly queueBytesPeak: bigint;
  readonly queueBytesLimit: bigint;
  readonly queueRecords: bigint;
  readonly queueRecordsPeak: bigint;
  readonly queueRecordsLimit: bigint;
  /** What rules asked, and what was decided. */
  readonly decisions: DecisionStatistics;
}

const scopeNames = new Map<number, Statistics['scope']>([
  [P.CMB_SCOPE_DRIVER, 'driver'],
  [P.CMB_SCOPE_SESSION, 'session'],
  [P.CMB_SCOPE_REGISTRATION, 'registration'],
]);

/**
 * `coalesced` is how many of the records that came from the driver are told by others; they count as neither recorded nor
 * delivered; `latency` is what the program has counted.
 */
export function statisticsReply(bytes: Uint8Array, coalesced: bigint, latency: LatencyStatistics): Statistics {
  const A = P.CMB_STATISTICS_REPLY;
  const view = replyView(bytes, A.size, 'STATISTICS');
  const u32 = (offset: number) => view.getUint32(offset, true);
  const u64 = (offset: number) => view.getBigUint64(offset, true);
  return {
    scope: scopeNames.get(u32(A.Scope)) ?? 'session',
    sessions: u32(A.Sessions),
    registrations: u32(A.Registrations),
    pendedReceives: u32(A.PendedReceives),
    callbacks: u64(A.Callbacks),
    recorded: u64(A.Recorded) - coalesced,
    delivered: u64(A.Delivered) - coalesced,
    lost: u64(A.Lost),
    lostQueueFull: u64(A.LostQueueFull),
    lostNoMemory: u64(A.LostNoMemory),
    lostCaptureFault: u64(A.LostCaptureFault),
    lostRateLimit: u64(A.LostRateLimit),
    coalesced,
    pathFailures: u64(A.PathFailures),
    captureFaults: u64(A.CaptureFaults),
    lastSequence: u64(A.LastSequence),
    queueBytes: u64(A.QueueBytes),
    queueBytesPeak: u64(A.QueueBytesPeak),
    queueBytesLimit: u64(A.QueueBytesLimit),
    queueRecords: u64(A.QueueRecords),
    queueRecordsPeak: u64(A.QueueRecordsPeak),
    queueRecordsLimit: u64(A.QueueRecordsLimit),
    decisions: decodeDecisionStatistics(view, A.Decisions, latency),
  };
}
