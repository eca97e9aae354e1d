// The queue of an iterator, and what it loses when nobody may wait for it.

import { LazyEvent } from '../decode/lazy-event.js';
import type { Event, GapEvent } from '../event/event.js';

/** What stands in a queue: an event, or the error that took the place of one. */
export type Entry = { readonly event: Event } | { readonly error: Error };

/** So many events above its mark a reader may fall behind where nobody waits for it; what comes then is lost. */
const spareEvents = 8192;

/**
 * Appends to the events that wait for a reader, of whom there are `length`. Where events cannot be held back, as somebody else's
 * operations would be held with them, those above `highWaterMark` and the spare ones become a gap.
 */
export function append(queue: Entry[], length: number, highWaterMark: number, entry: Entry, mayLose: boolean): void {
  const gap = mayLose && length >= highWaterMark + spareEvents ? gapOf(entry) : null;
  if (gap === null) {
    queue.push(entry);
    return;
  }
  const last = queue.at(-1);
  if (last !== undefined && 'event' in last && last.event.class === 'gap') {
    queue[queue.length - 1] = { event: joined(last.event, gap) };
  } else {
    queue.push({ event: gap });
  }
}

/** What is left of a lost entry; null for one that is too rare to be a burden. */
function gapOf(entry: Entry): GapEvent | null {
  if (!('event' in entry)) return null;
  const { event } = entry;
  if (!((event as unknown) instanceof LazyEvent)) {
    if (event.class === 'breaker') return null;
    if (event.class === 'gap') return event;
  }
  const { sequence, time } = event;
  return {
    class: 'gap',
    sequence,
    time,
    count: 1n,
    firstSequence: sequence,
    lastSequence: sequence,
    causes: ['queue-full'],
    lost: { queueFull: 1n, noMemory: 0n, captureFault: 0n, rateLimit: 0n },
  };
}

function joined(first: GapEvent, next: GapEvent): GapEvent {
  return {
    ...first,
    count: first.count + next.count,
    lastSequence: next.lastSequence,
    causes: [...new Set([...first.causes, ...next.causes])],
    lost: {
      queueFull: first.lost.queueFull + next.lost.queueFull,
      noMemory: first.lost.noMemory + next.lost.noMemory,
      captureFault: first.lost.captureFault + next.lost.captureFault,
      rateLimit: first.lost.rateLimit + next.lost.rateLimit,
    },
  };
}
