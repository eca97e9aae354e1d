// The decoder of decisions, of questions, and of the records of a breaker.

import type { BreakerEvent, DecidedBy, DecisionKind, EventDecision, EventQuestion } from '../event/event.js';
import { ntStatusName } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import type { RuleReference } from '../event/decision.js';

const R = P.CMB_RECORD;
const D = P.CMB_DECIDED;

/** What the numbers of rules in records mean. */
export interface RuleFinder {
  find(ruleset: number, rule: number): RuleReference | null;
}

/** What a record says about a decision, or about one that is still to be made. */
export interface Decided {
  readonly question: EventQuestion | null;
  readonly decision: EventDecision | null;
}

const undecided: Decided = Object.freeze({ question: null, decision: null });

export function decodeDecided(record: RecordView, rules: RuleFinder): Decided {
  if ((record.u32(R.Flags) & P.CMB_RECORD_DECIDED) === 0) return undecided;
  const at = decidedAt(record);
  const flags = record.u32(at + D.Flags);
  const number = record.u32(at + D.Rule);
  const rule = number === P.CMB_RULES_NONE ? null : rules.find(record.u32(at + D.Ruleset), number);
  if ((flags & P.CMB_DECIDED_HELD) !== 0) {
    return { question: { deadline: record.u32(at + D.Deadline), rule }, decision: null };
  }
  const kind = kinds[record.u16(at + D.Decision)];
  const decidedBy = deciders[record.u16(at + D.By)];
  if (kind === undefined || decidedBy === undefined) {
    const numbers = `${record.u16(at + D.Decision)}, made by ${record.u16(at + D.By)}`;
    throw protocolError(`a record tells of the decision ${numbers}, which this version of the package does not know`);
  }
  const status = record.u32(at + D.Status);
  return {
    question: null,
    decision: {
      kind,
      decidedBy,
      status,
      statusName: ntStatusName(status),
      rule,
      latency: Math.min(Number(record.u64(at + D.Latency)), Number.MAX_SAFE_INTEGER),
      dryRun: (flags & P.CMB_DECIDED_DRY_RUN) !== 0,
      ended: (flags & P.CMB_DECIDED_ENDED) !== 0,
    },
  };
}

/** What a reply has to name; null for a record that asks nothing, or is too damaged to say. */
export function ticketOf(record: RecordView): bigint | null {
  if ((record.u32(R.Flags) & P.CMB_RECORD_DECIDED) === 0 || !isRoomFor(record)) return null;
  const at = record.body - D.size;
  return (record.u32(at + D.Flags) & P.CMB_DECIDED_HELD) === 0 ? null : record.u64OrNull(at + D.Ticket);
}

/** Nanoseconds to the decision about an operation that was held; null for a record that tells of none, or is too damaged to say. */
export function latencyOf(record: RecordView): number | null {
  if ((record.u32(R.Flags) & P.CMB_RECORD_DECIDED) === 0 || !isRoomFor(record)) return null;
  const at = record.body - D.size;
  const isHeld = (record.u32(at + D.Flags) & P.CMB_DECIDED_HELD) !== 0;
  // Of an operation that nobody was asked about there was no record before.
  if (isHeld || record.u64OrNull(R.PreSequence) === null) return null;
  return Number(record.u64(at + D.Latency));
}

export function decodeBreaker(record: RecordView): BreakerEvent {
  const B = P.CMB_BODY_BREAKER;
  record.requireBody(B.size, 'breaker');
  const { body } = record;
  const state = record.u32(body + B.State);
  if (state !== P.CMB_BREAKER_OPEN && state !== P.CMB_BREAKER_CLOSED) {
    throw protocolError(`a breaker record tells of the state ${state}`);
  }
  return {
    class: 'breaker',
    state: state === P.CMB_BREAKER_OPEN ? 'open' : 'closed',
    missedDeadlines: record.u32(body + B.Misses),
    coolDown: record.u32(body + B.CoolDown),
    unasked: record.u64(body + B.Unasked),
    cookie: record.i64(R.Cookie),
    sequence: record.u64(R.Sequence),
    time: record.time(R.Time),
  };
}

function decidedAt(record: RecordView): number {
  if (isRoomFor(record)) return record.body - D.size;
  throw protocolError(`a record with a decision has a header of ${record.body} bytes, which has no room for it`);
}

function isRoomFor(record: RecordView): boolean {
  return record.body >= R.size + D.size;
}

const kinds: Readonly<Record<number, DecisionKind>> = {
  [P.CMB_DECISION_ALLOW]: 'allow',
  [P.CMB_DECISION_BLOCK]: 'block',
  [P.CMB_DECISION_BYPASS]: 'bypass',
  [P.CMB_DECISION_EMULATE]: 'emulate',
  [P.CMB_DECISION_REPLACE]: 'replace',
  [P.CMB_DECISION_REDIRECT]: 'redirect',
  [P.CMB_DECISION_OVERRIDE]: 'override',
};

const deciders: Readonly<Record<number, DecidedBy>> = {
  [P.CMB_DECIDED_BY_RULE]: 'rule',
  [P.CMB_DECIDED_BY_CALLBACK]: 'callback',
  [P.CMB_DECIDED_BY_TIMEOUT]: 'timeout',
  [P.CMB_DECIDED_BY_BREAKER]: 'breaker',
  [P.CMB_DECIDED_BY_LIMIT]: 'limit',
  [P.CMB_DECIDED_BY_EXEMPTION]: 'exemption',
  [P.CMB_DECIDED_BY_RELEASE]: 'release',
  [P.CMB_DECIDED_BY_ERROR]: 'error',
};
