import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as P from '../../../lib/wire/protocol.js';
import type { DecisionStatistics } from '../../../lib/session/decision-statistics.js';
import { open } from '../support/session.js';

const fields = P.CMB_DECISION_STATISTICS.Latency / 8;

async function decisionsOf(counts: readonly bigint[]): Promise<DecisionStatistics> {
  const [driver, channel] = await open();
  channel.decisions = counts;
  const { decisions } = await driver.statistics();
  await driver.close();
  return decisions;
}

/** p50, p99 and p99.9 of so many in each bucket. */
async function percentiles(...buckets: number[]): Promise<(number | null)[]> {
  const padded = Array.from({ length: P.CMB_LATENCY_BUCKETS }, (_, index) => BigInt(buckets[index] ?? 0));
  const { latency } = await decisionsOf([...Array.from({ length: fields }, () => 0n), ...padded]);
  assert.deepEqual(latency.buckets, padded);
  return [latency.p50, latency.p99, latency.p999];
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
      latency: { buckets: numbers.slice(22), p50: 2 ** 15 * 1000, p99: Infinity, p999: Infinity },
    });
  });

  it('the statistics of decisions bound percentiles by the buckets that they are in', async () => {
    assert.deepEqual(await percentiles(), [null, null, null]);
    assert.deepEqual(await percentiles(1), [1000, 1000, 1000]);
    assert.deepEqual(await percentiles(1, 1), [1000, 2000, 2000]);
    assert.deepEqual(await percentiles(1, 0, 2), [4000, 4000, 4000]);
    assert.deepEqual(await percentiles(990, 9, 1), [1000, 1000, 2000]);
    assert.deepEqual(await percentiles(989, 9, 2), [1000, 2000, 4000]);
    const last = Array.from({ length: P.CMB_LATENCY_BUCKETS }, (_, index) => (index < 25 ? 0 : 1));
    assert.deepEqual(await percentiles(...last), [Infinity, Infinity, Infinity]);
  });
});
