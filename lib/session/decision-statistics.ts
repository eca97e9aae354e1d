// The counters of questions and decisions, decoded.

import type { DecisionKind } from '../event/event.js';
import type { LatencyStatistics } from './decision-latency.js';
import * as P from '../wire/protocol.js';

/** What was asked and decided. */
export interface DecisionStatistics {
  /** Operations that were held: `answered + timedOut + released + held`. */
  readonly asked: bigint;
  /** By the callback; that it failed is an answer, too, and the default of the rule follows. */
  readonly answered: bigint;
  readonly timedOut: bigint;
  /** Let go, as the registration or the session ended. */
  readonly released: bigint;
  /** What a rule asks about, but was not held, by `decidedBy`. */
  readonly unasked: Readonly<Record<'breaker' | 'limit' | 'exemption' | 'error', bigint>>;
  readonly breakerTrips: bigint;
  /** Answers that came after the deadline, or after the registration had ended. */
  readonly lateReplies: bigint;
  /** Answers that the driver did not take: see ReplyRefusedError. */
  readonly refusedReplies: bigint;
  /** What was decided, by whomever; with `dryRun`, what would have been. */
  readonly byKind: Readonly<Record<DecisionKind, bigint>>;
  /** Of these, only rehearsed. */
  readonly dryRun: bigint;
  /** Of these, ended with an error when the driver tried to carry them out. */
  readonly failed: bigint;
  /** Operations that wait now. */
  readonly held: bigint;
  readonly heldPeak: bigint;
  /**
   * Of operations that were held and whose post event told the decision to this program: of the registration, or of all of its session.
   */
  readonly latency: LatencyStatistics;
}

/** CMB_DECISION_STATISTICS at `start`. */
export function decodeDecisionStatistics(
  view: DataView,
  start: number,
  latency: LatencyStatistics,
): DecisionStatistics {
  const D = P.CMB_DECISION_STATISTICS;
  const u64 = (offset: number) => view.getBigUint64(start + offset, true);
  return {
    asked: u64(D.Asked),
    answered: u64(D.Answered),
    timedOut: u64(D.TimedOut),
    released: u64(D.Released),
    unasked: {
      breaker: u64(D.UnaskedBreaker),
      limit: u64(D.UnaskedLimit),
      exemption: u64(D.UnaskedExemption),
      error: u64(D.UnaskedError),
    },
    breakerTrips: u64(D.BreakerTrips),
    lateReplies: u64(D.LateReplies),
    refusedReplies: u64(D.RefusedReplies),
    byKind: {
      allow: u64(D.Allowed),
      block: u64(D.Blocked),
      bypass: u64(D.Bypassed),
      emulate: u64(D.Emulated),
      replace: u64(D.Replaced),
      redirect: u64(D.Redirected),
      override: u64(D.Overridden),
    },
    dryRun: u64(D.DryRun),
    failed: u64(D.Failed),
    held: u64(D.Held),
    heldPeak: u64(D.HeldPeak),
    latency,
  };
}
