import { Decoder, recordCookie, recordLastSequence } from './decode.js';
import { CmBridgeError } from './errors.js';
import type { Event } from './event.js';
import * as P from './protocol.js';
import { forEachRecord, type RecordView } from './record.js';
import type { Registration } from './registration.js';

/** One batch that native code waits to have acknowledged. */
interface Batch {
  /** Callbacks that have not settled, and other reasons to wait. */
  pending: number;
}

/** A record of a registration whose REGISTER has not been answered yet; a gap has the cookie null. */
interface Early {
  readonly cookie: bigint | null;
  readonly content: Event | CmBridgeError;
  readonly batch: Batch;
}

/**
 * Gives the records of each batch to their registrations, and acknowledges the batch when every callback has settled and no
 * iterator is full. Until then native code keeps the request back, so the driver's queue fills, and counts what it drops.
 * While somebody drains, batches are acknowledged at once: what is waited for is finite, and the reader may be the one that waits.
 */
export class Dispatcher {
  readonly registrations = new Map<bigint, Registration>();
  readonly #acknowledge: () => void;
  readonly #outstanding = new Set<Batch>();
  readonly #progress = new Set<() => void>();
  #early: Early[] = [];
  #registering = 0;
  #draining = 0;
  #decoder = new Decoder(0);
  #lastSequence = 0n;
  #isDamaged = false;

  constructor(acknowledge: () => void) {
    this.#acknowledge = acknowledge;
  }

  /** HELLO tells how many processes the driver keeps the session informed of. */
  start(processSlots: number): void {
    this.#decoder = new Decoder(processSlots);
  }

  /** The registration gets nothing any more. */
  remove(cookie: bigint): void {
    this.registrations.delete(cookie);
    this.#decoder.forget(cookie);
  }

  /** The highest sequence number that has been delivered. */
  get lastSequence(): bigint {
    return this.#lastSequence;
  }

  /** A batch could not be read to its end, so `lastSequence` may stay behind. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  get isDraining(): boolean {
    return this.#draining > 0;
  }

  dispatch(buffer: ArrayBuffer): void {
    const batch: Batch = { pending: 1 };
    this.#outstanding.add(batch);
    forEachRecord(
      buffer,
      (record) => {
        this.#dispatchRecord(record, batch);
      },
      (error) => {
        this.#isDamaged = true;
        this.#deliverDamage(error);
      },
    );
    batch.pending--;
    this.release();
    for (const wake of [...this.#progress]) wake();
  }

  release(): void {
    const isDraining = this.#draining > 0;
    if (!isDraining) for (const registration of this.registrations.values()) if (registration.isFull) return;
    for (const batch of [...this.#outstanding]) {
      if (batch.pending > 0 && !isDraining) continue;
      this.#outstanding.delete(batch);
      this.#acknowledge();
    }
  }

  beginRegister(): void {
    this.#registering++;
  }

  /** `registration` is null when REGISTER failed. */
  endRegister(registration: Registration | null): void {
    if (registration !== null) {
      this.registrations.set(registration.cookie, registration);
      for (const { cookie, content, batch } of this.#early) {
        if (cookie === null || cookie === registration.cookie) this.#deliver(registration, content, batch);
      }
      this.#early = this.#early.filter(({ cookie, batch }) => {
        if (cookie === registration.cookie) batch.pending--;
        return cookie !== registration.cookie;
      });
    }
    this.#registering--;
    if (this.#registering === 0) for (const { batch } of this.#early.splice(0)) batch.pending--;
    this.release();
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

  /** Nothing comes any more. */
  end(error: Error | null): void {
    this.#outstanding.clear();
    for (const registration of [...this.registrations.values()]) registration.end(error);
    this.registrations.clear();
    for (const wake of [...this.#progress]) wake();
  }

  #dispatchRecord(record: RecordView, batch: Batch): void {
    const kind = record.view.getUint16(P.CMB_RECORD.Kind, true);
    if (kind === P.CMB_RECORD_PROCESS) {
      this.#learnProcess(record);
      return;
    }
    const cookie = kind === P.CMB_RECORD_GAP ? null : recordCookie(record);
    const registration = cookie === null ? undefined : this.registrations.get(cookie);
    if (cookie === null || registration !== undefined || this.#registering > 0) {
      const content = this.#decode(record);
      if (content !== null) {
        if (registration !== undefined) this.#deliver(registration, content, batch);
        else this.#deliverUnowned(cookie, content, batch);
      }
    }
    const last = recordLastSequence(record);
    if (last > this.#lastSequence) this.#lastSequence = last;
  }

  /** Process records belong to no registration, have no sequence number and are no events. */
  #learnProcess(record: RecordView): void {
    const damage = this.#decode(record);
    if (damage instanceof CmBridgeError) this.#deliverDamage(damage);
  }

  #decode(record: RecordView): Event | CmBridgeError | null {
    try {
      return this.#decoder.decode(record);
    } catch (error) {
      if (error instanceof CmBridgeError) return error;
      throw error;
    }
  }

  #deliverDamage(error: CmBridgeError): void {
    for (const registration of [...this.registrations.values()]) registration.deliverDamage(error);
  }

  #deliverUnowned(cookie: bigint | null, content: Event | CmBridgeError, batch: Batch): void {
    if (cookie === null) {
      for (const registration of [...this.registrations.values()]) this.#deliver(registration, content, batch);
    }
    if (this.#registering === 0) return;
    this.#early.push({ cookie, content, batch });
    batch.pending++;
  }

  #deliver(registration: Registration, content: Event | CmBridgeError, batch: Batch): void {
    if (content instanceof CmBridgeError) {
      registration.deliverDamage(content);
      return;
    }
    const settled = registration.deliver(content);
    if (settled === null) return;
    batch.pending++;
    void settled.then(() => {
      batch.pending--;
      if (batch.pending === 0) this.release();
    });
  }
}
