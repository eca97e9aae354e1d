import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openDriver } from '../../lib/driver/open-driver.js';

const altitude = '385210.471';
const rules = [{ keys: 'HKLM\\SOFTWARE\\Restart\\Guarded', operations: 'SetValueKey', action: 'block' }] as const;

it('a monitor that was restarted waits for what its former self has left', async () => {
  await using driver = await openDriver({ backend: 'simulator' });
  assert.ok(driver.simulator);
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  let isAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  await using lower = await driver.registerCallback(
    {
      altitude: '385000.471',
      rules: [{ keys: 'HKLM\\SOFTWARE\\Restart\\Slow', operations: 'SetValueKey', action: 'ask', deadline: 10_000 }],
    },
    async (event) => {
      if (event.class !== 'RegNtPreSetValueKey') return;
      isAsked();
      await answered;
    },
  );
  const process = driver.simulator.createProcess({ imagePath: 'C:\\restart.exe' });
  const guarded = await process.createKeyPath('HKLM\\SOFTWARE\\Restart\\Guarded');
  const thread = process.createThread();
  const slow = await thread.createKeyPath('HKLM\\SOFTWARE\\Restart\\Slow');
  const monitor = new Worker(new URL('../conformance/victim.js', import.meta.url), {
    workerData: [altitude, 'simulator', JSON.stringify(rules), '', ''],
  });
  await once(monitor, 'message');
  const setGuarded = () => guarded.setValue('v', { type: 'REG_SZ', data: '' });
  await assert.rejects(setGuarded(), { ntStatusName: 'STATUS_ACCESS_DENIED' });

  // The operation has met the monitor, and the lower registration holds it.
  const setting = slow.setValue('v', { type: 'REG_SZ', data: '' });
  await asked;
  const ended = monitor.terminate();
  await assert.doesNotReject(async () => {
    for (;;)
      if (
        await setGuarded().then(
          () => true,
          () => false,
        )
      )
        break;
  });
  const restarted = driver.registerCallback({ altitude, rules }, () => undefined);
  const first = await Promise.race([restarted.then(() => 'registered'), setGuarded().then(() => 'nothing is blocked')]);
  assert.equal(first, 'nothing is blocked');
  answer();
  await setting;
  await restarted;
  await ended;
  await assert.rejects(setGuarded(), { ntStatusName: 'STATUS_ACCESS_DENIED' });
  assert.ok(lower.active);
});
