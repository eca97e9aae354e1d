// Decisions on their way to the driver, several in one request.

import { defaultDecision, type EncodedDecision } from '../decision/encode.js';
import { nativeStatus } from '../base/nt-error.js';
import { NtStatus } from '../base/nt-status.js';
import * as P from '../wire/protocol.js';
import { refusal, ReplyRefusedError } from './reply-error.js';
import { replyRequest, replyResults, splitReplies, type ReplyEntry } from './reply-request.js';

interface Pending extends ReplyEntry {
  readonly onFailure: (error: Error) => void;
  /** How often the kernel had no memory for it. */
  readonly attempts: number;
}

/** A moment without memory may pass; a thread that is held can wait for so many. */
const maxAttempts = 4;

/**
 * Decisions on their way to the driver. Those of one turn of the event loop go together: when the promises that have settled in it
 * have all been seen to. Where one is refused and the operation still waits, the default of its rule goes instead.
 */
export class Replies {
  readonly #send: (request: Uint8Array) => Uint8Array | null;
  #pending: Pending[] = [];
  #isScheduled = false;

  /** `send` gives null when there is nobody any more to send to: then nobody is held either. */
  constructor(send: (request: Uint8Array) => Uint8Array | null) {
    this.#send = send;
  }

  /** Decisions wait to be sent. */
  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /** `onFailure` gets why the driver did not take it; being late is no failure. */
  give(ticket: bigint, decision: EncodedDecision, onFailure: (error: Error) => void): void {
    const size = decision.data?.byteLength ?? 0;
    const isTooLarge = size > P.CMB_MAX_DECISION_BYTES;
    this.#pending.push({ ticket, decision: isTooLarge ? defaultDecision : decision, onFailure, attempts: 0 });
    this.#schedule();
    if (!isTooLarge) return;
    onFailure(
      new ReplyRefusedError(
        'too-large',
        `The decision has ${size} bytes of data, more than ${P.CMB_MAX_DECISION_BYTES}`,
      ),
    );
  }

  flush(): void {
    while (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      for (const part of splitReplies(pending)) this.#sendPart(part);
    }
  }

  /** Node.js does what was given to nextTick() in a microtask when no microtask is left. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      process.nextTick(() => {
        this.#isScheduled = false;
        this.flush();
      });
    });
  }

  #sendPart(part: readonly Pending[]): void {
    let results: readonly number[];
    try {
      const reply = this.#send(replyRequest(part));
      if (reply === null) return;
      results = replyResults(reply, part.length);
    } catch (error) {
      const isMemory = outOfMemory.has(nativeStatus(error) ?? 0);
      const failure = new ReplyRefusedError('failed', `Replying to the driver failed: ${messageOf(error)}`, {
        cause: error,
      });
      for (const entry of part) this.#settle(entry, isMemory, failure);
      return;
    }
    part.forEach((entry, index) => {
      const result = results[index] ?? P.CMB_REPLY_ACCEPTED;
      if (isDone.has(result)) return;
      const error = refusal(result);
      if (isOver.has(result)) entry.onFailure(error);
      else this.#settle(entry, result === P.CMB_REPLY_NO_MEMORY, error);
    });
  }

  /** The operation may wait still. */
  #settle(entry: Pending, isMemory: boolean, error: Error): void {
    if (isMemory && entry.attempts + 1 < maxAttempts) {
      this.#pending.push({ ...entry, attempts: entry.attempts + 1 });
      return;
    }
    // After the default there is nothing left but the deadline.
    if (entry.decision !== defaultDecision) this.#pending.push({ ...entry, decision: defaultDecision, attempts: 0 });
    entry.onFailure(error);
  }
}

const outOfMemory: ReadonlySet<number> = new Set([NtStatus.STATUS_INSUFFICIENT_RESOURCES, NtStatus.STATUS_NO_MEMORY]);

/** The driver counts those that are late. */
const isDone: ReadonlySet<number> = new Set([P.CMB_REPLY_ACCEPTED, P.CMB_REPLY_EXPIRED, P.CMB_REPLY_RELEASED]);

const isOver: ReadonlySet<number> = new Set([P.CMB_REPLY_UNKNOWN, P.CMB_REPLY_ANSWERED]);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
