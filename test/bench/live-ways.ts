import { setTimeout as delay } from 'node:timers/promises';
import type { Driver } from '../../lib/driver/driver.js';
import type { Registration } from '../../lib/session/registration.js';
import { Simulator } from '../../lib/simulator/simulator.js';
import type { Statistics } from '../../lib/session/statistics.js';
import { look, type Seen } from './consumers.js';
import { JsonPipe } from './json-consumer.js';
import { loadBenchAddon } from './native.js';
import { RawSession, setValueMask } from './raw-session.js';
import { benchKey, runLoad, startRawReader, startRig } from './rig.js';

/** What one run with live producers came to. */
export interface Outcome {
  readonly delivered: number;
  readonly lost: number;
  /** From the start of the load until the last event had arrived. */
  readonly nanoseconds: number;
  /** Of the load alone. */
  readonly producing: number;
}

export interface Way {
  readonly id: string;
  readonly label: string;
  readonly run: (threads: number, operations: number) => Promise<Outcome>;
}

/** The ways of events into a program, each with producers of its own. */
export const liveWays: readonly Way[] = [
  { id: 'full', label: 'every field decoded', run: decoded },
  { id: 'two', label: 'two fields decoded: class and key', run: lookedAt },
  { id: 'copy', label: 'batches copied, not decoded (c)', run: copied },
  { id: 'objects', label: 'a call and an object by Node-API per event (a)', run: objects },
  { id: 'json', label: 'lines of JSON from a child process (b)', run: json },
];

async function decoded(threads: number, operations: number): Promise<Outcome> {
  return throughPackage('full', threads, operations, (driver, onEvent) =>
    driver.registerCallback(setValues, (event) => {
      if (event.class !== 'gap') onEvent();
    }),
  );
}

async function lookedAt(threads: number, operations: number): Promise<Outcome> {
  const seen: Seen = { class: '', key: null };
  return throughPackage('two', threads, operations, (driver, onEvent) =>
    driver.registerLazyCallback(setValues, (event) => {
      look(event, seen);
      if (event.class !== 'gap') onEvent();
    }),
  );
}

const setValues = { altitude: '385000.4', classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] } as const;

async function throughPackage(
  id: string,
  threads: number,
  operations: number,
  register: (driver: Driver, onEvent: () => void) => Promise<Pick<Registration, 'statistics' | 'unregister'>>,
): Promise<Outcome> {
  await using rig = await startRig();
  let delivered = 0;
  let end = 0n;
  const registration = await register(rig.driver, () => {
    delivered++;
    end = process.hrtime.bigint();
  });
  const begin = process.hrtime.bigint();
  const { nanoseconds } = await runLoad(rig.process, { path: benchKey, kind: 'set', threads, operations });
  const statistics = await registration.statistics();
  await registration.unregister();
  return outcome(id, statistics, delivered, begin, end, nanoseconds);
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
