import type { Driver } from '../../lib/driver/driver.js';
import { loadNative } from '../../lib/native/native-loader.js';
import { openDriver, type OpenDriverOptions } from '../../lib/driver/open-driver.js';
import * as P from '../../lib/wire/protocol.js';
import type { LoadOptions, SimulatedProcess } from '../../lib/simulator/simulated-process.js';
import type { Simulator } from '../../lib/simulator/simulator.js';
import { RawSession, recordCount } from './raw-session.js';

export type LoadKind = NonNullable<LoadOptions['kind']>;

export const benchKey = 'HKLM\\SOFTWARE\\Bench';
export const deviceName = 'CmBridge';
export const bigQueue: OpenDriverOptions = {
  queueBytes: P.CMB_MAX_QUEUE_BYTES,
  queueRecords: P.CMB_MAX_QUEUE_RECORDS,
};

/** A driver and a program that causes operations. */
export interface Rig extends AsyncDisposable {
  readonly driver: Driver;
  readonly simulator: Simulator;
  readonly process: SimulatedProcess;
}

export async function startRig(options: OpenDriverOptions = {}): Promise<Rig> {
  const driver = await openDriver({ ...options, backend: 'simulator' });
  const { simulator } = driver;
  if (simulator === null) throw new Error('benchmarks need the simulator');
  const process = simulator.createProcess({ imagePath: 'C:\\Program Files\\Bench\\bench.exe' });
  return { driver, simulator, process, [Symbol.asyncDispose]: () => driver.close() };
}

export interface RawReader extends AsyncDisposable {
  readonly session: RawSession;
  /** Records that came so far, process records and gaps among them. */
  readonly records: () => number;
}

/** A session of the package's addon whose batches are taken and not looked at. */
export async function startRawReader(queueBytes = 0): Promise<RawReader> {
  let records = 0;
  const channel = await loadNative().openChannel(
    'simulator',
    deviceName,
    (batch) => {
      records += recordCount(batch);
      channel.acknowledge();
    },
    () => undefined,
  );
  const session = await RawSession.start(channel, queueBytes);
  return { session, records: () => records, [Symbol.asyncDispose]: () => channel.close() };
}

export interface Run {
  readonly operations: number;
  readonly nanoseconds: number;
}

/** Throws if an operation failed: then it would not be what is to be measured. */
export async function runLoad(process: SimulatedProcess, options: LoadOptions): Promise<Run> {
  const { operations, failures, nanoseconds } = await process.load(options);
  if (failures > 0) throw new Error(`${failures} of ${operations} operations failed`);
  return { operations, nanoseconds: Number(nanoseconds) };
}

/** So many operations take about `milliseconds`, with nothing registered. */
export async function calibrate(
  process: SimulatedProcess,
  options: Omit<LoadOptions, 'operations'>,
  milliseconds: number,
): Promise<number> {
  const { operations, nanoseconds } = await runLoad(process, { ...options, operations: 5000 });
  const wanted = Math.round((milliseconds * 1e6 * operations) / Math.max(nanoseconds, 1));
  return Math.min(Math.max(wanted, 1000), 2_000_000);
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
