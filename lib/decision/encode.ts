// The encoder of decisions for the driver, which checks them against their event.

import type { DecisionKind, NotificationEvent } from '../event/event.js';
import { ntSuccess } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import * as P from '../wire/protocol.js';
import type { QueryAnswer, QueryOperation, QueryOutput } from './answer.js';
import { checkOutput, checkReplacement, checkUndo } from './check.js';
import { DecisionError } from './error.js';
import { fittingKinds } from './fits.js';
import type { Decision, OverrideDecision } from './kinds.js';
import { encodeAnswer, encodeOutput, isQuery } from './output.js';
import { redirectTarget } from './redirect.js';
import { blockStatus, isError, overrideStatus, shown } from './status.js';

/** A decision as CMB_REPLY_ENTRY has it. */
export interface EncodedDecision {
  /** CMB_DECISION_* */
  readonly kind: number;
  /** CMB_REPLY_* */
  readonly flags: number;
  /** Unsigned. */
  readonly status: number;
  readonly type: number;
  readonly resultLength: number;
  readonly data: Uint8Array | null;
}

export interface EncodeOptions {
  /** N of the ControlSet00N that CurrentControlSet means. */
  readonly controlSet?: number | undefined;
}

const nothing = { flags: 0, status: 0, type: 0, resultLength: 0, data: null };
export const allowed: EncodedDecision = Object.freeze({ ...nothing, kind: P.CMB_DECISION_ALLOW });
const bypassed: EncodedDecision = Object.freeze({ ...nothing, kind: P.CMB_DECISION_BYPASS });

/** Where there is no decision: what the rule says for that. */
export const defaultDecision: EncodedDecision = Object.freeze({ ...nothing, kind: P.CMB_DECISION_DEFAULT });

/** Checks what a callback has decided about an event, undefined for `allow()`. Throws a DecisionError. */
export function encodeDecision(
  decision: unknown,
  event: NotificationEvent,
  { controlSet }: EncodeOptions = {},
): EncodedDecision {
  if (decision === undefined) return allowed;
  const { class: where } = event;
  const checked = requireFit(requireDecision(decision, where), event);
  switch (checked.kind) {
    case 'allow':
      return allowed;
    case 'bypass':
      return bypassed;
    case 'block':
      return { ...nothing, kind: P.CMB_DECISION_BLOCK, status: blockStatus(checked.status, where) };
    case 'emulate':
      return emulation(checked.answer, event);
    case 'replace': {
      const { type, data } = checkReplacement(checked, where);
      return { ...nothing, kind: P.CMB_DECISION_REPLACE, type, data };
    }
    case 'redirect':
      return redirection(checked.path, event, controlSet);
    case 'override':
      return overriding(checked, event);
  }
}

const kinds: readonly DecisionKind[] = ['allow', 'block', 'bypass', 'emulate', 'replace', 'redirect', 'override'];

function requireDecision(decision: unknown, where: string): Decision {
  const kind = typeof decision === 'object' && decision !== null && 'kind' in decision ? decision.kind : undefined;
  if ((kinds as readonly unknown[]).includes(kind)) return decision as Decision;
  const isUncalled = typeof decision === 'function' && (kinds as readonly string[]).includes(decision.name);
  const found = isUncalled ? `${decision.name} without parentheses` : quote(decision);
  const right = isUncalled ? `${decision.name}(...)` : 'what allow(), block() or one of the others makes, or nothing';
  throw new DecisionError(where, `${found} is no decision; a callback returns ${right}`);
}

function requireFit(decision: Decision, event: NotificationEvent): Decision {
  const fitting = fittingKinds(event);
  const { kind } = decision;
  if (kind === 'bypass' && event.operation === 'LoadKey' && event.hasRootHandle) {
    throw new DecisionError(
      event.class,
      'bypass(): the caller wants a handle of the root of the hive, which only the load gives; allow() and block() would do',
    );
  }
  if (fitting.includes(kind)) return decision;
  if (fitting.length === 1)
    throw new DecisionError(event.class, `${kind}() does not suit it: nobody is asked about operations of this kind`);
  const others = fitting.map((name) => `${name}()`);
  const phase = event.phase === 'post' ? ' once the operation is over' : '';
  throw new DecisionError(
    event.class,
    `${kind}() does not suit it${phase}; ${others.slice(0, -1).join(', ')} and ${others.at(-1) ?? ''} do`,
  );
}

function emulation(answer: QueryAnswer, event: NotificationEvent): EncodedDecision {
  return { ...nothing, kind: P.CMB_DECISION_EMULATE, ...encodeAnswer(answer, requireQuery(event)) };
}

function requireQuery(event: NotificationEvent): Extract<NotificationEvent, { operation: QueryOperation }> {
  if (isQuery(event)) return event;
  throw new DecisionError(event.class, 'it is no query, so there is nothing to answer');
}

function redirection(path: unknown, event: NotificationEvent, controlSet: number | undefined): EncodedDecision {
  const { class: where } = event;
  if (event.operation !== 'CreateKey' && event.operation !== 'OpenKey')
    throw new DecisionError(where, 'it opens no key');
  if (event.phase === 'post' && ntSuccess(event.status)) {
    throw new DecisionError(
      where,
      `redirect(): the operation has ended with ${shown(event.status)}, and only one that failed can still get another key; redirect it in the pre phase`,
    );
  }
  const data = new Uint8Array(Buffer.from(redirectTarget(path, event, controlSet), 'utf16le'));
  return { ...nothing, kind: P.CMB_DECISION_REDIRECT, data };
}

function overriding(decision: OverrideDecision, event: NotificationEvent): EncodedDecision {
  const { class: where } = event;
  const status = overrideStatus(decision.status, where);
  const output = checkOutput(decision.output, status, where);
  const override = { ...nothing, kind: P.CMB_DECISION_OVERRIDE, status };
  if (checkUndo(decision.undo, status, where)) {
    requireUndoable(event);
    return { ...override, flags: P.CMB_REPLY_UNDO };
  }
  if ((event.operation === 'CreateKey' || event.operation === 'OpenKey') && !isError(status)) {
    throw new DecisionError(
      where,
      `override(): ${shown(status)} would promise a key; redirect() gives the caller one, and errors need none`,
    );
  }
  const isSuccessOfFailure = status === 0 && event.status !== 0;
  if (!isQuery(event)) {
    if (output !== null) throw new DecisionError(where, 'override(): only queries have an output');
    if (!isSuccessOfFailure || event.operation !== 'LoadKey' || !event.hasRootHandle) return override;
    throw new DecisionError(
      where,
      'override(): the caller wants a handle of the root of the hive, which only a load that succeeds gives',
    );
  }
  if (output !== null) return { ...override, ...encodeOutput(output satisfies QueryOutput, event) };
  if (!isSuccessOfFailure) return override;
  throw new DecisionError(
    where,
    `override(): the query has failed, so there is nothing that the caller could get with ${shown(status)}; give an "output"`,
  );
}

function requireUndoable(event: NotificationEvent): void {
  const problem = whyNotUndone(event);
  if (problem !== null) throw new DecisionError(event.class, `override(): ${problem}`);
}

function whyNotUndone(event: NotificationEvent): string | null {
  if (event.status !== null && event.status !== 0) {
    return `the operation has ended with ${shown(event.status)}, so there is nothing to undo`;
  }
  switch (event.operation) {
    case 'CreateKey':
      return event.disposition === 'opened' ? 'the key was there before, so there is nothing to undo' : null;
    case 'SetValueKey':
    case 'DeleteValueKey':
      if (event.previous === null) return '"undo" needs to know the old value: register with oldValues: true';
      if (event.previous.exists === null) return 'the old value could not be read, so it cannot be put back';
      if (event.previous.value?.truncated !== true) return null;
      return `the old value was read in part only, so it cannot be put back; raise maxDataBytes to ${event.previous.value.size}`;
    default:
      return '"undo" is for create, set value and delete value';
  }
}
