import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import { LazyEvent } from '../../../lib/decode/lazy-event.js';
import { findRepeats } from '../../../lib/decode/repeats.js';
import type { NotificationEvent } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, record, type RecordInput } from '../support/records.js';

const query = 8;
const kept = { data: '', flags: P.CMB_SPAN_KEPT };
const wanted = 100n;

/** For each record how many others it stands for; null for one that another stands for. */
function repeatsOf(inputs: readonly RecordInput[]): (bigint | null)[] {
  const bytes = batch(
    inputs.map((input, index) => record({ notifyClass: query, sequence: BigInt(index + 1), ...input })),
  );
  const found = findRepeats(bytes, (view) => view.i64(P.CMB_RECORD.Cookie) === wanted);
  const counts: (bigint | null)[] = [];
  forEachRecord(
    bytes,
    ({ start }) => {
      const repeats = found.get(start);
      counts.push(repeats === undefined ? 0n : repeats === null ? null : repeats.count);
    },
    assert.ifError,
  );
  return counts;
}

describe('reads that are the same', () => {
  it('reads are the same whatever their numbers, times and durations are', () => {
    assert.deepEqual(
      repeatsOf([
        {},
        { time: 5n },
        { preSequence: 7n, duration: 9n },
        { notifyClass: 23, flags: P.CMB_RECORD_POST },
        { notifyClass: 23, flags: P.CMB_RECORD_POST, preSequence: 2n },
      ]),
      [2n, null, null, 1n, null],
    );
  });

  it('reads that differ in anything else are told apart', () => {
    const others: RecordInput[] = [
      { threadId: 1 },
      { processId: 1 },
      { processKey: 1n },
      { processSlot: 1 },
      { status: 1 },
      { keyObject: 1n },
      { keyPath: '\\REGISTRY\\MACHINE\\Softwarf' },
      { keyPath: '\\REGISTRY\\MACHINE\\Softwar' },
      { flags: 0 },
      { transaction: new Uint8Array(16) },
      { spans: [[P.CMB_BODY_QUERY.ValueName, 'v']] },
      { spans: [[P.CMB_BODY_QUERY.ValueName, 'w']] },
    ];
    assert.deepEqual(
      repeatsOf([{}, ...others]),
      [{}, ...others].map(() => 0n),
    );
  });

  it('only reads are taken together, and only where that is wanted and nothing was decided', () => {
    const pair = (input: RecordInput) => repeatsOf([input, input]);
    assert.deepEqual(pair({ notifyClass: 5 }), [1n, null]);
    for (const notifyClass of [0, 1, 14, 15, 28, 29, 40]) assert.deepEqual(pair({ notifyClass }), [0n, 0n]);
    assert.deepEqual(pair({ cookie: 101n }), [0n, 0n]);
    assert.deepEqual(pair({ decided: {} }), [0n, 0n]);
    assert.deepEqual(pair({ flags: P.CMB_RECORD_PATH_UNAVAILABLE, keyPath: null }), [0n, 0n]);
    assert.deepEqual(pair({ kind: P.CMB_RECORD_GAP }), [0n, 0n]);
  });

  it('a path that a record brings and one that it refers to are the same', () => {
    const refers = (pathSerial: number): RecordInput => ({
      pathSlot: 0,
      pathSerial,
      keyPath: { ...kept, fullSize: 2 },
    });
    assert.deepEqual(repeatsOf([{ pathSlot: 0, pathSerial: 1, keyPath: 'a' }, refers(1), refers(2), refers(1)]), [
      2n,
      null,
      0n,
      null,
    ]);
  });

  it('a batch that is damaged is read as far as it can be', () => {
    const bytes = batch([record({ notifyClass: query }), record({ notifyClass: query, sequence: 2n })]);
    new DataView(bytes).setUint32(P.CMB_BATCH.RecordCount, 9, true);
    assert.deepEqual([...findRepeats(bytes, () => true).values()], [{ count: 1n, last: 2n }, null]);
    assert.equal(findRepeats(new ArrayBuffer(3), () => true).size, 0);
  });

  it('an event counts the reads that it stands for, whole and lazily', () => {
    const repeats = { count: 2n ** 53n + 1n, last: 2n ** 60n };
    const links = new HopTracker();
    const events: unknown[] = [];
    forEachRecord(
      batch([record({ notifyClass: query })]),
      (view) => {
        view.repeats = repeats;
        events.push(new Decoder(4, 4).decodeLazily(view, links), new Decoder(4, 4).decode(view, links));
      },
      assert.ifError,
    );
    const [lazy, whole] = events as [LazyEvent, NotificationEvent];
    assert.equal(lazy.repeats, repeats.count);
    for (const event of [whole, lazy.toEvent()]) {
      assert.deepEqual([event.repeats, event.lastSequence], [repeats.count, repeats.last]);
    }
  });

  it('a read that another stands for is passed over, but for the path that it brings', () => {
    const decoder = new Decoder(4, 4);
    const links = new HopTracker();
    const seen: unknown[] = [];
    forEachRecord(
      batch([
        record({ notifyClass: query, pathSlot: 1, pathSerial: 1, keyPath: 'a' }),
        record({ notifyClass: query, pathSlot: 1, pathSerial: 1, keyPath: kept }),
      ]),
      (view) => {
        if (view.u32(P.CMB_RECORD.KeyPath + P.CMB_SPAN.Flags) === P.CMB_SPAN_PRESENT) decoder.skip(view, links);
        else seen.push((decoder.decode(view, links) as NotificationEvent).keyPath);
      },
      assert.ifError,
    );
    assert.deepEqual(seen, ['a']);
  });
});
