// Rules that ask about one kind of operation, and threads that wait.
import assert from 'node:assert/strict';
import type { EventDecision, Rule, Statistics } from '../../lib/index.js';
import { statusOf, text, type Policy } from './decision-fixture.js';
import { until } from './fixture.js';
import type { Actor, ActorKey } from './host.js';

export const never = new Promise<never>(() => undefined);
export const set = (key: ActorKey, name = 'v') => statusOf(key.setValue(name, text(name)));

export const ask = (key: ActorKey, deadline: number, more: Partial<Rule> = {}): Rule[] => [
  { keys: `${key.path}\\**`, operations: 'SetValueKey', action: 'ask', deadline, ...more },
];
export const closed = { onTimeout: 'block', status: 'STATUS_CANCELLED' } as const;

export async function asked(policy: Policy, count: number): Promise<void> {
  await until(() => Promise.resolve(policy.questions.length >= count));
  assert.ok(policy.questions.length >= count, `${String(policy.questions.length)} of ${String(count)} questions`);
}

/** What the last post event says was decided, by whom. */
export function lastDecision(policy: Policy): [EventDecision['kind'], EventDecision['decidedBy']] {
  const last = policy.decided.at(-1)?.decision;
  assert.ok(last, 'no event tells of a decision');
  return [last.kind, last.decidedBy];
}

/** Questions are answered, expire, are released or wait. */
export function assertBalanced({ asked: total, answered, timedOut, released, held }: Statistics['decisions']): void {
  assert.equal(total, answered + timedOut + released + held);
}

export interface Waiting {
  /** How the operations ended, in the order of the threads. */
  ends(): Promise<number[]>;
}

/** Each of `count` threads sets a value of its own; they are let go when all have ended. */
export async function onThreads(actor: Actor, key: ActorKey, count: number): Promise<Waiting> {
  const threads = Array.from({ length: count }, () => actor.createThread());
  const keys = await Promise.all(threads.map((thread) => thread.openKey(key.path)));
  const operations = keys.map((each, index) => set(each, String(index)));
  return {
    async ends() {
      const ends = await Promise.all(operations);
      await Promise.all(keys.map((each) => each.close()));
      await Promise.all(threads.map((thread) => thread.close()));
      return ends;
    },
  };
}
