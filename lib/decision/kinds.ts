// The types of decisions.

import type { QueryAnswer, QueryOutput } from './answer.js';

export interface AllowDecision {
  readonly kind: 'allow';
}

export interface BlockDecision {
  readonly kind: 'block';
  /** Unsigned. */
  readonly status: number;
}

export interface BypassDecision {
  readonly kind: 'bypass';
}

export interface EmulateDecision<A = QueryAnswer> {
  readonly kind: 'emulate';
  readonly answer: A;
}

export interface ReplaceDecision {
  readonly kind: 'replace';
  /** The number of REG_SZ and so on. */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface RedirectDecision {
  readonly kind: 'redirect';
  readonly path: string;
}

export interface OverrideDecision<O = QueryOutput | null, U extends boolean = boolean> {
  readonly kind: 'override';
  /** Unsigned. */
  readonly status: number;
  readonly output: O;
  readonly undo: U;
}

/** What is to be done about an operation. Narrow it by `kind`. */
export type Decision =
  | AllowDecision
  | BlockDecision
  | BypassDecision
  | EmulateDecision
  | ReplaceDecision
  | RedirectDecision
  | OverrideDecision;
