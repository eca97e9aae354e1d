import { allow, type Decision } from '../../lib/decision/decision.js';
import type { Event } from '../../lib/event/event.js';
import { loadBenchAddon } from './native.js';
import { pick, type PartOptions } from './part.js';
import type { Row, Section } from './report.js';
import { benchKey, bigQueue, runLoad, startRig, type Rig } from './rig.js';

/** Of 100,000 notifications per second: half of them are pre, half are post. */
const backgroundOperations = 50_000;
const askedKey = `${benchKey}\\Asked`;
const backgroundKey = `${benchKey}\\Background`;
const percentiles = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p999', 0.999],
  ['most', 1],
] as const;

interface Way {
  readonly id: string;
  readonly label: string;
  readonly decide: (event: Event) => Decision | Promise<Decision>;
  /** Threads that are held at a time. */
  readonly threads: number;
}

/** What asking a program costs at least: two threads that wake each other, and nothing else. */
const bare = { id: 'bare', label: 'a thread and JavaScript wake each other, no driver' } as const;
const ways: readonly Way[] = [
  { id: 'sync', label: 'the callback returns a decision', decide: () => allow(), threads: 1 },
  { id: 'async', label: 'it returns a promise', decide: () => Promise.resolve(allow()), threads: 1 },
  { id: 'threads', label: 'the same, four threads ask at once', decide: () => Promise.resolve(allow()), threads: 4 },
];

/** How long a thread of the registry waits for a program that decides at once. */
export async function decisionLatency(options: PartOptions): Promise<Section[]> {
  const sections: Section[] = [];
  for (const isLoaded of [false, true]) {
    options.progress(isLoaded ? 'decisions among other notifications' : 'decisions, nothing else');
    await using rig = await startRig(bigQueue);
    const creator = await rig.process.createKey(benchKey);
    await creator.close();
    sections.push(await latencies(rig, isLoaded, options));
  }
  return sections;
}

async function latencies(rig: Rig, isLoaded: boolean, options: PartOptions): Promise<Section> {
  const rounds = pick(options, 1, 10);
  const questions = pick(options, 200, 2000);
  const samples = new Map([bare, ...ways].map(({ id }) => [id, [] as number[]]));
  const addon = loadBenchAddon();
  let seen = 0;
  const background = isLoaded ? await startBackground(rig, () => seen++) : null;
  for (let round = 0; round <= rounds; round++) {
    const trips = await addon.roundTrips(questions, () => undefined);
    if (round > 0) samples.get(bare.id)?.push(...trips);
    for (const way of ways) {
      const taken = await decide(rig, way, questions);
      if (round > 0) samples.get(way.id)?.push(...taken);
    }
  }
  const rate = background === null ? 0 : await background.stop();
  const floor = percentile(sorted(samples.get(bare.id)), 0.5);
  const rows = [bare, ...ways].map(({ id, label }) => rowOf(id, label, sorted(samples.get(id)), floor));
  return {
    id: isLoaded ? 'decisions-loaded' : 'decisions',
    title: `Decision latency${isLoaded ? ' under load' : ''}`,
    columns: [
      ...percentiles.map(([key]) => ({ key, label: key === 'p999' ? 'p99.9' : key, unit: 'ns' as const })),
      { key: 'ratio', label: 'p50, times the first row', unit: 'ratio' },
      { key: 'questions', label: 'questions', unit: 'count' },
    ],
    rows,
    notes: [
      'Nanoseconds from when the pre callback has found its rule to the decision, on the thread that is held, as `event.decision.latency` tells it.',
      'The first row is what any way of asking a program costs here: a thread has an empty JavaScript function called and is woken when it has returned.',
      isLoaded
        ? `Meanwhile another thread caused ${Math.round(rate).toLocaleString('en')} other notifications per second, which the same program got as events (${seen} in all).`
        : 'Nothing else happened in the registry; each thread asks again as soon as it was let go.',
    ],
  };
}

function sorted(samples: readonly number[] = []): number[] {
  return [...samples].sort((a, b) => a - b);
}

function percentile(latencies: readonly number[], share: number): number {
  return latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0;
}

function rowOf(id: string, label: string, latencies: readonly number[], floor: number): Row {
  const found = Object.fromEntries(percentiles.map(([key, share]) => [key, percentile(latencies, share)]));
  const ratio = percentile(latencies, 0.5) / floor;
  return { id, label, values: { ...found, ratio, questions: latencies.length } };
}

async function decide(rig: Rig, { decide, threads }: Way, questions: number): Promise<number[]> {
  const latencies: number[] = [];
  const errors: unknown[] = [];
  const registration = await rig.driver.registerCallback(
    {
      altitude: '385000.5',
      classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'],
      rules: [{ keys: `${askedKey}\\**`, operations: 'SetValueKey', action: 'ask', deadline: 10_000 }],
      onError: (error) => errors.push(error),
    },
    (event) => {
      if (event.class === 'gap' || event.class === 'breaker') throw new Error(`a ${event.class} where nothing is lost`);
      if (event.decision !== null) latencies.push(event.decision.latency);
      return event.question === null ? undefined : decide(event);
    },
  );
  await runLoad(rig.process, { path: askedKey, kind: 'set', threads, operations: Math.ceil(questions / threads) });
  await registration.unregister();
  if (errors.length > 0) throw new AggregateError(errors, 'the callback failed');
  if (latencies.length < questions) throw new Error(`${latencies.length} of ${questions} decisions were told`);
  return latencies;
}

interface Background {
  /** Notifications per second that there were. */
  stop(): Promise<number>;
}

async function startBackground(rig: Rig, onEvent: () => void): Promise<Background> {
  const other = rig.simulator.createProcess({ imagePath: 'C:\\Program Files\\Bench\\other.exe' });
  const registration = await rig.driver.registerCallback(
    { altitude: '385000.6', rules: [{ keys: `${backgroundKey}\\**`, operations: 'SetValueKey', action: 'notify' }] },
    onEvent,
  );
  let isStopping = false;
  let operations = 0;
  let nanoseconds = 0;
  const load = { path: backgroundKey, kind: 'set', operations: backgroundOperations / 5 } as const;
  const running = (async () => {
    // Whether it has been stopped is known to nobody but stop().
    while (!(isStopping as boolean)) {
      const run = await runLoad(other, { ...load, perSecond: backgroundOperations });
      operations += run.operations;
      nanoseconds += run.nanoseconds;
    }
  })();
  return {
    stop: async () => {
      isStopping = true;
      await running;
      await registration.unregister();
      return (2 * operations * 1e9) / nanoseconds;
    },
  };
}
