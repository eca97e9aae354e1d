// Runs as a worker thread or a process of its own: opens the driver, registers, reports, and never cleans up.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openDriver, type OpenDriverOptions, type Rule } from '../../lib/index.js';

const [altitude, backend, rules, blocks, persists] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
if (!altitude || !backend) throw new Error('usage: victim ALTITUDE BACKEND [RULES BLOCKS PERSISTS]');

const driver = await openDriver({ backend: backend as NonNullable<OpenDriverOptions['backend']> });
// With rules that ask, it owes an answer for ever.
const never = new Promise<never>(() => undefined);
const persist = persists === 'yes' ? 'until-unload' : 'while-open';
await driver.registerCallback({ altitude, persist, ...(rules ? { rules: JSON.parse(rules) as Rule[] } : {}) }, () =>
  rules ? never : undefined,
);
if (parentPort) parentPort.postMessage('registered');
else process.stdout.write('registered\n');
setInterval(() => {
  // As a debugger does that has stopped it, or a loop that does not end.
  if (blocks === 'yes') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}, 100);
