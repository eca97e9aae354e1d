import { loadNative } from '../../lib/native/native-loader.js';
import type { NativeAddon, NativeChannel } from '../../lib/native/native.js';
import { openDriverWith } from '../../lib/driver/open-driver.js';
import type { Recording } from './native.js';
import { benchKey, bigQueue, runLoad } from './rig.js';

/**
 * Real batches of set values, pre and post, of several threads. They are held back until all is recorded by the driver, so they
 * are as full as those of a busy program.
 */
export async function record(operations: number, threads: number): Promise<Recording> {
  const tap = new Tap();
  const driver = await openDriverWith(() => tap.addon(loadNative()), { ...bigQueue, backend: 'simulator' });
  const { simulator } = driver;
  if (simulator === null) throw new Error('a recording needs the simulator');
  let notifications = 0;
  const registration = await driver.registerCallback(
    { altitude: '385000.3', classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
    (event) => {
      if (event.class === 'gap' || event.class === 'breaker') throw new Error(`the recording has a ${event.class}`);
      notifications++;
    },
  );
  // What has been answered now is all that a replay will be asked.
  const replies = [...tap.replies];
  const process = simulator.createProcess({ imagePath: 'C:\\Program Files\\Bench\\bench.exe' });
  await runLoad(process, { path: benchKey, kind: 'set', operations, threads });
  tap.release();
  await registration.unregister();
  const batches = [...tap.batches];
  await driver.close();
  const expected = 2 * operations * threads;
  if (notifications !== expected) throw new Error(`${notifications} notifications were recorded, not ${expected}`);
  return { batches, replies, notifications };
}

/** Stands between the package and its addon and keeps what goes by. */
class Tap {
  readonly batches: Uint8Array[] = [];
  readonly replies = new Map<number, Uint8Array>();
  #channel: NativeChannel | null = null;
  #held: number | null = 0;

  addon(native: NativeAddon): NativeAddon {
    return {
      ...native,
      openChannel: async (backend, deviceName, onBatch, onEnd) => {
        const channel = await native.openChannel(
          backend,
          deviceName,
          (batch) => {
            this.batches.push(new Uint8Array(batch.slice(0)));
            onBatch(batch);
          },
          onEnd,
        );
        this.#channel = channel;
        return this.#tapped(channel);
      },
    };
  }

  /** From now on batches are acknowledged as the package wants it. */
  release(): void {
    for (let left = this.#held ?? 0; left > 0; left--) this.#channel?.acknowledge();
    this.#held = null;
  }

  #tapped(channel: NativeChannel): NativeChannel {
    return {
      reply: (input) => channel.reply(input),
      control: async (code, input, outputLength) => {
        const reply = await channel.control(code, input, outputLength);
        this.replies.set(code, reply.slice());
        return reply;
      },
      startReceive: (receives, bytes) => {
        channel.startReceive(receives, bytes);
      },
      acknowledge: () => {
        if (this.#held === null) channel.acknowledge();
        else this.#held++;
      },
      ref: () => {
        channel.ref();
      },
      unref: () => {
        channel.unref();
      },
      close: () => channel.close(),
    };
  }
}
