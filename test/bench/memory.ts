import { setTimeout as delay } from 'node:timers/promises';
import { pick, type PartOptions } from './part.js';
import type { Column, Row, Section } from './report.js';
import { benchKey, runLoad, startRig, type Rig } from './rig.js';
import { summarize } from './summary.js';

/** In bytes. */
export interface Memory {
  /** Pool that the driver holds. */
  readonly pool: number;
  readonly heap: number;
  /** ArrayBuffers and other memory that JavaScript objects hold outside of the heap. */
  readonly external: number;
  /** Resident, less the heap as V8 has it, `external` and the pool: Node.js itself, the addon, the simulator and its hive. */
  readonly native: number;
  readonly resident: number;
}

export const memoryColumns: readonly Column[] = [
  { key: 'pool', label: 'driver pool', unit: 'bytes' },
  { key: 'heap', label: 'JS heap', unit: 'bytes' },
  { key: 'external', label: 'JS external', unit: 'bytes' },
  { key: 'native', label: 'other native', unit: 'bytes' },
  { key: 'resident', label: 'resident', unit: 'bytes' },
];

export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('benchmarks need node --expose-gc');
  globalThis.gc();
}

export function measureMemory(rig: Rig | null): Memory {
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  const pool = rig === null ? 0 : rig.simulator.poolUsage().bytes;
  return { pool, heap: heapUsed, external, native: rss - heapTotal - external - pool, resident: rss };
}

export async function settledMemory(rig: Rig | null): Promise<Memory> {
  // What a finalizer lets go of is free after the second round.
  for (let round = 0; round < 2; round++) {
    collectGarbage();
    await delay(20);
  }
  return measureMemory(rig);
}

export function memoryValues(memory: Memory): Row['values'] {
  return { ...memory };
}

const threads = 2;
const classes = ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] as const;

/** Who holds how much: idle, busy, and while the program does not take its events. */
export async function memoryUse(options: PartOptions): Promise<Section[]> {
  const rows: Row[] = [];
  const add = (id: string, label: string, memory: Memory, note?: string) => {
    rows.push({ id, label, values: memoryValues(memory), ...(note === undefined ? {} : { note }) });
  };
  add('before', 'before the driver is opened', await settledMemory(null));
  {
    await using rig = await startRig();
    add('open', 'open', await settledMemory(rig));
    options.progress('busy');
    await busy(rig, options, add);
    options.progress('stalled');
    await stalled(rig, options, add);
  }
  add('closed', 'closed', await settledMemory(null));
  return [
    {
      id: 'memory',
      title: 'Memory',
      columns: memoryColumns,
      rows,
      notes: [
        'After garbage collection, except while busy, which is the median of samples taken between batches.',
        `Default sizes of the queue and of the requests; ${threads} producing threads.`,
      ],
    },
  ];
}

type Add = (id: string, label: string, memory: Memory, note?: string) => void;

async function busy(rig: Rig, options: PartOptions, add: Add): Promise<void> {
  let events = 0;
  const registration = await rig.driver.registerCallback({ altitude: '385000.5', classes }, () => void events++);
  const samples: Memory[] = [];
  const timer = setInterval(() => samples.push(measureMemory(rig)), 5);
  const operations = pick(options, 2000, 300_000);
  await runLoad(rig.process, { path: benchKey, kind: 'set', threads, operations });
  await registration.unregister();
  clearInterval(timer);
  samples.push(measureMemory(rig));
  const median = (key: keyof Memory) => summarize(samples.map((sample) => sample[key])).median;
  const memory: Memory = {
    pool: median('pool'),
    heap: median('heap'),
    external: median('external'),
    native: median('native'),
    resident: median('resident'),
  };
  add('busy', 'busy', memory, `${events} events, ${samples.length} samples`);
  add('after', 'afterwards', await settledMemory(rig));
}

async function stalled(rig: Rig, options: PartOptions, add: Add): Promise<void> {
  let delivered = 0;
  let lost = 0n;
  let resume: () => void = () => undefined;
  const stall = new Promise<void>((resolve) => {
    resume = resolve;
  });
  const registration = await rig.driver.registerCallback({ altitude: '385000.6', classes }, (event) => {
    if (event.class === 'gap') lost += event.count;
    else delivered++;
    return stall;
  });
  const operations = pick(options, 20_000, 100_000);
  await runLoad(rig.process, { path: benchKey, kind: 'set', threads, operations });
  const early = delivered;
  add('stalled', 'the callback does not return', await settledMemory(rig));
  const statistics = await registration.statistics();
  resume();
  await registration.unregister();
  if (BigInt(delivered) + lost !== statistics.callbacks || lost === 0n) {
    throw new Error(`${delivered} events and ${lost} lost ones are not the ${statistics.callbacks} notifications`);
  }
  add(
    'drained',
    'after it has returned',
    await settledMemory(rig),
    `of ${statistics.callbacks} notifications ${early} had been delivered, ${BigInt(delivered - early)} waited, ${lost} were lost and counted`,
  );
}
