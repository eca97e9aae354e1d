import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Driver } from '../../../lib/driver/driver.js';
import { openDriverWith, type OpenDriverOptions } from '../../../lib/driver/open-driver.js';
import * as P from '../../../lib/wire/protocol.js';
import { FakeAddon, nativeError } from '../support/fake-addon.js';

const ABORTED = { name: 'AbortError', code: 'CMB_ABORTED' };

async function open(options?: OpenDriverOptions, addon = new FakeAddon()): Promise<[Driver, FakeAddon]> {
  return [await openDriverWith(() => addon, options), addon];
}

describe('openDriver', () => {
  it('openDriver() chooses the backend by the platform and tells it', async () => {
    const [driver] = await open();
    assert.equal(driver.backend, process.platform === 'win32' ? 'device' : 'simulator');
    assert.deepEqual(driver.callbackVersion, { major: 1, minor: 1 });
    assert.deepEqual(driver.protocol, { major: P.CMB_PROTOCOL_MAJOR, minor: 0 });
    assert.equal(driver.limits.maxRegistrations, 64);
    assert.equal(driver.limits.processSlots, P.CMB_PROCESS_SLOTS);
    await driver.close();
    assert.equal(driver.closed, true);
    await assert.rejects(driver.statistics(), { code: 'CMB_DRIVER_CLOSED' });
    await assert.rejects(driver.registerCallback({ altitude: '1' }), { code: 'CMB_DRIVER_CLOSED' });
  });

  it('openDriver() names unknown options and the nearest known one', async () => {
    await assert.rejects(open({ queueByte: 1 } as never), {
      code: 'CMB_UNKNOWN_OPTION',
      message: /"queueByte".*"queueBytes"/,
    });
    await assert.rejects(open({ zzz: 1 } as never), { code: 'CMB_UNKNOWN_OPTION', message: /Known options: backend,/ });
    await assert.rejects(open(5 as never), { code: 'CMB_INVALID_ARGUMENT' });
  });

  it('openDriver() checks the values of options before anything is opened', async () => {
    const addon = new FakeAddon();
    const bad: object[] = [
      { backend: 'kernel' },
      { queueBytes: 1 },
      { queueRecords: 0 },
      { queueRecords: 1.5 },
      { receives: 65 },
      { receiveBytes: 1 },
      { deviceName: '' },
      { deviceName: 'a\\b' },
      { signal: {} },
    ];
    for (const options of bad) {
      await assert.rejects(open(options, addon), { code: 'CMB_INVALID_ARGUMENT' }, JSON.stringify(options));
    }
    assert.equal(addon.channels.length, 0);
  });

  it('openDriver() explains a driver of another protocol, and leaves no handle behind', async () => {
    const addon = new FakeAddon();
    addon.helloStatus = 0xc0000059;
    addon.helloMajor = P.CMB_PROTOCOL_MAJOR + 1;
    await assert.rejects(open({}, addon), {
      code: 'CMB_PROTOCOL_MISMATCH',
      message: /protocol 3\.0.*update this package/,
    });
    assert.equal(addon.channel.isClosed, true);
    addon.helloStatus = 0;
    await assert.rejects(open({}, addon), { code: 'CMB_PROTOCOL_MISMATCH' });
    addon.helloMajor = P.CMB_PROTOCOL_MAJOR;
    addon.helloStatus = 0xc000009a;
    await assert.rejects(open({}, addon), { code: 'CMB_INSUFFICIENT_RESOURCES' });
    // Closing fails as well: the first error is the one that is told.
    addon.closeError = new Error('close');
    await assert.rejects(open({}, addon), { code: 'CMB_INSUFFICIENT_RESOURCES' });
    assert.equal(addon.channel.isClosed, true);
  });

  it('openDriver() explains a missing device', async () => {
    const addon = new FakeAddon();
    addon.openFailure = nativeError(0xc0000034);
    await assert.rejects(open({ backend: 'device' }, addon), { code: 'CMB_DRIVER_NOT_FOUND', ntStatus: 0xc0000034 });
  });

  it('openDriver() takes a signal, and leaves no handle behind when it is aborted', async () => {
    await assert.rejects(open({ signal: AbortSignal.abort() }), ABORTED);
    const addon = new FakeAddon();
    const controller = new AbortController();
    const opening = open({ signal: controller.signal }, addon);
    controller.abort();
    await assert.rejects(opening, ABORTED);
    assert.ok(addon.channels.every((channel) => channel.isClosed));
  });
});

describe('registerCallback', () => {
  it('registerCallback() sends the classes as bits', async () => {
    const [driver, addon] = await open();
    const maskOf = async (options: object): Promise<bigint> => {
      await driver.registerCallback({ altitude: String(addon.channel.registered.size + 1), ...options });
      return addon.channel.lastClassMask;
    };
    assert.equal(await maskOf({}), 0xffff_ffff_ffff_ffffn & ~0x3c00n);
    assert.equal(await maskOf({ classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] }), 0x10002n);
    assert.equal(
      await maskOf({ classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'], phases: ['post'] }),
      0x10000n,
    );
    const posts = await maskOf({ phases: ['post'] });
    assert.equal(posts & 0x4000_03ffn, 0n);
    assert.equal((posts >> 16n) & 1n, 1n);
    await driver.close();
  });

  it('registerCallback() checks and passes on what is to limit the flow', async () => {
    const [driver, addon] = await open();
    const { channel } = addon;
    const cases = [
      [{}, 0, [0, 0]],
      [{ coalesceReads: true, oldValues: true }, P.CMB_REGISTER_OLD_VALUES, [0, 0]],
      [{ rateLimit: 100 }, 0, [100, 100]],
      [{ rateLimit: { perSecond: P.CMB_MAX_RATE } }, 0, [P.CMB_MAX_RATE, P.CMB_MAX_RATE]],
      [{ rateLimit: { perSecond: 10, burst: 1 } }, 0, [10, 1]],
    ] as const;
    for (const [index, [options, bits, rate]] of cases.entries()) {
      await driver.registerCallback({ altitude: String(index), ...options });
      assert.deepEqual([channel.lastOptions, channel.lastRate], [bits, rate], JSON.stringify(options));
    }
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ coalesceReads: 'yes' }, /"coalesceReads" must be true or false, not "yes"/],
      [{ rateLimit: 0 }, /"rateLimit" must be an integer from 1 to 1000000000, not 0/],
      [{ rateLimit: 0.5 }, /"rateLimit" must be an integer from 1/],
      [{ rateLimit: '9' }, /"rateLimit" must be a number or \{ perSecond, burst \}, not "9"/],
      [{ rateLimit: {} }, /"rateLimit.perSecond" is missing/],
      [{ rateLimit: { perSecond: 1e10 } }, /"rateLimit.perSecond" must be an integer from 1/],
      [{ rateLimit: { perSecond: 1, burst: -1 } }, /"rateLimit.burst" must be an integer from 1/],
      [{ rateLimit: { persecond: 1 } }, /rateLimit has no option "persecond". Did you mean "perSecond"/],
    ];
    for (const [options, message] of refused) {
      await assert.rejects(driver.registerCallback({ altitude: '99', ...(options as object) }), { message });
    }
    await driver.close();
  });

  it('registerCallback() asks for old values only when told to', async () => {
    const [driver, addon] = await open();
    await driver.registerCallback({ altitude: '1' });
    assert.equal(addon.channel.lastOptions, 0);
    await driver.registerCallback({ altitude: '2', oldValues: true });
    assert.equal(addon.channel.lastOptions, P.CMB_REGISTER_OLD_VALUES);
    await driver.registerCallback({ altitude: '3', oldValues: false });
    assert.equal(addon.channel.lastOptions, 0);
    await assert.rejects(driver.registerCallback({ altitude: '4', oldValues: 1 as never }), {
      code: 'CMB_INVALID_ARGUMENT',
      message: /"oldValues" must be true or false, not 1/,
    });
    await driver.close();
  });

  it('registerCallback() refuses options that cannot be meant before the driver is asked', async () => {
    const [driver, addon] = await open();
    const cases: [object, object][] = [
      [{ classes: [] }, { code: 'CMB_INVALID_ARGUMENT', message: /empty/ }],
      [{ classes: ['RegNtPreSetValueKy'] }, { code: 'CMB_INVALID_ARGUMENT', message: /"RegNtPreSetValueKey"/ }],
      [{ classes: ['RegNtPostOpenKey'] }, { code: 'CMB_INVALID_ARGUMENT', message: /XP.*RegNtPostOpenKeyEx/ }],
      [
        { classes: ['RegNtPreCreateKey'] },
        { message: /^RegNtPreCreateKey \(10\) .* XP only.*use RegNtPreCreateKeyEx$/ },
      ],
      [{ classes: ['RegNtPostCreateKey'] }, { message: /\(11\) .* XP only.*use RegNtPostCreateKeyEx$/ }],
      [{ classes: [12 as never] }, { message: /^RegNtPreOpenKey \(12\) .* XP only.*use RegNtPreOpenKeyEx$/ }],
      [{ classes: [1 as never] }, { message: /by name: for 1, give "RegNtPreSetValueKey"$/ }],
      [{ classes: [51 as never] }, { message: /^Unknown notification class 51/ }],
      [{ phases: ['during'] }, { code: 'CMB_INVALID_ARGUMENT' }],
      [{ classes: ['RegNtPreSetValueKey'], phases: ['post'] }, { code: 'CMB_INVALID_ARGUMENT' }],
      [{ maxDataBytes: 65537 }, { code: 'CMB_INVALID_ARGUMENT', message: /65536/ }],
      [{ onError: 5 }, { code: 'CMB_INVALID_ARGUMENT' }],
      [{ altitud: '1' }, { code: 'CMB_UNKNOWN_OPTION', message: /"altitude"/ }],
      [{ altitude: 'x' }, { code: 'CMB_INVALID_ALTITUDE' }],
    ];
    for (const [options, expected] of cases) {
      await assert.rejects(driver.registerCallback({ altitude: '1', ...options }), expected, JSON.stringify(options));
    }
    await assert.rejects(driver.registerCallback({ altitude: '1' }, 5 as never), { code: 'CMB_INVALID_ARGUMENT' });
    assert.ok(!addon.channel.requests.includes(P.CMB_IOCTL_REGISTER));
    await driver.close();
  });

  it('registerCallback() gives a collision of altitudes its code', async () => {
    const [driver] = await open();
    await driver.registerCallback({ altitude: '7' });
    await assert.rejects(driver.registerCallback({ altitude: '7' }), {
      code: 'CMB_ALTITUDE_COLLISION',
      ntStatus: 0xc01c0011,
    });
    assert.equal(driver.registrations.length, 1);
    await driver.close();
  });

  it('registerCallback() leaves nothing registered when it is aborted on the way', async () => {
    const [driver, addon] = await open();
    await assert.rejects(driver.registerCallback({ altitude: '7', signal: AbortSignal.abort() }), ABORTED);
    const controller = new AbortController();
    const registering = driver.registerCallback({ altitude: '7', signal: controller.signal });
    controller.abort();
    await assert.rejects(registering, ABORTED);
    assert.equal(addon.channel.registered.size, 0);
    assert.equal(driver.registrations.length, 0);
    await driver.close();
  });

  it('a registration ends when its signal is aborted later', async () => {
    const [driver, addon] = await open();
    const controller = new AbortController();
    const registration = await driver.registerCallback({ altitude: '7', signal: controller.signal });
    const iterator = registration.events();
    controller.abort();
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    await registration.unregister();
    assert.equal(registration.active, false);
    assert.equal(addon.channel.registered.size, 0);
    await driver.close();
  });
});

describe('the life of a process', () => {
  it('a registration keeps the process alive unless the driver is unreferenced', async () => {
    const [driver, addon] = await open();
    assert.equal(addon.channel.isReferenced, false);
    const registration = await driver.registerCallback({ altitude: '7' });
    assert.equal(addon.channel.isReferenced, true);
    driver.unref();
    assert.equal(addon.channel.isReferenced, false);
    driver.ref();
    assert.equal(addon.channel.isReferenced, true);
    await registration.unregister();
    assert.equal(addon.channel.isReferenced, false);
    await driver.close();
  });
});

describe('close', () => {
  it('close() of a driver can be called again, and takes a signal', async () => {
    const [driver, addon] = await open();
    await assert.rejects(driver.close({ signal: AbortSignal.abort() }), ABORTED);
    assert.equal(driver.closed, false);
    const registration = await driver.registerCallback({ altitude: '7' });
    await Promise.all([driver.close(), driver.close(), driver[Symbol.asyncDispose]()]);
    assert.equal(registration.active, false);
    assert.equal(addon.channel.isClosed, true);
    await registration.unregister();
  });

  it('close() of a driver waits for a registration that is under way', async () => {
    const [driver, addon] = await open();
    const registering = driver.registerCallback({ altitude: '7' });
    await driver.close();
    assert.equal((await registering).active, false);
    assert.equal(addon.channel.registered.size, 0);
  });
});

describe('the options of decisions', () => {
  it('the options of decisions go with HELLO and REGISTER', async () => {
    const [driver, { channel }] = await open({ maxHeld: 77 });
    assert.deepEqual([channel.lastMaxHeld, driver.limits.maxHeld], [77, 77]);
    const [{ limits }, other] = await open();
    assert.deepEqual([other.channel.lastMaxHeld, limits.maxHeld], [0, P.CMB_DEFAULT_HELD]);
    const wanted: [object, number, number[]][] = [
      [{}, 0, [0, 0]],
      [{ dryRun: true }, P.CMB_REGISTER_DRY_RUN, [0, 0]],
      [{ dryRun: false, exemptChildren: true }, P.CMB_REGISTER_EXEMPT_CHILDREN, [0, 0]],
      [{ persist: 'until-unload' }, P.CMB_REGISTER_PERSIST, [0, 0]],
      [{ persist: 'while-open', breaker: {} }, 0, [0, 0]],
      [{ breaker: { missedDeadlines: 3 } }, 0, [3, 0]],
      [{ breaker: { missedDeadlines: 1000, coolDown: 600_000 } }, 0, [1000, 600_000]],
    ];
    for (const [index, [options, flags, breaker]] of wanted.entries()) {
      await driver.registerCallback({ altitude: String(index + 1), ...options });
      assert.deepEqual([channel.lastOptions, channel.lastBreaker], [flags, breaker]);
    }
    await driver.close();
  });

  it('the options of decisions are refused when they make no sense', async () => {
    const [driver] = await open();
    const refused: [object, RegExp][] = [
      [{ dryRun: 1 }, /"dryRun" must be true or false, not 1/],
      [{ exemptChildren: 'yes' }, /"exemptChildren" must be true or false/],
      [{ persist: true }, /"persist" must be "while-open" or "until-unload", not true/],
      [{ breaker: 5 }, /options of breaker must be an object, not 5/],
      [{ breaker: { misses: 5 } }, /breaker has no option "misses"/],
      [{ breaker: { missedDeadlines: 0 } }, /"breaker.missedDeadlines" must be an integer from 1 to 1000, not 0/],
      [{ breaker: { coolDown: 99 } }, /"breaker.coolDown" must be an integer from 100 to 600000, not 99/],
    ];
    for (const [options, message] of refused) {
      await assert.rejects(driver.registerCallback({ altitude: '1', ...options }), { message });
    }
    for (const maxHeld of [0, 16_385, 1.5, '9']) {
      await assert.rejects(open({ maxHeld: maxHeld as number }), {
        message: /"maxHeld" must be an integer from 1 to 16384/,
      });
    }
    await driver.close();
  });
});

describe('statistics', () => {
  it('statistics() gives bigints and numbers of a scope, and takes a signal', async () => {
    const [driver] = await open();
    const registration = await driver.registerCallback({ altitude: '7' });
    assert.equal((await driver.statistics()).scope, 'session');
    const statistics = await driver.statistics({ scope: 'driver' });
    assert.deepEqual([statistics.scope, statistics.registrations, statistics.lastSequence], ['driver', 1, 0n]);
    assert.equal((await registration.statistics()).scope, 'registration');
    await assert.rejects(driver.statistics({ scope: 'x' as never }), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(driver.statistics({ signal: AbortSignal.abort() }), ABORTED);
    await driver.close();
  });
});
