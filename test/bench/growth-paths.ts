import { memoryColumns, memoryValues, settledMemory } from './memory.js';
import { pick, type PartOptions } from './part.js';
import type { Row, Section } from './report.js';
import { benchKey, bigQueue, nextTurn, runLoad, startRig } from './rig.js';
import { summarize } from './summary.js';

/** Distinct keys at a time: what they cause has room in the queue, so that nothing is lost. */
const chunk = 10_000;
const classes = [
  'RegNtPreCreateKeyEx',
  'RegNtPostCreateKeyEx',
  'RegNtPreSetValueKey',
  'RegNtPreDeleteKey',
  'RegNtPreKeyHandleClose',
] as const;

/** What an event costs, and what is held, when each key path is new. */
export async function growthPaths(options: PartOptions): Promise<Section[]> {
  await using rig = await startRig(bigQueue);
  await (await rig.process.createKeyPath(`${benchKey}\\Paths`)).close();
  let delivered = 0;
  let lost = 0n;
  const registration = await rig.driver.registerCallback({ altitude: '385000.8', classes }, (event) => {
    if (event.class === 'gap') lost += event.count;
    else delivered++;
  });
  const runChunk = async (first: number, keys: number): Promise<number> => {
    const before = delivered;
    const begin = process.hrtime.bigint();
    await runLoad(rig.process, { path: `${benchKey}\\Paths\\${first}`, kind: 'churn', operations: keys });
    while (BigInt(delivered) + lost < (await registration.statistics()).callbacks) await nextTurn();
    return Number(process.hrtime.bigint() - begin) / (delivered - before);
  };

  const rows: Row[] = [];
  let paths = 0;
  await runChunk(0, 100);
  for (const total of pick(options, [500, 2000], [1000, 10_000, 100_000, 1_000_000])) {
    options.progress(`${total} paths`);
    const samples: number[] = [];
    while (paths < total) {
      const keys = Math.min(chunk, total / 5, total - paths);
      samples.push(await runChunk(paths + 1, keys));
      paths += keys;
    }
    rows.push({
      id: `paths-${total}`,
      label: `up to ${total} paths`,
      values: { event: summarize(samples), ...memoryValues(await settledMemory(rig)) },
    });
  }
  await registration.unregister();
  if (lost > 0n) throw new Error(`${lost} events were lost, so the cost of those that came says nothing`);
  return [
    {
      id: 'growth-paths',
      title: 'Growth: distinct key paths, end to end, one producing thread',
      columns: [{ key: 'event', label: 'per event', unit: 'ns' }, ...memoryColumns],
      rows,
      notes: [
        'Each key is made, gets a value, is deleted and closed: five events. The memory is that after garbage collection, when so many paths had been met.',
      ],
    },
  ];
}
