// The requests that one open becomes when it follows symbolic links.

import type { CreateFields } from '../event/event.js';
import { NtStatus } from '../base/nt-status.js';
import type { Body, Draft } from './header.js';

/** An open or create of a thread that met a symbolic link, and goes on at the link's target. */
interface Resumed {
  readonly operation: string | null;
  readonly hop: number;
  readonly reparsedFrom: bigint;
  /** The pre event of the resumed request, once it has come. */
  preSequence: bigint | null;
}

/** A mark stays behind only when the object manager gives up on the way; so many threads with one are remembered. */
const maxThreads = 1024;

/**
 * Ties the requests of one registration together that one open of a path with symbolic links becomes: a post with STATUS_REPARSE,
 * then at once, on the same thread, the same operation with the absolute path of the link's target.
 */
export class HopTracker {
  readonly #threads = new Map<number, Resumed>();

  /** No open of the registration is on its way along a link. */
  get isEmpty(): boolean {
    return this.#threads.size === 0;
  }

  /** Sets `hop` and `reparsedFrom` of a create or an open. */
  request(event: Draft & Body<CreateFields>): void {
    if (this.#threads.size === 0 && event.status !== NtStatus.STATUS_REPARSE) return;
    const resumed = this.#threads.get(event.threadId);
    const continues = resumed !== undefined && isContinuation(event, resumed);
    if (continues) {
      event.hop = resumed.hop;
      event.reparsedFrom = resumed.reparsedFrom;
    }
    if (continues && event.phase === 'pre') resumed.preSequence = event.sequence;
    else if (resumed !== undefined) this.#threads.delete(event.threadId);
    if (event.status === NtStatus.STATUS_REPARSE) this.#mark(event);
  }

  /** Anything else that a thread does: an awaited request would have come before. */
  other(threadId: number): void {
    if (this.#threads.size > 0 && this.#threads.get(threadId)?.preSequence === null) this.#threads.delete(threadId);
  }

  /** Records are missing. */
  clear(): void {
    this.#threads.clear();
  }

  #mark({ threadId, operation, hop, sequence }: Draft & Body<CreateFields>): void {
    if (this.#threads.size >= maxThreads) this.#forgetOldest();
    this.#threads.set(threadId, { operation, hop: hop + 1, reparsedFrom: sequence, preSequence: null });
  }

  #forgetOldest(): void {
    for (const threadId of this.#threads.keys()) {
      this.#threads.delete(threadId);
      return;
    }
  }
}

function isContinuation(event: Draft & Body<CreateFields>, resumed: Resumed): boolean {
  if (event.operation !== resumed.operation) return false;
  // A post belongs to the pre that was resumed; where only post is relayed, neither has a number.
  if (event.preSequence !== resumed.preSequence) return false;
  return event.preSequence !== null || (event.requestedName?.startsWith('\\') ?? false);
}
