// How long operations were held, counted from the records that tell of their decisions.

import { latencyOf } from '../decode/decided.js';
import type { RecordView } from '../wire/record.js';

const bucketCount = 26;

/** How long operations were held: from when the callback in the driver has found its rule to the decision. */
export interface LatencyStatistics {
  /** `buckets[0]` counts those below 1 microsecond, `buckets[n]` those below 2^n that are not in one before, the last one all others. */
  readonly buckets: readonly bigint[];
  /**
   * Nanoseconds below which half of them were decided: as the upper bound of the bucket that it is in, so up to twice as much as it is.
   * Infinity in the last bucket; null if none was held.
   */
  readonly p50: number | null;
  /** Nanoseconds below which 99 of 100 were decided, as a bound of the same kind. */
  readonly p99: number | null;
  /** Nanoseconds below which 999 of 1000 were decided, as a bound of the same kind. */
  readonly p999: number | null;
}

export class LatencyCounts {
  readonly #buckets = Array.from({ length: bucketCount }, () => 0);

  /** Counts the record if it tells of an operation that was held. */
  count(record: RecordView): void {
    const nanoseconds = latencyOf(record);
    if (nanoseconds === null) return;
    const microseconds = Math.min(nanoseconds / 1000, 2 ** 31);
    const bucket = Math.min(32 - Math.clz32(microseconds), bucketCount - 1);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  get statistics(): LatencyStatistics {
    return {
      buckets: this.#buckets.map(BigInt),
      p50: this.#percentile(500),
      p99: this.#percentile(990),
      p999: this.#percentile(999),
    };
  }

  /** `perMille` of 1000 are below it. */
  #percentile(perMille: number): number | null {
    const total = this.#buckets.reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    let below = 0;
    const index = this.#buckets.findIndex((count) => {
      below += count;
      return below * 1000 >= total * perMille;
    });
    return index === bucketCount - 1 ? Infinity : 1000 * 2 ** index;
  }
}
