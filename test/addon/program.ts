// What the lifecycle tests end: a program with an open channel, as a process or as a worker thread.
import { parentPort } from 'node:worker_threads';
import { listen, SCRATCH, startProcess } from './harness.js';

const [altitude = '370199', scenario = ''] = process.argv.slice(2);
const { channel, batches } = await listen(altitude);

function report(): void {
  if (parentPort) parentPort.postMessage('ready');
  else console.log('ready');
}

function load(operations: number): Promise<unknown> {
  return startProcess('C:\\load.exe').load(`${SCRATCH}\\Addon${altitude}`, 2, operations, 'set');
}

async function someBatches(): Promise<void> {
  while (batches.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
}

switch (scenario) {
  case 'load':
    void load(50_000);
    await someBatches();
    report();
    break;
  case 'stalled':
    void load(50_000);
    await someBatches();
    report();
    for (;;);
  case 'exit':
    process.exit(0);
    break;
  case 'exit-load':
    void load(5_000);
    await someBatches();
    process.exit(0);
    break;
  case 'unref':
    // Nothing else keeps the event loop: the process ends with the channel still open.
    await load(100);
    channel.unref();
    break;
  case 'throw':
    process.exitCode = 7;
    process.on('uncaughtException', () => process.exit(7));
    void load(100);
    throw new Error('on purpose');
  case 'closed':
    await load(100);
    await channel.close();
    break;
  case 'idle':
    report();
    break;
  default:
    throw new Error(`unknown scenario '${scenario}'`);
}
