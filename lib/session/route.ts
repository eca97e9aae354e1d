// The way of records with one cookie, also of those that come before REGISTER is answered.

import type { Batch, BatchReaders } from './batches.js';
import { LatencyCounts } from './decision-latency.js';
import { HopTracker } from '../decode/hops.js';
import type { CmBridgeError } from '../base/errors.js';
import type { LazyEvent } from '../decode/lazy-event.js';
import type { Event } from '../event/event.js';
import { RulesetTable } from './ruleset-table.js';
import type { Registration } from './registration.js';

/** An event, or the error that took the place of one. */
interface Early {
  readonly event: Event | LazyEvent | null;
  readonly error: CmBridgeError | null;
  /** Of the operation that is held; null: none is. */
  readonly ticket: bigint | null;
  readonly batch: Batch;
}

/** Where the records with one cookie go, and the account of what has come. */
export class Route {
  readonly cookie: bigint;
  readonly low: number;
  readonly high: number;
  readonly links = new HopTracker();
  readonly rules = new RulesetTable();
  readonly latency = new LatencyCounts();
  /** Null before REGISTER has been answered. */
  registration: Registration | null = null;
  readonly #early: Early[] = [];
  #recorded = 0;
  #lost = 0n;
  #coalesced = 0n;
  #expected: { readonly recorded: bigint; readonly lost: bigint } | null = null;

  constructor(cookie: bigint) {
    this.cookie = cookie;
    const bits = BigInt.asUintN(64, cookie);
    this.low = Number(bits & 0xffff_ffffn);
    this.high = Number(bits >> 32n);
  }

  /** The registration is known from now on; what has come for it so far. */
  begin(registration: Registration): Early[] {
    this.registration = registration;
    this.rules.propose(registration.rules);
    this.rules.accept();
    return this.#early.splice(0);
  }

  /** What has come; its batch waits for what becomes of it. */
  keepEarly(early: Early): void {
    this.#early.push(early);
    early.batch.pending++;
  }

  /** The batches of what came before, once for each record. */
  forgetEarly(): Batch[] {
    return this.#early.splice(0).map(({ batch }) => batch);
  }

  /** A record that could not be read is a record all the same. */
  countRecord(): void {
    this.#recorded++;
  }

  /** Of the records that have come; another event stands for each of them. */
  get coalesced(): bigint {
    return this.#coalesced;
  }

  countCoalesced(): void {
    this.#coalesced++;
  }

  countLost(count: bigint): void {
    this.#lost += count;
  }

  expect(recorded: bigint, lost: bigint): void {
    this.#expected = { recorded, lost };
  }

  get isComplete(): boolean {
    if (this.#expected === null) return false;
    return BigInt(this.#recorded) >= this.#expected.recorded && this.#lost >= this.#expected.lost;
  }
}

/** At most as many as a session has registrations, and those that are being made. */
export class RouteTable implements BatchReaders {
  #routes: Route[] = [];
  /** Where the last one was found. An operation is told to one registration after the other, so the next record is often for the next. */
  #last = 0;

  /** By the two halves of the cookie, which costs no bigint for each record. */
  at(low: number, high: number): Route | null {
    const routes = this.#routes;
    const count = routes.length;
    for (let step = 0, index = this.#last; step < count; step++, index++) {
      if (index >= count) index = 0;
      const route = routes[index];
      if (route?.low !== low || route.high !== high) continue;
      this.#last = index;
      return route;
    }
    return null;
  }

  find(cookie: bigint): Route | undefined {
    return this.#routes.find((route) => route.cookie === cookie);
  }

  findOrAdd(cookie: bigint): Route {
    const found = this.find(cookie);
    if (found !== undefined) return found;
    const route = new Route(cookie);
    this.#routes.push(route);
    return route;
  }

  delete(cookie: bigint): void {
    this.#routes = this.#routes.filter((route) => route.cookie !== cookie);
  }

  clear(): void {
    this.#routes = [];
  }

  get registrations(): Registration[] {
    return this.#routes.flatMap(({ registration }) => registration ?? []);
  }

  /** One of the registrations wants reads that are the same told once. */
  get coalesces(): boolean {
    return this.#routes.some(({ registration }) => registration?.coalescesReads === true);
  }

  /** One of the registrations asks. */
  get asks(): boolean {
    return this.#routes.some(({ registration }) => registration?.asks === true);
  }

  /** One of the registrations has as many events as somebody wants to keep. */
  get isFull(): boolean {
    return this.#routes.some(({ registration }) => registration?.outlet.isFull === true);
  }

  /** Drops what came for cookies that turned out to be nobody's; the batches that it came in, once for each record. */
  forgetUnowned(): Batch[] {
    const unowned = this.#routes.filter(({ registration }) => registration === null);
    this.#routes = this.#routes.filter(({ registration }) => registration !== null);
    return unowned.flatMap((route) => route.forgetEarly());
  }
}
