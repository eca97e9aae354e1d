// Runs as a worker thread or a process of its own: opens the driver, registers, reports, and never cleans up.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openDriver, type OpenDriverOptions } from '../../lib/index.js';

const [altitude, backend] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
if (!altitude || !backend) throw new Error('usage: victim ALTITUDE BACKEND');

const driver = await openDriver({ backend: backend as NonNullable<OpenDriverOptions['backend']> });
await driver.registerCallback({ altitude }, () => undefined);
if (parentPort) parentPort.postMessage('registered');
else process.stdout.write('registered\n');
setInterval(() => undefined, 1000);
