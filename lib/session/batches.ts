// The batches of records that native code waits to have acknowledged.

/** Where a registration asks: so many callbacks may be unsettled before batches are held back. */
const maxUnsettled = 1024;

/** Those that the records of batches go to. */
export interface BatchReaders {
  /** One of the registrations asks. */
  readonly asks: boolean;
  /** One of the registrations has as many events as somebody wants to keep. */
  readonly isFull: boolean;
}

/** One batch that native code waits to have acknowledged. */
export interface Batch {
  /** Callbacks that have not settled, and other reasons to wait. */
  pending: number;
  /** Its records are being read. */
  isOpen: boolean;
}

/**
 * Acknowledges each batch when every callback has settled and no iterator is full. Until then native code keeps the request back, so
 * the driver's queue fills, and counts what it drops. While somebody drains, batches are acknowledged at once: what is waited for is
 * finite, and the reader may be the one that waits.
 */
export class Batches {
  readonly #acknowledge: () => void;
  readonly #readers: BatchReaders;
  readonly #outstanding = new Set<Batch>();
  readonly #progress = new Set<() => void>();
  /** Callbacks of events that have not settled; those of questions are not among them. */
  #unsettled = 0;
  #asks = false;
  #draining = 0;
  #count = 0;

  constructor(acknowledge: () => void, readers: BatchReaders) {
    this.#acknowledge = acknowledge;
    this.#readers = readers;
  }

  /** How many have come. */
  get count(): number {
    return this.#count;
  }

  get isDraining(): boolean {
    return this.#draining > 0;
  }

  /** Some registration asks: see release(). */
  get asks(): boolean {
    return this.#asks;
  }

  begin(): Batch {
    const batch: Batch = { pending: 1, isOpen: true };
    this.#count++;
    this.#outstanding.add(batch);
    return batch;
  }

  /** All its records have been read. */
  finish(batch: Batch): void {
    batch.pending--;
    batch.isOpen = false;
    this.release();
    this.#wake();
  }

  /** A callback for an event of the batch has to settle; the promise never rejects. */
  awaitCallback(batch: Batch, settled: Promise<void>): void {
    batch.pending++;
    this.#unsettled++;
    void settled.then(() => {
      batch.pending--;
      this.#unsettled--;
      if (batch.pending === 0 || this.#unsettled === maxUnsettled - 1) this.release();
    });
  }

  /**
   * Acknowledges what needs to be waited for no more. Where a registration asks, a question that waits behind other events may miss its
   * deadline: there a full iterator loses events instead (see event-buffer.ts), and callbacks hold batches back only when very many of
   * them have not settled.
   */
  release(): void {
    const asks = this.#readers.asks;
    this.#asks = asks;
    if (!this.isDraining && !asks && this.#readers.isFull) return;
    const isPatient = this.isDraining || (asks && this.#unsettled < maxUnsettled);
    for (const batch of this.#outstanding) {
      if (batch.isOpen || (batch.pending > 0 && !isPatient)) continue;
      this.#outstanding.delete(batch);
      this.#acknowledge();
    }
  }

  beginDrain(): void {
    this.#draining++;
    this.release();
  }

  endDrain(): void {
    this.#draining--;
    this.release();
  }

  /** Resolves after the next batch, or when `milliseconds` have passed. */
  async progress(milliseconds?: number): Promise<void> {
    let wake: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#progress.add(wake);
      if (milliseconds !== undefined) timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
    this.#progress.delete(wake);
  }

  /** No more will come. */
  end(): void {
    this.#outstanding.clear();
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#progress]) wake();
  }
}
