import { once } from 'node:events';
import { after, before } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openDriver, type Driver } from '../../lib/index.js';
import { loadNative } from '../../lib/native/native-loader.js';
import { conformance, type Actor, type ConformanceHost, type Victim, type VictimOptions } from './index.js';

const addon = loadNative();

const host: ConformanceHost = {
  name: 'the simulator',
  backend: 'simulator',
  addon,
  scratch: '\\REGISTRY\\MACHINE\\SOFTWARE',
  abilities: new Set([
    'injection',
    'identities',
    'kernel callers',
    'access checks',
    'application hives',
    'restore',
    'transactions',
    'wow64 views',
    'control sets',
    'process trees',
    'hostile memory',
    'own process',
    'write times',
    'many threads',
  ]),
  openDriver: (options = {}) => openDriver({ ...options, backend: 'simulator' }),
  createActor(driver: Driver, options = {}): Promise<Actor> {
    if (!driver.simulator) throw new Error('this driver has no simulator');
    return Promise.resolve(driver.simulator.createProcess({ imagePath: 'C:\\Conformance\\actor.exe', ...options }));
  },
  async startVictim(altitude: string, { rules, blocks, persists }: VictimOptions = {}): Promise<Victim> {
    const worker = new Worker(new URL('./victim.js', import.meta.url), {
      workerData: [
        altitude,
        'simulator',
        rules ? JSON.stringify(rules) : '',
        blocks ? 'yes' : '',
        persists ? 'yes' : '',
      ],
    });
    await Promise.race([
      once(worker, 'message'),
      once(worker, 'error').then(([error]) => {
        throw error as Error;
      }),
    ]);
    return {
      kill: async () => {
        await worker.terminate();
      },
    };
  },
  ownProcess(driver: Driver): Actor {
    if (!driver.simulator) throw new Error('this driver has no simulator');
    return driver.simulator.hostProcess();
  },
  openChannel: (onBatch) => addon.openChannel('simulator', 'CmBridge', onBatch, () => undefined),
};

if (process.env['CMBRIDGE_TEST_FAULTS']) {
  // Keeps the machine running, so that it remembers over all tests which call stacks have failed already.
  let holder: Driver;
  before(async () => {
    holder = await openDriver({ backend: 'simulator' });
    addon.simulator?.failEachStackOnce(true);
  });
  after(async () => {
    const failed = addon.simulator?.failedAllocations() ?? 0;
    addon.simulator?.failEachStackOnce(false);
    console.log(`${String(failed)} allocations were made to fail`);
    // A session, its work item and its ring; the mapping of a request; a registration; a call context.
    if (failed < 6) throw new Error('too few allocations failed: the fault injection does not work');
    await holder.close();
  });
}

conformance(host);
