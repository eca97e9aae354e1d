// What events tell of decisions: the question to a callback, the answer, and the breaker that stops asking.

/** One of the rules that were given to `registerCallback`, `setRules` or `compileRules`. */
export interface RuleReference {
  /** Where it stands among them, from 0. */
  readonly index: number;
  readonly name: string | null;
}

/** The operation is held: its thread waits for what the callback decides. */
export interface EventQuestion {
  /** Milliseconds from when the callback in the driver began; after them the rule's default holds. */
  readonly deadline: number;
  /** The rule that asks; null if it is of rules that were replaced long ago. */
  readonly rule: RuleReference | null;
}

/** What is done about an operation; `lib/decision/decision.ts` has what a callback may say. */
export type DecisionKind = 'allow' | 'block' | 'bypass' | 'emulate' | 'replace' | 'redirect' | 'override';

/**
 * `rule`: it says so itself; `callback`: its answer. Else what the rule says for when there is no answer: `timeout`: none came in time;
 * `breaker`: too many had not come, so nothing was asked; `limit`: as many operations of all, or of the process, were held as may be, or the driver's queue was
 * full; `release`: the registration or the session ended; `error`: the callback threw, or gave what is no decision about this operation,
 * or it could not be found out which rule decides. `exemption`: it must not be held (the program's own operations, kernel mode,
 * APC_LEVEL), so it is allowed.
 */
export type DecidedBy = 'rule' | 'callback' | 'timeout' | 'breaker' | 'limit' | 'exemption' | 'release' | 'error';

/** What was decided about an operation before it was performed, told by its post event. */
export interface EventDecision {
  readonly kind: DecisionKind;
  readonly decidedBy: DecidedBy;
  /**
   * The NTSTATUS that the operation ended with because of it, unsigned. With `dryRun`, the one that it would have ended with, as far as
   * that is known.
   */
  readonly status: number;
  /** `STATUS_...`; null for a status that this package has no name for. */
  // @json statusName
  readonly statusName: string | null;
  /** The rule that decided or asked; null if that is not known. */
  readonly rule: RuleReference | null;
  /** Nanoseconds from when the callback in the driver has found its rule to the decision. */
  // @json safeInteger
  readonly latency: number;
  /** It was not carried out: the operation went on. */
  readonly dryRun: boolean;
  /** The operation ended in pre. Windows tells no post notification of it; the driver makes this event in its place. */
  readonly ended: boolean;
}

/** The registration asks nothing any more, as too many deadlines were missed in a row, or it asks again. */
export interface BreakerEvent {
  readonly class: 'breaker';
  readonly state: 'open' | 'closed';
  /** In a row, when it opened. */
  readonly missedDeadlines: number;
  /** Milliseconds that it stays open. */
  readonly coolDown: number;
  /** Closed: how many operations were not asked about since it was last told to be. */
  readonly unasked: bigint;
  /** Of the registration. */
  // @json i64
  readonly cookie: bigint;
  /** Always 0: it is no notification. */
  readonly sequence: bigint;
  /** Nanoseconds since 1970-01-01 UTC, in steps of 100. */
  // @json time
  readonly time: bigint;
}
