import { setTimeout as delay } from 'node:timers/promises';
import type { Statistics } from '../../lib/statistics.js';
import { Simulator } from '../../lib/simulator.js';
import { JsonPipe } from './json-consumer.js';
import { loadBenchAddon } from './native.js';
import { pick, type PartOptions } from './part.js';
import { RawSession, setValueMask } from './raw-session.js';
import type { Row, Section } from './report.js';
import { benchKey, calibrate, runLoad, startRawReader, startRig } from './rig.js';
import { summarize } from './summary.js';

/** What one run with live producers came to. */
interface Outcome {
  readonly delivered: number;
  readonly lost: number;
  /** From the start of the load until the last event had arrived. */
  readonly nanoseconds: number;
  /** Of the load alone. */
  readonly producing: number;
}

interface Way {
  readonly id: string;
  readonly label: string;
  readonly run: (threads: number, operations: number) => Promise<Outcome>;
}

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
  const outcomes = new Map<string, Outcome[]>(ways.map(({ id }) => [id, []]));
  for (let round = 0; round <= repetitions; round++) {
    for (const way of ways) {
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
    rows: ways.map(({ id, label }) => rowOf(id, label, outcomes.get(id) ?? [])),
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

const ways: readonly Way[] = [
  { id: 'full', label: 'every field decoded', run: decoded },
  { id: 'copy', label: 'batches copied, not decoded (c)', run: copied },
  { id: 'objects', label: 'a call and an object by Node-API per event (a)', run: objects },
  { id: 'json', label: 'lines of JSON from a child process (b)', run: json },
];

async function decoded(threads: number, operations: number): Promise<Outcome> {
  await using rig = await startRig();
  let delivered = 0;
  let end = 0n;
  const registration = await rig.driver.registerCallback(
    { altitude: '385000.4', classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
    (event) => {
      if (event.class === 'gap') return;
      delivered++;
      end = process.hrtime.bigint();
    },
  );
  const begin = process.hrtime.bigint();
  const { nanoseconds } = await runLoad(rig.process, { path: benchKey, kind: 'set', threads, operations });
  const statistics = await registration.statistics();
  await registration.unregister();
  return outcome('full', statistics, delivered, begin, end, nanoseconds);
}

async function copied(threads: number, operations: number): Promise<Outcome> {
  await using rig = await startRig();
  await using reader = await startRawReader();
  const { session } = reader;
  const cookie = await session.register({ classMask: setValueMask });
  const begin = process.hrtime.bigint();
  const { nanoseconds } = await runLoad(rig.process, { path: benchKey, kind: 'set', threads, operations });
  const statistics = await arrived(session, reader.records);
  const end = process.hrtime.bigint();
  await session.unregister(cookie);
  return outcome('copy', statistics, Number(statistics.recorded), begin, end, nanoseconds);
}

async function objects(threads: number, operations: number): Promise<Outcome> {
  const addon = loadBenchAddon();
  let delivered = 0;
  let end = 0n;
  const channel = new addon.Channel(null, 'events', () => {
    delivered++;
    end = process.hrtime.bigint();
  });
  const session = await RawSession.start(channel);
  const cookie = await session.register({ classMask: setValueMask });
  const program = new Simulator(addon.simulator).createProcess({ imagePath: 'C:\\Program Files\\Bench\\bench.exe' });
  const begin = process.hrtime.bigint();
  const { nanoseconds } = await runLoad(program, { path: benchKey, kind: 'set', threads, operations });
  const statistics = await arrived(session, () => delivered);
  await session.unregister(cookie);
  await program.exit();
  await channel.close();
  return outcome('objects', statistics, delivered, begin, end, nanoseconds);
}

async function json(threads: number, operations: number): Promise<Outcome> {
  let delivered = 0;
  let end = 0n;
  const pipe = new JsonPipe(() => {
    delivered++;
    end = process.hrtime.bigint();
  });
  try {
    // The process is there before the clock starts.
    await pipe.ask({ what: 'ready' });
    const begin = process.hrtime.bigint();
    const reply = await pipe.ask({ what: 'live', threads, operations });
    if (reply === null) throw new Error('the child process told no result');
    while (delivered < reply.recorded) await delay(1);
    return { delivered, lost: reply.lost, nanoseconds: Number(end - begin), producing: reply.nanoseconds };
  } finally {
    await pipe.close();
  }
}

/** Waits until as many have come as the driver has recorded. */
async function arrived(session: RawSession, delivered: () => number): Promise<Statistics> {
  for (;;) {
    const statistics = await session.statistics();
    if (statistics.queueRecords === 0n && delivered() >= Number(statistics.recorded)) return statistics;
    await delay(1);
  }
}

function outcome(
  id: string,
  { recorded, lost }: Statistics,
  delivered: number,
  begin: bigint,
  end: bigint,
  producing: number,
): Outcome {
  if (delivered !== Number(recorded)) throw new Error(`${id}: ${delivered} of ${recorded} records arrived`);
  return { delivered, lost: Number(lost), nanoseconds: Number(end - begin), producing };
}
