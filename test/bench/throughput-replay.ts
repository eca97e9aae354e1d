import { copyingConsumer, decodingConsumer, objectConsumer, twoFieldConsumer, type Consumer } from './consumers.js';
import { jsonConsumer } from './json-consumer.js';
import { pick, type PartOptions } from './part.js';
import { record } from './recording.js';
import type { Section } from './report.js';
import { interleave, paired, samplesOf, summarize } from './summary.js';

/** How fast each way takes what waits for it: the producer is never the limit. */
export async function throughputReplay(options: PartOptions): Promise<Section[]> {
  options.progress('recording');
  const recording = await record(pick(options, 500, 10_000), 4);
  const consumers: Consumer[] = [
    await decodingConsumer(recording),
    await twoFieldConsumer(recording),
    copyingConsumer(recording),
    objectConsumer(recording),
    await jsonConsumer(recording),
  ];
  try {
    options.progress('replaying');
    const candidates = [];
    for (const consumer of consumers) {
      const times = await timesFor(consumer, pick(options, 1, 500));
      candidates.push({
        id: consumer.id,
        measure: async () => (times * recording.notifications * 1e9) / (await consumer.play(times)),
      });
    }
    const samples = await interleave(candidates, pick(options, 1, 11));
    checkFields(consumers);
    const full = samplesOf(samples, 'full');
    return [
      {
        id: 'replay',
        title: 'Throughput, consumer only: recorded batches through the same delivery',
        columns: [
          { key: 'rate', label: 'events per second', unit: 'events/s' },
          { key: 'ratio', label: 'full decode is so many times this', unit: 'ratio' },
        ],
        rows: consumers.map(({ id, label }) => ({
          id,
          label,
          values: {
            rate: summarize(samplesOf(samples, id)),
            ratio: summarize(paired(full, samplesOf(samples, id), (one, other) => one / other)),
          },
        })),
        notes: [`${recording.notifications} set value events, pre and post, in ${recording.batches.length} batches.`],
      },
    ];
  } finally {
    for (const consumer of consumers) await consumer.close();
  }
}

async function timesFor(consumer: Consumer, milliseconds: number): Promise<number> {
  const once = await consumer.play(1);
  return Math.max(1, Math.round((milliseconds * 1e6) / once));
}

/** What is compared must carry the same: the fields of all ways have the same names. */
function checkFields(consumers: readonly Consumer[]): void {
  const wanted = fieldsOf(consumers.find(({ id }) => id === 'full')?.lastEvent() ?? {});
  for (const { id, lastEvent } of consumers) {
    const event = lastEvent();
    if (event === null) continue;
    const found = fieldsOf(event);
    if (found.join() !== wanted.join())
      throw new Error(`events of "${id}" have the fields ${found.join()}, not ${wanted.join()}`);
  }
}

function fieldsOf(event: object): string[] {
  const names: string[] = [];
  for (const [name, value] of Object.entries(event) as [string, unknown][]) {
    names.push(name);
    if (name === 'value' || name === 'process')
      names.push(...Object.keys(value as object).map((inner) => `${name}.${inner}`));
  }
  return names.sort();
}
