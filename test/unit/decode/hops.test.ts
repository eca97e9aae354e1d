import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { gapRecord, record } from '../support/records.js';
import { decodeAll } from '../support/samples.js';

const REPARSE = 0x104;
const name = P.CMB_BODY_CREATE.RequestedName;

interface Request {
  readonly thread?: number;
  readonly cookie?: bigint;
  readonly target?: string;
  readonly create?: boolean;
}

let sequence = 0n;

function pre({ thread = 1, cookie = 1n, target = '\\REGISTRY\\x', create = false }: Request = {}): Uint8Array {
  sequence++;
  return record({ notifyClass: create ? 26 : 28, sequence, threadId: thread, cookie, spans: [[name, target]] });
}

function post(status: number, request: Request = {}, preSequence = sequence): Uint8Array {
  const { thread = 1, cookie = 1n, target = '\\REGISTRY\\x', create = false } = request;
  sequence++;
  return record({
    notifyClass: create ? 27 : 29,
    flags: P.CMB_RECORD_POST,
    sequence,
    preSequence,
    status,
    threadId: thread,
    cookie,
    spans: [[name, target]],
  });
}

const flush = (thread = 1): Uint8Array =>
  record({ notifyClass: 30, sequence: ++sequence, threadId: thread, cookie: 1n });

/** `hop<reparsedFrom` of each create and open, with numbers from 1. */
function hops(make: () => Uint8Array[]): string[] {
  sequence = 0n;
  return decodeAll(...make())
    .filter((event): event is Extract<Event, { hop: number }> => 'hop' in event)
    .map(({ hop, reparsedFrom }) => `${hop}${reparsedFrom === null ? '' : `<${reparsedFrom}`}`);
}

describe('link hops', () => {
  it('the hops of links are counted from the request as the caller made it', () => {
    const found = hops(() => [
      pre({ target: 'Relative' }),
      post(REPARSE, { target: 'Relative' }),
      pre(),
      post(REPARSE),
      pre(),
      post(0),
      pre(),
      post(0),
    ]);
    assert.deepEqual(found, ['0', '0', '1<2', '1<2', '2<4', '2<4', '0', '0']);
  });

  it('the hops of links are told from post events alone, too', () => {
    assert.deepEqual(
      hops(() => [post(REPARSE, {}, 0n), post(REPARSE, {}, 0n), post(0, {}, 0n), post(0, {}, 0n)]),
      ['0', '1<1', '2<2', '0'],
    );
  });

  it('the hops of links cannot be told from pre events alone', () => {
    assert.deepEqual(
      hops(() => [pre(), pre()]),
      ['0', '0'],
    );
  });

  it('the hops of links are not mixed between threads, registrations, or create and open', () => {
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), pre({ thread: 2 }), post(0, { thread: 2 }), pre(), post(0)]),
      ['0', '0', '0', '0', '1<2', '1<2'],
    );
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), pre({ cookie: 2n }), pre()]),
      ['0', '0', '0', '1<2'],
    );
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), pre({ create: true }), post(0, { create: true })]),
      ['0', '0', '0', '0'],
    );
  });

  it('the hops of links are forgotten when the thread does something else, or records are missing', () => {
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), flush(), pre()]),
      ['0', '0', '0'],
    );
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), flush(2), pre()]),
      ['0', '0', '1<2'],
    );
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), gapRecord(3n, 4n, 1, { cookie: 1n }), pre()]),
      ['0', '0', '0'],
    );
    assert.deepEqual(
      hops(() => [pre(), post(REPARSE), pre({ target: 'Relative' })]),
      ['0', '0', '0'],
    );
  });

  it('the hops of links survive another operation of the thread inside the resumed request', () => {
    assert.deepEqual(
      hops(() => {
        const records = [pre(), post(REPARSE), pre()];
        const resumed = sequence;
        return [...records, flush(), post(0, {}, resumed)];
      }),
      ['0', '0', '1<2', '1<2'],
    );
  });

  it('the tracker of hops remembers a bounded number of threads', () => {
    const found = hops(() => {
      const records: Uint8Array[] = [];
      for (let thread = 1; thread <= 1025; thread++) records.push(post(REPARSE, { thread }, 0n));
      records.push(pre({ thread: 1025 }), pre({ thread: 1 }), pre({ thread: 2 }));
      return records;
    });
    assert.deepEqual(found.slice(-3), ['1<1025', '0', '1<2']);
  });
});
