import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { listen, runProgram, SCRATCH, simulator, startProcess, until } from './harness.js';

const program = new URL('./program.js', import.meta.url);

async function startWorker(altitude: string, scenario: string): Promise<Worker> {
  const worker = new Worker(program, { argv: [altitude, scenario] });
  worker.on('error', (error) => {
    throw error;
  });
  await once(worker, 'message');
  return worker;
}

describe('the addon at the end of its environment', () => {
  it('the addon ends with a worker that is terminated under load', async () => {
    for (let round = 0; round < 5; round++) {
      const worker = await startWorker('370101', 'load');
      await delay(round * 7);
      assert.equal(await worker.terminate(), 1);
    }
  });

  it('the addon of a worker that is terminated leaves the other environments alone', async () => {
    const { channel, sequences } = await listen('370102');
    const before = simulator().poolUsage().blocks;
    const workers = await Promise.all(['370103', '370104', '370105'].map((altitude) => startWorker(altitude, 'load')));
    await Promise.all(workers.map((worker) => worker.terminate()));
    const process = startProcess('C:\\after.exe');
    const count = sequences.length;
    await process.load(`${SCRATCH}\\AddonAfter`, 1, 10, 'set');
    await until(() => sequences.length >= count + 10, 'the records of the load');
    assert.ok(simulator().poolUsage().blocks <= before + 16, 'the workers left pool behind');
    await channel.close();
  });

  it('the addon ends with a worker that never leaves its event loop', async () => {
    const worker = await startWorker('370106', 'stalled');
    await delay(50);
    assert.equal(await worker.terminate(), 1);
  });

  for (const scenario of ['exit', 'exit-load', 'unref', 'throw', 'closed']) {
    it(`the addon ends with its process in the scenario ${scenario}`, async () => {
      const { code, signal, output } = await runProgram(program, ['370100', scenario]);
      assert.equal(signal, null, output);
      assert.equal(code, scenario === 'throw' ? 7 : 0, output);
    });
  }

  it('the addon keeps the process alive while a channel is open and referenced', async () => {
    const child = spawn(process.execPath, [fileURLToPath(program), '370107', 'idle'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await delay(300);
    assert.equal(child.exitCode, null);
    child.kill();
    await once(child, 'close');
  });
});
