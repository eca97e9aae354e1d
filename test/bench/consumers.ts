import type { LazyEvent } from '../../lib/decode/lazy-event.js';
import type { Driver } from '../../lib/driver/driver.js';
import type { BreakerEvent, GapEvent } from '../../lib/event/event.js';
import type { NativeAddon } from '../../lib/native/native.js';
import { openDriverWith } from '../../lib/driver/open-driver.js';
import * as P from '../../lib/wire/protocol.js';
import { loadBenchAddon, type BenchChannel, type Recording } from './native.js';
import { recordCount } from './raw-session.js';

/** One way of getting events into a program, fed from a recording. */
export interface Consumer {
  readonly id: string;
  readonly label: string;
  /** Plays the recording so many times; resolves with nanoseconds when everything has arrived. */
  readonly play: (times: number) => Promise<number>;
  /** The last event as the program has it; null where events are not looked at. */
  readonly lastEvent: () => object | null;
  readonly close: () => Promise<void>;
}

const receives = 4;

/** Counts to a number that is set before each run, and tells how long that took. */
export class Arrivals {
  #left = 0;
  #begin = 0n;
  #done: ((nanoseconds: number) => void) | null = null;

  expect(count: number): Promise<number> {
    this.#left = count;
    this.#begin = process.hrtime.bigint();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  add(count: number): void {
    this.#left -= count;
    if (this.#left <= 0) {
      this.#done?.(Number(process.hrtime.bigint() - this.#begin));
      this.#done = null;
    }
  }
}

/** All of the package: its delivery, its session, its decoder, a callback that gets each event. */
export async function decodingConsumer(recording: Recording): Promise<Consumer> {
  const arrivals = new Arrivals();
  let last: object | null = null;
  const { driver, play } = await openReplay(recording);
  await driver.registerCallback(registered, (event) => {
    last = event;
    arrivals.add(1);
  });
  return {
    id: 'full',
    label: 'every field decoded',
    play: (times) => {
      const arrived = arrivals.expect(times * recording.notifications);
      play(times);
      return arrived;
    },
    lastEvent: () => last,
    close: () => driver.close(),
  };
}

/** The same, with a callback that asks for the class and the key only. */
export async function twoFieldConsumer(recording: Recording): Promise<Consumer> {
  const arrivals = new Arrivals();
  const seen: Seen = { class: '', key: null };
  const { driver, play } = await openReplay(recording);
  await driver.registerLazyCallback(registered, (event) => {
    look(event, seen);
    arrivals.add(1);
  });
  return {
    id: 'two',
    label: 'two fields decoded: class and key',
    play: (times) => {
      const arrived = arrivals.expect(times * recording.notifications);
      play(times);
      return arrived;
    },
    lastEvent: () => null,
    close: () => driver.close(),
  };
}

/** What a program that wants two fields has of the last event. */
export interface Seen {
  class: string;
  key: string | null;
}

export function look(event: LazyEvent | GapEvent | BreakerEvent, seen: Seen): void {
  seen.class = event.class;
  if (event.class !== 'gap' && event.class !== 'breaker') seen.key = event.key;
}

const registered = { altitude: '385000.3' };

async function openReplay(recording: Recording): Promise<{ driver: Driver; play: (times: number) => void }> {
  let channel: BenchChannel | null = null;
  const addon = replayAddon(recording, (opened) => {
    channel = opened;
  });
  const driver = await openDriverWith(() => addon, { backend: 'simulator' });
  return { driver, play: (times) => channel?.play(times) };
}

/** The package's addon, as the package sees it, with a recording for a driver. */
function replayAddon(recording: Recording, onOpen: (channel: BenchChannel) => void): NativeAddon {
  const addon = loadBenchAddon();
  return {
    version: '',
    backends: ['simulator'],
    simulator: null,
    windows: null,
    openChannel: (_backend, _deviceName, onBatch) => {
      const channel = new addon.Channel(recording, 'batches', onBatch);
      onOpen(channel);
      return Promise.resolve(channel);
    },
  };
}

/** Batches are copied into JavaScript and nothing is done with them. */
export function copyingConsumer(recording: Recording): Consumer {
  const arrivals = new Arrivals();
  const channel = new (loadBenchAddon().Channel)(recording, 'batches', (batch) => {
    arrivals.add(recordCount(batch));
    channel.acknowledge();
  });
  channel.startReceive(receives, P.CMB_MIN_RECEIVE_BYTES);
  const records = recording.batches.reduce((sum, { buffer }) => sum + recordCount(buffer as ArrayBuffer), 0);
  return {
    id: 'copy',
    label: 'batches copied, not decoded (c)',
    play: (times) => {
      const arrived = arrivals.expect(times * records);
      channel.play(times);
      return arrived;
    },
    lastEvent: () => null,
    close: () => channel.close(),
  };
}

/** One call and one object of Node-API for each event. */
export function objectConsumer(recording: Recording): Consumer {
  const arrivals = new Arrivals();
  let last: object | null = null;
  const channel = new (loadBenchAddon().Channel)(recording, 'events', (event) => {
    last = event;
    arrivals.add(1);
  });
  channel.startReceive(receives, P.CMB_MIN_RECEIVE_BYTES);
  return {
    id: 'objects',
    label: 'a call and an object by Node-API per event (a)',
    play: (times) => {
      const arrived = arrivals.expect(times * recording.notifications);
      channel.play(times);
      return arrived;
    },
    lastEvent: () => last,
    close: () => channel.close(),
  };
}
