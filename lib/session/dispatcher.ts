// Gives records to the registrations that they are for.

import { Batches, type Batch } from './batches.js';
import { Decoder } from '../decode/decode.js';
import { LatencyCounts, type LatencyStatistics } from './decision-latency.js';
import { ticketOf } from '../decode/decided.js';
import { findRepeats } from '../decode/repeats.js';
import { LazyEvent } from '../decode/lazy-event.js';
import { CmBridgeError } from '../base/errors.js';
import type { Event, GapEvent } from '../event/event.js';
import * as P from '../wire/protocol.js';
import type { Questions } from './questions.js';
import { forEachRecord, noRepeats, type RecordView, type Repeats } from '../wire/record.js';
import type { Registration } from './registration.js';
import type { RulesetTable } from './ruleset-table.js';
import { Route, RouteTable } from './route.js';

const R = P.CMB_RECORD;

/** Gives the records of each batch to their registrations. */
export class Dispatcher {
  readonly batches: Batches;
  readonly #routes = new RouteTable();
  readonly #latency = new LatencyCounts();
  readonly #questions: Questions;
  #registering = 0;
  #decoder = new Decoder(0, 0);
  #isDamaged = false;
  /** Of the batch that is being read; null where nobody wants to know. */
  #repeats: Map<number, Repeats | null> | null = null;
  #coalesced = 0n;

  constructor(acknowledge: () => void, questions: Questions) {
    this.batches = new Batches(acknowledge, this.#routes);
    this.#questions = questions;
  }

  /** HELLO tells how many processes and key paths the driver and the session keep in common. */
  start(processSlots: number, pathSlots: number): void {
    this.#decoder = new Decoder(processSlots, pathSlots);
  }

  get registrations(): Registration[] {
    return this.#routes.registrations;
  }

  /** The registration gets nothing any more. */
  remove(cookie: bigint): void {
    this.#routes.delete(cookie);
  }

  /** Records were lost on the way from the driver, so a registration may never be complete. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** What UNREGISTER said is to come in all, from the first record on. */
  expect(cookie: bigint, recorded: bigint, lost: bigint): void {
    this.#routes.find(cookie)?.expect(recorded, lost);
  }

  rulesetsOf(cookie: bigint): RulesetTable | undefined {
    return this.#routes.find(cookie)?.rules;
  }

  /** Reads that another event stands for: those of one registration, or of all that the session has had. */
  coalesced(cookie: bigint | null): bigint {
    return cookie === null ? this.#coalesced : (this.#routes.find(cookie)?.coalesced ?? 0n);
  }

  /** How long operations were held that the events so far tell of: of a registration, or of all. */
  latencyOf(cookie: bigint | null): LatencyStatistics {
    const counts = cookie === null ? this.#latency : (this.#routes.find(cookie)?.latency ?? new LatencyCounts());
    return counts.statistics;
  }

  /** All of it has been delivered. */
  isComplete(cookie: bigint): boolean {
    return this.#routes.find(cookie)?.isComplete ?? true;
  }

  dispatch(buffer: ArrayBuffer): void {
    const batch = this.batches.begin();
    this.#repeats = this.#routes.coalesces ? findRepeats(buffer, (record) => this.#isCoalesced(record)) : null;
    forEachRecord(
      buffer,
      (record) => {
        this.#dispatchRecord(record, batch);
        this.#questions.recordDone();
      },
      (error) => {
        this.#isDamaged = true;
        this.#deliverDamage(error);
      },
    );
    this.batches.finish(batch);
  }

  beginRegister(): void {
    this.#registering++;
  }

  /** `registration` is null when REGISTER failed. */
  endRegister(registration: Registration | null): void {
    if (registration !== null) {
      const route = this.#routes.findOrAdd(registration.cookie);
      for (const { event, error, ticket, batch } of route.begin(registration)) {
        if (event !== null) this.#deliverEarly(registration, event, ticket, batch);
        if (error !== null) this.#damage(registration, error, ticket);
        batch.pending--;
      }
    }
    this.#registering--;
    if (this.#registering === 0) for (const batch of this.#routes.forgetUnowned()) batch.pending--;
    this.batches.release();
  }

  /** Nothing comes any more. */
  end(error: Error | null): void {
    this.batches.end();
    for (const registration of this.registrations) registration.end(error);
    this.#routes.clear();
  }

  #dispatchRecord(record: RecordView, batch: Batch): void {
    const { kind } = record;
    const route = kind === P.CMB_RECORD_PROCESS ? null : this.#routeOf(record);
    if (route !== null && kind === P.CMB_RECORD_NOTIFICATION) {
      route.countRecord();
      route.latency.count(record);
      this.#latency.count(record);
    }
    const repeats = this.#repeats?.get(record.start);
    record.repeats = repeats ?? noRepeats;
    const ticket = route !== null && kind === P.CMB_RECORD_NOTIFICATION ? ticketOf(record) : null;
    let event: Event | LazyEvent | null;
    try {
      event = repeats === null && route !== null ? this.#skip(record, route) : this.#decode(record, route);
    } catch (error) {
      if (!(error instanceof CmBridgeError)) throw error;
      this.#dispatchDamage(kind, route, error, ticket, batch);
      return;
    }
    if (event === null || route === null) return;
    if (isGap(event)) route.countLost(event.count);
    if (route.registration === null) route.keepEarly({ event, error: null, ticket, batch });
    else this.#deliver(route.registration, event as Event, ticket, batch);
  }

  #isCoalesced(record: RecordView): boolean {
    return this.#routeOf(record)?.registration?.coalescesReads === true;
  }

  #skip(record: RecordView, route: Route): null {
    this.#coalesced++;
    route.countCoalesced();
    this.#decoder.skip(record, route.links);
    return null;
  }

  /** As the registration wants it; for one that is not known yet, so that it can be either. */
  #decode(record: RecordView, route: Route | null): Event | LazyEvent | null {
    if (route === null) return this.#decoder.decode(record, null);
    if (route.registration?.isLazy === false) return this.#decoder.decode(record, route.links, route.rules);
    return this.#decoder.decodeLazily(record, route.links, route.rules);
  }

  #dispatchDamage(kind: number, route: Route | null, error: CmBridgeError, ticket: bigint | null, batch: Batch): void {
    // How much it would have told of as lost is not known.
    if (kind === P.CMB_RECORD_GAP) this.#isDamaged = true;
    if (kind === P.CMB_RECORD_PROCESS) this.#deliverDamage(error);
    else if (route?.registration === null) route.keepEarly({ event: null, error, ticket, batch });
    else if (route !== null) this.#damage(route.registration, error, ticket);
  }

  #damage(registration: Registration, error: CmBridgeError, ticket: bigint | null): void {
    if (ticket !== null) this.#questions.dismiss(registration, ticket, null);
    registration.outlet.deliverDamage(error);
  }

  /** While somebody registers, records may come of a registration that nobody knows yet. */
  #routeOf(record: RecordView): Route | null {
    const low = record.u32(R.Cookie);
    const high = record.u32(R.Cookie + 4);
    const route = this.#routes.at(low, high);
    if (route !== null || this.#registering === 0) return route;
    return this.#routes.findOrAdd(record.i64(R.Cookie));
  }

  #deliverDamage(error: CmBridgeError): void {
    for (const registration of this.registrations) registration.outlet.deliverDamage(error);
  }

  #deliverEarly(registration: Registration, event: Event | LazyEvent, ticket: bigint | null, batch: Batch): void {
    if (registration.isLazy || !(event instanceof LazyEvent)) {
      this.#deliver(registration, event as Event, ticket, batch);
      return;
    }
    let whole: Event;
    try {
      whole = event.toEvent();
    } catch (error) {
      if (!(error instanceof CmBridgeError)) throw error;
      this.#damage(registration, error, ticket);
      return;
    }
    this.#deliver(registration, whole, ticket, batch);
  }

  /** The type of `event` stands for that which its registration was promised. */
  #deliver(registration: Registration, event: Event, ticket: bigint | null, batch: Batch): void {
    if (ticket !== null) {
      this.#questions.ask(registration, event, ticket);
      return;
    }
    const settled = registration.outlet.deliver(event);
    if (settled !== null) this.batches.awaitCallback(batch, settled);
  }
}

function isGap(event: Event | LazyEvent): event is GapEvent {
  return !(event instanceof LazyEvent) && event.class === 'gap';
}
