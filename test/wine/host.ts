// The host of the conformance suite for Windows binaries: under Wine with cmkernel.sys, or on a real Windows.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openDriver } from '../../lib/index.js';
import { loadNative } from '../../lib/native/native-loader.js';
import { SimulatedProcess } from '../../lib/simulator/simulated-process.js';
import type { Ability, Actor, ConformanceHost, Victim, VictimOptions } from '../conformance/index.js';
import { ActorProcess } from './actor-process.js';

const VICTIM = fileURLToPath(new URL('../conformance/victim.js', import.meta.url));

export interface WindowsHostOptions {
  readonly name: string;
  /** Path of regactor.exe. */
  readonly actor: string;
  /** The actor calls ntdll itself: for a real Windows, where no cmkernel.sys is needed. */
  readonly native: boolean;
}

async function startActor({ actor, native }: WindowsHostOptions): Promise<Actor> {
  const process = new SimulatedProcess(
    await ActorProcess.start(actor, native ? ['--native'] : []),
    actor,
    () => undefined,
  );
  return process;
}

/** A Node of its own that registers and is then terminated from outside. */
async function startVictim(altitude: string, { rules, blocks, persists }: VictimOptions = {}): Promise<Victim> {
  const args = [
    VICTIM,
    altitude,
    'device',
    rules ? JSON.stringify(rules) : '',
    blocks ? 'yes' : '',
    persists ? 'yes' : '',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`the victim ended with ${String(code)} before it had registered`))),
  ]);
  return {
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export function windowsHost(options: WindowsHostOptions): ConformanceHost {
  const addon = loadNative();
  return {
    name: options.name,
    backend: 'device',
    addon,
    scratch: options.native
      ? '\\REGISTRY\\MACHINE\\SOFTWARE\\CmBridgeTest'
      : '\\REGISTRY\\Machine\\Software\\CmBridgeTest',
    abilities: new Set<Ability>(
      options.native
        ? [
            'access checks',
            'application hives',
            'restore',
            'transactions',
            'wow64 views',
            'control sets',
            'process trees',
            'write times',
            'many threads',
          ]
        : ['injection', 'application hives', 'transactions', 'wow64 views', 'process trees'],
    ),
    openDriver: (driverOptions = {}) => openDriver({ ...driverOptions, backend: 'device' }),
    createActor: () => startActor(options),
    startVictim,
    openChannel: (onBatch) => addon.openChannel('device', 'CmBridge', onBatch, () => undefined),
  };
}
