/** What repetitions of one measurement came to. */
export interface Summary {
  readonly min: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly max: number;
  readonly samples: number;
}

export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0 || samples.some((sample) => !Number.isFinite(sample))) {
    throw new Error(`cannot summarize ${JSON.stringify(samples)}`);
  }
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => {
    const position = share * (sorted.length - 1);
    const lower = sorted[Math.floor(position)] ?? 0;
    const upper = sorted[Math.ceil(position)] ?? 0;
    return lower + (upper - lower) * (position - Math.floor(position));
  };
  return { min: at(0), p25: at(0.25), median: at(0.5), p75: at(0.75), max: at(1), samples: sorted.length };
}

/** Sample by sample, as both were taken in the same repetition. */
export function paired(
  left: readonly number[],
  right: readonly number[],
  combine: (left: number, right: number) => number,
): number[] {
  if (left.length !== right.length) throw new Error(`${left.length} and ${right.length} samples make no pairs`);
  return left.map((sample, index) => combine(sample, right[index] ?? NaN));
}

export interface Candidate {
  readonly id: string;
  /** One measurement. */
  readonly measure: () => Promise<number>;
}

/**
 * Measures all candidates in turn, again and again, so that whatever drifts hits all alike. The first round is thrown away, and
 * each round begins with another candidate.
 */
export async function interleave(
  candidates: readonly Candidate[],
  repetitions: number,
): Promise<Map<string, readonly number[]>> {
  const samples = new Map(candidates.map(({ id }) => [id, [] as number[]]));
  for (let round = 0; round <= repetitions; round++) {
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[(index + round) % candidates.length];
      if (candidate === undefined) continue;
      const sample = await candidate.measure();
      if (round > 0) samples.get(candidate.id)?.push(sample);
    }
  }
  return samples;
}

export function samplesOf(samples: ReadonlyMap<string, readonly number[]>, id: string): readonly number[] {
  const found = samples.get(id);
  if (found === undefined) throw new Error(`nothing was measured for ${id}`);
  return found;
}
