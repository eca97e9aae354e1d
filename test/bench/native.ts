import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageInfo } from '../../lib/native/native-loader.js';
import type { NativeChannel, NativeSimulator } from '../../lib/native/native.js';

/** What a session said and got, to be played again. */
export interface Recording {
  readonly batches: readonly Uint8Array[];
  /** By IOCTL code. */
  readonly replies: readonly (readonly [number, Uint8Array])[];
  /** Notifications in all batches together. */
  readonly notifications: number;
}

export interface BenchChannel extends NativeChannel {
  /** All batches of the recording, so many times. */
  play(times: number): void;
}

/** The addon that only benchmarks use; it has a simulator and a driver of its own. */
export interface BenchAddon {
  readonly Channel: {
    /** Without a recording: the simulator. Each batch in one call, as the package does it. */
    new (recording: Recording | null, delivery: 'batches', onBatch: (batch: ArrayBuffer) => void): BenchChannel;
    /** One call of a thread-safe function and one object of Node-API for each event. */
    new (recording: Recording | null, delivery: 'events', onEvent: (event: object) => void): BenchChannel;
    /** Lines of JSON on a file descriptor. */
    new (recording: Recording | null, delivery: 'json', descriptor: number): BenchChannel;
  };
  readonly simulator: NativeSimulator;
  /** A thread of its own has `callback` called so many times, one after the other: nanoseconds until it knows that it has returned. */
  roundTrips(count: number, callback: () => void): Promise<Float64Array>;
}

export function loadBenchAddon(): BenchAddon {
  const path = join(packageInfo().root, 'build', 'Release', 'cmbridge_bench.node');
  try {
    return createRequire(import.meta.url)(path) as BenchAddon;
  } catch (cause) {
    throw new Error(`${path} could not be loaded; npm run build:bench makes it`, { cause });
  }
}
