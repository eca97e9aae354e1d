import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as P from '../../../lib/wire/protocol.js';
import type { DecisionStatistics } from '../../../lib/session/decision-statistics.js';
import { batch, record, type DecidedInput } from '../support/records.js';
import { open } from '../support/session.js';

async function decisionsOf(counts: readonly bigint[]): Promise<DecisionStatistics> {
  const [driver, channel] = await open();
  channel.decisions = counts;
  const { decisions } = await driver.statistics();
  await driver.close();
  return decisions;
}

/** p50, p99 and p99.9 of so many in each bucket: as records told that operations were held for that long. */
async function percentiles(...buckets: number[]): Promise<(number | null)[]> {
  const [driver, channel] = await open();
  const registration = await driver.registerCallback({ altitude: '1' });
  const records: Uint8Array[] = [];
  const tell = (told: DecidedInput, preSequence = 1n) => {
    const decided = { decision: P.CMB_DECISION_ALLOW, by: P.CMB_DECIDED_BY_CALLBACK, ...told };
    records.push(record({ cookie: registration.cookie, sequence: BigInt(records.length + 1), preSequence, decided }));
  };
  for (const [bucket, count] of buckets.entries()) {
    const latency = bucket === 0 ? 999n : BigInt(2 ** (bucket - 1) * 1000);
    for (let i = 0; i < count; i++) tell({ latency });
  }
  // Questions count nothing, nor do operations that nobody was asked about.
  tell({ flags: P.CMB_DECIDED_HELD, ticket: 1n });
  tell({ by: P.CMB_DECIDED_BY_RULE, latency: 1n }, 0n);
  channel.sendRaw(batch(records));
  const { decisions } = await registration.statistics();
  assert.deepEqual(decisions.latency, (await driver.statistics()).decisions.latency);
  assert.deepEqual(
    decisions.latency.buckets,
    Array.from({ length: 26 }, (_, index) => BigInt(buckets[index] ?? 0)),
  );
  await driver.close();
  const { p50, p99, p999 } = decisions.latency;
  return [p50, p99, p999];
}

describe('statistics of decisions', () => {
  it('the statistics of decisions have each counter where the driver has it', async () => {
    const numbers = Array.from({ length: P.CMB_DECISION_STATISTICS.size / 8 }, (_, index) => BigInt(index + 1));
    assert.deepEqual(await decisionsOf(numbers), {
      asked: 1n,
      answered: 2n,
      timedOut: 3n,
      released: 4n,
      unasked: { breaker: 5n, limit: 6n, exemption: 7n, error: 8n },
      breakerTrips: 9n,
      lateReplies: 10n,
      refusedReplies: 11n,
      byKind: { allow: 12n, block: 13n, bypass: 14n, emulate: 15n, replace: 16n, redirect: 17n, override: 18n },
      dryRun: 19n,
      failed: 20n,
      held: 21n,
      heldPeak: 22n,
      latency: { buckets: Array.from({ length: 26 }, () => 0n), p50: null, p99: null, p999: null },
    });
  });

  it('the statistics of decisions bound percentiles by the buckets that they are in', async () => {
    assert.deepEqual(await percentiles(), [null, null, null]);
    assert.deepEqual(await percentiles(1), [1000, 1000, 1000]);
    assert.deepEqual(await percentiles(1, 1), [1000, 2000, 2000]);
    assert.deepEqual(await percentiles(1, 0, 2), [4000, 4000, 4000]);
    assert.deepEqual(await percentiles(990, 9, 1), [1000, 1000, 2000]);
    assert.deepEqual(await percentiles(989, 9, 2), [1000, 2000, 4000]);
    const last = Array.from({ length: 26 }, (_, index) => (index < 25 ? 0 : 1));
    assert.deepEqual(await percentiles(...last), [Infinity, Infinity, Infinity]);
  });
});
