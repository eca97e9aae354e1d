import { memoryColumns, memoryValues, settledMemory } from './memory.js';
import { pick, type PartOptions } from './part.js';
import type { Row, Section } from './report.js';
import { benchKey, bigQueue, nextTurn, runLoad, startRig } from './rig.js';
import { summarize } from './summary.js';

/** Events at a time: as many as the queue holds, so that none is lost. */
const chunk = 50_000;

/** What one event costs, and what is held, while one session gets more and more of them. */
export async function growthEvents(options: PartOptions): Promise<Section[]> {
  await using rig = await startRig(bigQueue);
  let delivered = 0;
  let lost = 0n;
  const registration = await rig.driver.registerCallback(
    { altitude: '385000.7', classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
    (event) => {
      if (event.class === 'gap') lost += event.count;
      else delivered++;
    },
  );
  const runChunk = async (events: number): Promise<number> => {
    const before = delivered;
    const begin = process.hrtime.bigint();
    await runLoad(rig.process, { path: benchKey, kind: 'set', operations: events / 2 });
    while (delivered < before + events && lost === 0n) await nextTurn();
    return Number(process.hrtime.bigint() - begin) / events;
  };

  const rows: Row[] = [];
  await runChunk(1000);
  delivered = 0;
  for (const total of pick(options, [1000, 10_000], [10_000, 100_000, 1_000_000, 10_000_000])) {
    options.progress(`${total} events`);
    const samples: number[] = [];
    while (delivered < total)
      samples.push(await runChunk(Math.min(chunk, total - delivered, Math.max(total / 10, 1000))));
    rows.push({
      id: `events-${total}`,
      label: `up to ${total} events`,
      values: { event: summarize(samples), ...memoryValues(await settledMemory(rig)) },
    });
  }
  await registration.unregister();
  if (lost > 0n) throw new Error(`${lost} events were lost, so the cost of those that came says nothing`);
  return [
    {
      id: 'growth-events',
      title: 'Growth: events of one session, end to end, one producing thread',
      columns: [{ key: 'event', label: 'per event', unit: 'ns' }, ...memoryColumns],
      rows,
      notes: ['The memory is that after garbage collection, when so many events had been delivered.'],
    },
  ];
}
