import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadNative } from '../../lib/native/native-loader.js';
import type {
  NativeAddon,
  NativeChannel,
  NativeProcess,
  NativeProcessOptions,
  NativeSimulator,
} from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import { hello, register } from '../conformance/wire.js';

export const addon: NativeAddon = loadNative();
export const DEVICE = 'CmBridge';
export const SCRATCH = '\\REGISTRY\\MACHINE\\SOFTWARE';
export const KEY_ALL_ACCESS = 0xf003f;
export const OBJ_CASE_INSENSITIVE = 0x40;
/** RegNtPreSetValueKey alone: one record per operation. */
export const PRE_SET_VALUE = 1n << 1n;

export function simulator(): NativeSimulator {
  if (!addon.simulator) throw new Error('this addon was built without the simulator');
  return addon.simulator;
}

export const USER = 'S-1-5-21-3623811015-3361044348-30300820-1013';

export function startProcess(imagePath: string, options: Partial<NativeProcessOptions> = {}): NativeProcess {
  return simulator().createProcess({
    imagePath,
    commandLine: null,
    userSid: USER,
    integrityLevel: 0x3000,
    elevated: true,
    sessionId: 1,
    parentId: 0,
    wow64: false,
    id: null,
    ...options,
  });
}

export interface Listener {
  readonly channel: NativeChannel;
  readonly batches: ArrayBuffer[];
  /** Sequence numbers of the notifications, in the order in which they came. */
  readonly sequences: bigint[];
  readonly gaps: bigint[];
}

/** A channel with HELLO done and a registration of SetValueKey; every batch is acknowledged at once, if not told otherwise. */
export async function listen(
  altitude: string,
  options: { receives?: number; acknowledge?: boolean } = {},
): Promise<Listener> {
  const batches: ArrayBuffer[] = [];
  const sequences: bigint[] = [];
  const gaps: bigint[] = [];
  const channel = await addon.openChannel(
    'simulator',
    DEVICE,
    (batch) => {
      batches.push(batch);
      read(batch, sequences, gaps);
      if (options.acknowledge ?? true) channel.acknowledge();
    },
    () => undefined,
  );
  const { status } = await hello(channel);
  if (status !== 0) throw new Error(`HELLO: 0x${status.toString(16)}`);
  channel.startReceive(options.receives ?? 4, P.CMB_MIN_RECEIVE_BYTES);
  const registered = await register(channel, { altitude, classMask: PRE_SET_VALUE });
  if (registered !== 0) throw new Error(`REGISTER: 0x${registered.toString(16)}`);
  return { channel, batches, sequences, gaps };
}

function read(batch: ArrayBuffer, sequences: bigint[], gaps: bigint[]): void {
  const view = new DataView(batch);
  let offset = view.getUint16(P.CMB_BATCH.HeaderSize, true);
  for (let left = view.getUint32(P.CMB_BATCH.RecordCount, true); left > 0; left--) {
    const sequence = view.getBigUint64(offset + P.CMB_RECORD.Sequence, true);
    const kind = view.getUint16(offset + P.CMB_RECORD.Kind, true);
    if (kind === P.CMB_RECORD_GAP) gaps.push(sequence);
    if (kind === P.CMB_RECORD_NOTIFICATION) sequences.push(sequence);
    offset += view.getUint32(offset + P.CMB_RECORD.Size, true);
  }
}

/** Runs a program of these tests in a process of its own, to its end. */
export async function runProgram(
  program: URL,
  programArguments: readonly string[],
): Promise<{ code: number | null; signal: string | null; output: string }> {
  const child = spawn(process.execPath, [fileURLToPath(program), ...programArguments], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { code, signal, output };
}

export async function until(condition: () => boolean, what: string, milliseconds = 10_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timeout: ${what}`);
    await delay(5);
  }
}
