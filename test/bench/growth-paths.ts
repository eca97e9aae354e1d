import { memoryColumns, memoryValues, settledMemory } from './memory.js';
import { pick, type PartOptions } from './part.js';
import type { Row, Section } from './report.js';
import { benchKey, bigQueue, runLoad, startRig } from './rig.js';
import { summarize } from './summary.js';

/** Distinct keys at a time; each is opened and closed once. */
const chunk = 20_000;

/** What an event costs, and what is held, when each key path is new. */
export async function growthPaths(options: PartOptions): Promise<Section[]> {
  await using rig = await startRig(bigQueue);
  await (await rig.process.createKeyPath(`${benchKey}\\Paths`)).close();
  const rows: Row[] = [];
  let paths = 0;
  for (const total of pick(options, [500, 2000], [1000, 10_000, 100_000, 1_000_000])) {
    options.progress(`${total} paths`);
    const samples: number[] = [];
    while (paths < total) {
      const keys = Math.min(chunk, total - paths);
      samples.push(await openAll(`${benchKey}\\Paths\\${paths}`, keys));
      paths += keys;
    }
    rows.push({
      id: `paths-${total}`,
      label: `up to ${total} paths`,
      values: { event: summarize(samples), ...memoryValues(await settledMemory(rig)) },
    });
  }
  return [
    {
      id: 'growth-paths',
      title: 'Growth: distinct key paths, end to end, one producing thread',
      columns: [{ key: 'event', label: 'per event', unit: 'ns' }, ...memoryColumns],
      rows,
      notes: ['Other native memory holds the hive of the simulator, which keeps every one of these keys.'],
    },
  ];

  /** Nanoseconds per event. The keys are made while nothing is registered. */
  async function openAll(path: string, keys: number): Promise<number> {
    await runLoad(rig.process, { path, kind: 'open', keys, operations: 1 });
    let delivered = 0;
    let lost = 0n;
    await using registration = await rig.driver.registerCallback(
      { altitude: '385000.8', classes: ['RegNtPreOpenKeyEx', 'RegNtPostOpenKeyEx', 'RegNtPreKeyHandleClose'] },
      (event) => {
        if (event.class === 'gap') lost += event.count;
        else delivered++;
      },
    );
    const begin = process.hrtime.bigint();
    await runLoad(rig.process, { path, kind: 'open', keys, operations: keys });
    await registration.unregister();
    const nanoseconds = Number(process.hrtime.bigint() - begin);
    if (lost > 0n || delivered < 3 * keys) throw new Error(`${delivered} events came and ${lost} were lost`);
    return nanoseconds / delivered;
  }
}
