import { ntStatusNameShape, time } from './part-shapes.js';
import { big, boolean, integer, literal, nullable, record, text, u32, u64 } from '../../base/shape.js';

const rule = record('RuleReference', { index: u32, name: nullable(text) });

/** @internal */
export const question = record('EventQuestion', { deadline: u32, rule: nullable(rule) });

/** @internal */
export const decision = record('EventDecision', {
  kind: literal('allow', 'block', 'bypass', 'emulate', 'replace', 'redirect', 'override'),
  decidedBy: literal('rule', 'callback', 'timeout', 'breaker', 'limit', 'exemption', 'release', 'error'),
  status: u32,
  statusName: ntStatusNameShape,
  rule: nullable(rule),
  latency: integer(0, Number.MAX_SAFE_INTEGER),
  dryRun: boolean,
  ended: boolean,
});

/** @internal */
export const breakerShape = record('BreakerEvent', {
  class: literal('breaker'),
  state: literal('open', 'closed'),
  missedDeadlines: u32,
  coolDown: u32,
  unasked: u64,
  cookie: big(-(2n ** 63n), 2n ** 63n - 1n),
  sequence: u64,
  time,
});
