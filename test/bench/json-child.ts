// Runs in a child process: events as lines of JSON on its standard output, which only native code writes to.

import { Simulator } from '../../lib/simulator/simulator.js';
import * as P from '../../lib/wire/protocol.js';
import { loadBenchAddon, type BenchChannel, type Recording } from './native.js';
import { RawSession, setValueMask } from './raw-session.js';
import { benchKey, runLoad } from './rig.js';

export type Request =
  | { readonly what: 'ready' }
  | { readonly what: 'open'; readonly recording: Recording }
  | { readonly what: 'play'; readonly times: number }
  | { readonly what: 'live'; readonly threads: number; readonly operations: number };

/** Of `live`. */
export interface LiveReply {
  readonly recorded: number;
  readonly lost: number;
  /** Of the load. */
  readonly nanoseconds: number;
}

const standardOutput = 1;
let replay: BenchChannel | null = null;

async function answer(request: Request): Promise<LiveReply | null> {
  switch (request.what) {
    case 'ready':
      return null;
    case 'open':
      replay = new (loadBenchAddon().Channel)(request.recording, 'json', standardOutput);
      replay.startReceive(4, P.CMB_MIN_RECEIVE_BYTES);
      return null;
    case 'play':
      replay?.play(request.times);
      return null;
    case 'live':
      return live(request.threads, request.operations);
  }
}

/** Nothing is closed: lines are still on their way when this resolves, and the process ends when they have come. */
async function live(threads: number, operations: number): Promise<LiveReply> {
  const addon = loadBenchAddon();
  const channel = new addon.Channel(null, 'json', standardOutput);
  const session = await RawSession.start(channel);
  await session.register({ classMask: setValueMask });
  const process = new Simulator(addon.simulator).createProcess({ imagePath: 'C:\\Program Files\\Bench\\bench.exe' });
  const { nanoseconds } = await runLoad(process, { path: benchKey, kind: 'set', threads, operations });
  let statistics = await session.statistics();
  while (statistics.queueRecords > 0n) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    statistics = await session.statistics();
  }
  return { recorded: Number(statistics.recorded), lost: Number(statistics.lost), nanoseconds };
}

process.on('message', (request: Request) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
