import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../lib/event/event.js';
import { CmGetCallbackVersion, CmRegisterCallbackEx, CmUnRegisterCallback } from '../../../lib/driver/kernel-routines.js';
import { openDriverWith } from '../../../lib/driver/open-driver.js';
import * as P from '../../../lib/wire/protocol.js';
import { FakeAddon } from '../support/fake-addon.js';

describe("the kernel's own routines", () => {
  it("the kernel's own routines have nothing to work on without an open driver", async () => {
    assert.throws(
      () => {
        CmGetCallbackVersion(null, null);
      },
      { code: 'CMB_DRIVER_CLOSED' },
    );
    assert.equal(await CmUnRegisterCallback({ QuadPart: 5n }), 0xc000000d);
  });

  it("the kernel's own routines register a callback, call it with class and event, and unregister it", async () => {
    const addon = new FakeAddon();
    const driver = await openDriverWith(() => addon);
    const calls: [unknown, number, Event][] = [];
    const cookie = { QuadPart: 0n };
    const context = {};
    addon.channel.beforeAnswer = (code) => {
      if (code === P.CMB_IOCTL_REGISTER) addon.channel.notify({ cookie: 1000n, notifyClass: 7 });
    };
    const routine = (...parameters: [unknown, number, Event]) => {
      assert.equal(cookie.QuadPart, 1000n);
      calls.push(parameters);
      return 0xc0000022;
    };
    assert.equal(await CmRegisterCallbackEx(routine, '5', driver, context, cookie, null), 0);
    addon.channel.queueLimit = 0;
    addon.channel.notify({ cookie: 1000n });
    addon.channel.queueLimit = 10;
    assert.equal(await CmUnRegisterCallback(cookie), 0);
    assert.deepEqual(
      calls.map(([, notifyClass, event]) => [notifyClass, event.class]),
      [
        [7, 'RegNtPreQueryKey'],
        [-1, 'gap'],
      ],
    );
    assert.equal(calls[0]?.[0], context);
    const asked = addon.channel.requests.filter((code) => code === P.CMB_IOCTL_UNREGISTER).length;
    assert.equal(await CmUnRegisterCallback(cookie), 0xc000000d);
    assert.equal(await CmUnRegisterCallback({ QuadPart: -1n }), 0xc000000d);
    assert.equal(addon.channel.requests.filter((code) => code === P.CMB_IOCTL_UNREGISTER).length, asked + 2);
    await driver.close();
  });

  it("the kernel's own routines return the documented statuses, and throw for what the kernel is not asked", async () => {
    const addon = new FakeAddon();
    const driver = await openDriverWith(() => addon);
    const cookie = { QuadPart: 0n };
    const register = (altitude: string, ...rest: unknown[]) =>
      CmRegisterCallbackEx(() => 0, altitude, ...(rest as [typeof driver, unknown, typeof cookie, null]));
    assert.equal(await register('5', driver, null, cookie), 0);
    assert.equal(await register('5', driver, null, cookie, null), 0xc01c0011);
    assert.equal(await register('6', null, null, cookie, null), 0xc00000f1);
    assert.equal(await register('6', driver, null, cookie, {}), 0xc00000f4);
    await assert.rejects(register('x', driver, null, cookie, null), { code: 'CMB_INVALID_ALTITUDE' });
    await assert.rejects(register('6', {}, null, cookie, null), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(register('6', driver, null, null, null), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(CmUnRegisterCallback({ QuadPart: 5 as never }), { code: 'CMB_INVALID_ARGUMENT' });
    const major = { value: 0 };
    const minor = { value: 0 };
    CmGetCallbackVersion(major, minor);
    assert.deepEqual([major.value, minor.value], [1, 1]);
    await driver.close();
  });
});
