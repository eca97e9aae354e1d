import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openDriver } from '../../lib/driver/open-driver.js';
import * as P from '../../lib/wire/protocol.js';

/** The driver stops handing out records when so many are unread. */
const highWaterMark = 64;
const receives = 2;

it('a stalled iterator leaves the records in the driver, which counts what it drops', async () => {
  await using driver = await openDriver({
    backend: 'simulator',
    queueBytes: P.CMB_MIN_QUEUE_BYTES,
    queueRecords: 1000,
    receives,
  });
  assert.ok(driver.simulator);
  const registration = await driver.registerCallback({ altitude: '385000.77', classes: ['RegNtPreSetValueKey'] });
  const iterator = registration.events({ highWaterMark });
  const process = driver.simulator.createProcess({ imagePath: 'C:\\pressure.exe' });
  const key = await process.createKeyPath('HKLM\\SOFTWARE\\Pressure');
  let operations = 0n;
  const setValues = async (count: number) => {
    for (let i = 0; i < count; i++) await key.setValue('Count', { type: 'REG_DWORD', data: i });
    operations += BigInt(count);
  };
  // What the program holds is what the driver has handed out, for nothing is read.
  const perRequest = BigInt(Math.ceil(P.CMB_MIN_RECEIVE_BYTES / P.CMB_RECORD.size));
  const bound = BigInt(highWaterMark) + BigInt(receives) * perRequest;
  await setValues(1000);
  const { delivered: first } = await driver.statistics();
  assert.ok(first >= BigInt(highWaterMark) && first <= bound, `${first} of at most ${bound}`);
  await setValues(5000);
  const { delivered, queueRecords, lost, callbacks } = await driver.statistics();
  assert.ok(delivered <= bound, `${delivered} of at most ${bound}`);
  assert.equal(callbacks, operations);
  assert.ok(queueRecords <= 1000n);
  assert.ok(lost > 0n);
  assert.equal(delivered + queueRecords + lost, operations);

  let told = 0n;
  const reading = (async () => {
    for await (const event of iterator) told += event.class === 'gap' ? event.count : 1n;
  })();
  await registration.unregister();
  await reading;
  assert.equal(told, operations);
});
