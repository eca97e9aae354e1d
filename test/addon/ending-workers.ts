// A process whose workers end one after the other while the addon does something for them. Arguments: what is under way,
// and how they end.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { openDriver, type Driver, type SimulatedProcess } from '../../lib/index.js';
import { addon, DEVICE, KEY_ALL_ACCESS, SCRATCH, simulator, startProcess } from './harness.js';

const rounds = 6;
const onPurpose = 'on purpose';
const path = 'HKLM\\SOFTWARE\\EndingWorker';
const [work = '', ending = ''] = process.argv.slice(2);

const ignore = (): void => undefined;

/** Once, and when that has worked without a pause, four at a time. */
async function forever(action: () => Promise<unknown>): Promise<void> {
  await action();
  const repeat = async (): Promise<void> => {
    for (;;) await action();
  };
  // They fail when the driver goes before the worker does.
  for (let i = 0; i < 4; i++) void repeat().catch(ignore);
}

function createProcess(driver: Driver): SimulatedProcess {
  if (!driver.simulator) throw new Error('this addon was built without the simulator');
  return driver.simulator.createProcess({ imagePath: 'C:\\worker.exe' });
}

// Each begins what is then under way.
const works: Record<string, (driver: Driver) => unknown> = {
  start: ignore,
  requests: (driver) => forever(() => driver.statistics()),
  refusals: (driver) => forever(() => driver.registerCallback({ altitude: '370400' }, ignore).catch(ignore)),
  // Not awaited: the worker ends while the first of them is on its way.
  registering: (driver) => {
    for (let i = 0; i < 4; i++) {
      driver.registerCallback({ altitude: `37041${i}` }, ignore).catch(ignore);
    }
  },
  opens: () => forever(async () => (await openDriver({ backend: 'simulator' })).close()),
  'failing opens': () => forever(() => addon.openChannel('simulator', `No${DEVICE}`, ignore, ignore).catch(ignore)),
  closing: async (driver) => {
    await forever(() => driver.statistics());
    void driver.close();
  },
  events: async (driver) => {
    const key = await createProcess(driver).createKeyPath(path);
    await driver.registerCallback({ altitude: '370401' }, ignore);
    await forever(() => key.setValue('Number', { type: 'REG_DWORD', data: 1 }));
  },
  queries: async (driver) => {
    const key = await createProcess(driver).createKeyPath(path);
    await key.setValue('Text', 'x'.repeat(100));
    await forever(() => key.queryValue('Text'));
  },
  keys: async (driver) => {
    const key = await createProcess(driver).createKeyPath(path);
    await forever(async () => (await key.createKey('Child')).close());
  },
  loads: (driver) => {
    const loading = createProcess(driver);
    return forever(() => loading.load({ path, threads: 2, operations: 10 }));
  },
  processes: () =>
    forever(async () => {
      const short = startProcess('C:\\short.exe');
      await short.createThread().close();
      await short.exit();
    }),
  // Never back in the event loop, so the worker ends inside one of these calls; most of their time is the names.
  calls: () => {
    const thread = startProcess('C:\\busy.exe').createThread();
    const names = new Array<string>(10_000).fill('value');
    for (;;) {
      void thread.queryMultipleValues(0, names, 100);
      void thread.createKey(0, `${SCRATCH}\\Busy`, KEY_ALL_ACCESS, 0, 'class', 0, 0, new Uint8Array(4));
      void thread.queryValue(0, 'value', 2, 100, { kind: 'vanish', after: 1 });
      simulator().poolUsage();
    }
  },
};

async function beginAndEnd(): Promise<void> {
  const driver = await openDriver({ backend: 'simulator' });
  if (work === 'calls') parentPort?.postMessage('ready');
  await works[work]?.(driver);
  if (ending === 'exit') process.exit(0);
  if (ending === 'throw') throw new Error(onPurpose);
  parentPort?.postMessage('ready');
}

async function endOne(round: number): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { argv: [work, ending] });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.on('error', (error: Error) => {
    if (error.message !== onPurpose) throw error;
  });
  if (ending === 'terminate') {
    if (work !== 'start') await once(worker, 'message');
    await delay(work === 'start' ? round * 15 : round);
    await worker.terminate();
  }
  await ended;
}

async function endAll(): Promise<void> {
  if (!(work in works)) throw new Error(`nothing is called '${work}'`);
  await using driver = await openDriver({ backend: 'simulator' });
  for (let round = 0; round < rounds; round++) await endOne(round);
  // Nobody else has noticed.
  const key = await createProcess(driver).createKeyPath(path);
  let events = 0;
  const registration = await driver.registerCallback({ altitude: '370402', classes: ['RegNtPreSetValueKey'] }, () => {
    events++;
  });
  await key.setValue('Number', { type: 'REG_DWORD', data: 1 });
  await registration.unregister();
  console.log(`${rounds} workers have ended, ${events} event since`);
}

await (isMainThread ? endAll() : beginAndEnd());
