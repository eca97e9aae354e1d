import { liveWays, type Outcome } from './live-ways.js';
import { pick, type PartOptions } from './part.js';
import type { Row, Section } from './report.js';
import { benchKey, calibrate, startRig } from './rig.js';
import { summarize } from './summary.js';

/** From the callback to the program, with threads that set values as fast as they can. */
export async function throughputLive(options: PartOptions): Promise<Section[]> {
  const operations = await operationsFor(pick(options, 3, 120));
  const sections: Section[] = [];
  for (const threads of pick(options, [1, 2], [1, 2, 3, 4])) {
    options.progress(`${threads} ${threads === 1 ? 'thread' : 'threads'}`);
    sections.push(await sectionFor(threads, Math.ceil(operations / threads), pick(options, 1, 5)));
  }
  return sections;
}

async function operationsFor(milliseconds: number): Promise<number> {
  await using rig = await startRig();
  return await calibrate(rig.process, { path: benchKey, kind: 'set' }, milliseconds);
}

async function sectionFor(threads: number, operations: number, repetitions: number): Promise<Section> {
  const outcomes = new Map<string, Outcome[]>(liveWays.map(({ id }) => [id, []]));
  for (let round = 0; round <= repetitions; round++) {
    for (const way of liveWays) {
      const outcome = await way.run(threads, operations);
      if (round > 0) outcomes.get(way.id)?.push(outcome);
    }
  }
  return {
    id: `live-${threads}`,
    title: `Throughput, end to end: ${threads} producing ${threads === 1 ? 'thread' : 'threads'}`,
    columns: [
      { key: 'delivered', label: 'delivered per second', unit: 'events/s' },
      { key: 'produced', label: 'produced per second', unit: 'events/s' },
      { key: 'lost', label: 'lost', unit: 'percent' },
    ],
    rows: liveWays.map(({ id, label }) => rowOf(id, label, outcomes.get(id) ?? [])),
    notes: [
      `${operations} set values of each thread per sample, two notifications each; the queue has its default size.`,
      'Where nothing is lost the producers are the limit, and the figure is theirs.',
    ],
  };
}

function rowOf(id: string, label: string, outcomes: readonly Outcome[]): Row {
  const summary = (value: (outcome: Outcome) => number) => summarize(outcomes.map(value)).median;
  return {
    id,
    label,
    values: {
      delivered: summarize(outcomes.map(({ delivered, nanoseconds }) => (delivered * 1e9) / nanoseconds)),
      produced: summary(({ delivered, lost, producing }) => ((delivered + lost) * 1e9) / producing),
      lost: summary(({ delivered, lost }) => (100 * lost) / (delivered + lost)),
    },
  };
}
