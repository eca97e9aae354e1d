// Operations that are held: asked of the callback, and answered.

import { LazyEvent } from '../decode/lazy-event.js';
import { allowed, defaultDecision, encodeDecision, type EncodedDecision } from '../decision/encode.js';
import type { Event, NotificationEvent } from '../event/event.js';
import type { Registration } from './registration.js';
import type { Replies } from './replies.js';

const recordsPerFlush = 16;

/** From the record of an operation that is held to the reply that lets it go on. */
export class Questions {
  readonly #replies: Replies;
  #controlSet: number | undefined;
  #recordsDone = 0;

  constructor(replies: Replies) {
    this.#replies = replies;
  }

  /** HELLO tells which control set CurrentControlSet leads to, by whose names a redirect may go in a circle. */
  start(controlSet: number | null): void {
    this.#controlSet = controlSet ?? undefined;
  }

  /** Whoever is held for `ticket` waits for what the callback of `registration` says. */
  ask(registration: Registration, event: Event | LazyEvent, ticket: bigint): void {
    const known = event as Event;
    registration.outlet.ask(known, {
      decide: (decision) => {
        // With its registration the operation was let go.
        if (!registration.active) return;
        let encoded: EncodedDecision;
        try {
          encoded = decision === undefined ? allowed : this.#encode(decision, event);
        } catch (error) {
          this.dismiss(registration, ticket, known);
          registration.outlet.report(error, known);
          return;
        }
        this.#give(registration, ticket, encoded, known);
      },
      dismiss: () => {
        if (registration.active) this.dismiss(registration, ticket, known);
      },
    });
  }

  /** There is no decision about it: what the rule says for that. */
  dismiss(registration: Registration, ticket: bigint, event: Event | null): void {
    this.#give(registration, ticket, defaultDecision, event);
  }

  /** Replies wait for the end of the turn, but not for all of what is left of a large batch. */
  recordDone(): void {
    if (!this.#replies.isPending || ++this.#recordsDone < recordsPerFlush) return;
    this.#recordsDone = 0;
    this.#replies.flush();
  }

  #give(registration: Registration, ticket: bigint, decision: EncodedDecision, event: Event | null): void {
    this.#replies.give(ticket, decision, (error) => {
      registration.outlet.report(error, event);
    });
  }

  #encode(decision: unknown, event: Event | LazyEvent): EncodedDecision {
    const whole = event instanceof LazyEvent ? event.toEvent() : event;
    return encodeDecision(decision, whole as NotificationEvent, { controlSet: this.#controlSet });
  }
}
