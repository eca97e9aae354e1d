import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDriver, type Event, type LoadOptions, type NotifyClassName } from '../../lib/index.js';

/** What a registration of `classes` is told while the load runs. Opens of other keys are left out. */
async function during(classes: readonly NotifyClassName[], options: LoadOptions): Promise<Event[]> {
  await using driver = await openDriver({ backend: 'simulator', queueBytes: 16 * 2 ** 20, queueRecords: 65_536 });
  assert.ok(driver.simulator);
  await using process = driver.simulator.createProcess({ imagePath: 'C:\\load.exe' });
  await using parent = await process.createKeyPath(options.path);
  const events: Event[] = [];
  const registration = await driver.registerCallback({ altitude: '370300', classes }, (event) => {
    events.push(event);
  });
  const result = await process.load({ ...options, path: `${options.path}\\Keys` });
  const { threads = 1, operations = 1000 } = options;
  assert.deepEqual([result.operations, result.failures], [threads * operations, 0]);
  assert.ok(result.nanoseconds > 0n);
  await registration.unregister();
  await process.deleteTree(`${options.path}\\Keys`);
  await parent.close();
  return events;
}

const path = 'HKLM\\SOFTWARE\\AddonLoad';

function tally(events: readonly Event[], of: (event: Event) => string | null | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) {
    const text = of(event) ?? '(none)';
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

const keyBelow = (event: Event): string | undefined =>
  'key' in event && event.key ? event.key.replace(/^.*\\AddonLoad\\Keys\\?/, '') : undefined;

describe('a load of the simulator', () => {
  it('a load of the simulator sets one value of one key per thread unless told otherwise', async () => {
    const events = await during(['RegNtPreSetValueKey'], { path, threads: 2, operations: 3 });
    assert.deepEqual(tally(events, keyBelow), { '0': 3, '1': 3 });
    assert.deepEqual(
      tally(events, (event) => (event.class === 'RegNtPreSetValueKey' ? event.valueName : null)),
      { value: 6 },
    );
  });

  it('a load of the simulator takes keys and value names in turn', async () => {
    const events = await during(['RegNtPreQueryValueKey'], {
      path,
      kind: 'query',
      operations: 12,
      keys: 3,
      valueNames: 2,
    });
    assert.deepEqual(tally(events, keyBelow), { '0\\0\\0': 4, '0\\0\\1': 4, '0\\0\\2': 4 });
    assert.deepEqual(
      events.map((event) => (event.class === 'RegNtPreQueryValueKey' ? event.valueName : null)),
      [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1].map((name) => `value ${name}`),
    );
  });

  it('a load of the simulator opens and closes keys as deep as asked for', async () => {
    const events = await during(['RegNtPostOpenKeyEx', 'RegNtPreKeyHandleClose'], {
      path,
      kind: 'open',
      threads: 2,
      operations: 300,
      keys: 300,
      depth: 3,
    });
    const opened = tally(
      events.filter((event) => event.class === 'RegNtPostOpenKeyEx'),
      keyBelow,
    );
    const deep = Object.entries(opened).filter(([key]) => key.endsWith('\\Level 1\\Level 2\\Level 3'));
    assert.equal(deep.length, 600);
    assert.ok(deep.every(([, count]) => count === 1));
    assert.equal(opened['1\\1\\299\\Level 1\\Level 2\\Level 3'], 1);
  });

  it('a load of the simulator makes and deletes keys, none of them twice', async () => {
    const classes = ['RegNtPostCreateKeyEx', 'RegNtPreSetValueKey', 'RegNtPostDeleteKey'] as const;
    const events = await during(classes, { path, kind: 'churn', operations: 20 });
    const whole = ['RegNtPostCreateKeyEx', 'RegNtPreSetValueKey', 'RegNtPostDeleteKey'];
    for (let i = 0; i < 20; i++) {
      const life = events.filter((event) => keyBelow(event) === `0\\${i}`);
      assert.deepEqual(
        life.map((event) => event.class),
        whole,
      );
    }
  });

  it('a load of the simulator raises notifications that nothing stands behind', async () => {
    const classes = ['RegNtPreQueryValueKey', 'RegNtPostQueryValueKey', 'RegNtPreDeleteKey'] as const;
    const queries = await during(classes, { path, kind: 'notify', operations: 5, keys: 5 });
    assert.deepEqual(
      tally(queries, (event) => event.class),
      { RegNtPreQueryValueKey: 5, RegNtPostQueryValueKey: 5 },
    );
    const deletes = await during(classes, { path, kind: 'notify', notifyClass: 0, operations: 4 });
    assert.deepEqual(
      tally(deletes, (event) => event.class),
      { RegNtPreDeleteKey: 4 },
    );
    assert.deepEqual(tally(deletes, keyBelow), { '0': 4 });
  });

  it('a load of the simulator ends early when its process exits', async () => {
    await using driver = await openDriver({ backend: 'simulator' });
    assert.ok(driver.simulator);
    const process = driver.simulator.createProcess({ imagePath: 'C:\\load.exe' });
    const kinds = ['set', 'query', 'open', 'churn', 'notify'] as const;
    const loads = kinds.map((kind) =>
      process.load({ path: `HKLM\\SOFTWARE\\AddonLoad${kind}`, kind, operations: 2 ** 31 - 1, keys: 4, threads: 2 }),
    );
    // One that is still making its keys when it has to stop.
    loads.push(process.load({ path: 'HKLM\\SOFTWARE\\AddonLoadMany', keys: 2 ** 24 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await process.exit();
    for (const load of loads) assert.ok((await load).operations < 2 ** 32 - 2);
  });

  it('a load of the simulator is refused with what is wrong in its options', async () => {
    await using driver = await openDriver({ backend: 'simulator' });
    assert.ok(driver.simulator);
    await using process = driver.simulator.createProcess({ imagePath: 'C:\\load.exe' });
    const wrong: [object, RegExp][] = [
      [{ kind: 'read' }, /"kind" must be "set", "query", "open", "churn" or "notify", not "read"/],
      [{ keys: 0 }, /"keys" must be an integer from 1 to/],
      [{ depth: -1 }, /"depth" must be an integer from 0 to/],
      [{ valueNames: 0.5 }, /"valueNames" must be an integer from 1 to/],
      [{ notifyClass: 256 }, /"notifyClass" must be an integer from 0 to 255/],
      [{ depht: 1 }, /no option "depht".*"depth"/],
    ];
    for (const [options, message] of wrong) await assert.rejects(process.load({ path, ...options }), { message });
  });
});
