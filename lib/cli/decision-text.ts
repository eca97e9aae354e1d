// The words for questions, decisions and breakers in a line of `cmbridge watch`.

import type { BreakerEvent, DecisionKind, EventDecision, NotificationEvent } from '../event/event.js';
import type { RuleReference } from '../event/event.js';
import { printable } from './width.js';

/** `blocked by rule "x"`, `asked by rule 3`; empty when nothing is decided about the operation. */
export function decisionText({ question, decision }: Pick<NotificationEvent, 'question' | 'decision'>): string {
  if (question !== null) return `asked by ${ruleText(question.rule)}, for ${question.deadline} ms`;
  if (decision === null) return '';
  return `${decision.dryRun ? 'would have been ' : ''}${participles[decision.kind]} ${reason(decision)}`;
}

export function breakerText({ state, missedDeadlines, coolDown, unasked }: BreakerEvent): string {
  if (state === 'open') return `${missedDeadlines} deadlines missed in a row: nothing is asked for ${coolDown} ms`;
  return `asking again; ${unasked} ${unasked === 1n ? 'operation was' : 'operations were'} not asked about`;
}

const participles: Readonly<Record<DecisionKind, string>> = {
  allow: 'allowed',
  block: 'blocked',
  bypass: 'bypassed',
  emulate: 'emulated',
  replace: 'replaced',
  redirect: 'redirected',
  override: 'overridden',
};

function reason({ decidedBy, rule }: EventDecision): string {
  switch (decidedBy) {
    case 'rule':
      return `by ${ruleText(rule)}`;
    case 'callback':
      return `by the callback, asked by ${ruleText(rule)}`;
    case 'timeout':
      return `by default of ${ruleText(rule)}: no answer in time`;
    case 'breaker':
      return `by default of ${ruleText(rule)}: the breaker is open`;
    case 'limit':
      return `by default of ${ruleText(rule)}: too many are held`;
    case 'exemption':
      return `as an exemption from ${ruleText(rule)}`;
    case 'release':
      return `by default of ${ruleText(rule)}: nobody decides any more`;
    case 'error':
      return `by default of ${ruleText(rule)}: the decision failed`;
  }
}

function ruleText(rule: RuleReference | null): string {
  if (rule === null) return 'a rule';
  return rule.name === null ? `rule ${rule.index + 1}` : `rule "${printable(rule.name)}"`;
}
