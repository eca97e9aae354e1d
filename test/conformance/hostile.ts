import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDriver } from '../../lib/index.js';
import type { NativeChannel } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import { attempt, collect, nextAltitude, only, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';
import { hello, register, registerRequest, request } from './wire.js';

const STATUS_REVISION_MISMATCH = 0xc0000059;
const IOCTLS = [
  P.CMB_IOCTL_REGISTER,
  P.CMB_IOCTL_UNREGISTER,
  P.CMB_IOCTL_STATISTICS,
  P.CMB_IOCTL_REPLY,
  P.CMB_IOCTL_SET_RULES,
] as const;

async function assertRefused(promise: Promise<unknown>, message: string): Promise<void> {
  await assert.rejects(
    promise,
    (error: Error & { ntStatus?: number }) => {
      assert.ok((error.ntStatus ?? 0) >= 0xc0000000, `${message}: ${String(error)}`);
      return true;
    },
    message,
  );
}

export function hostileSuite(host: ConformanceHost): void {
  const withChannel = (name: string, body: (channel: NativeChannel) => Promise<void>): void => {
    it(name, { timeout: 60_000 }, async () => {
      await attempt(host, async () => {
        const channel = await host.openChannel(() => undefined);
        try {
          await body(channel);
        } finally {
          await channel.close();
        }
      });
    });
  };

  describe('bad input', () => {
    withChannel('the driver answers nothing before HELLO, and HELLO only once', async (channel) => {
      for (const code of IOCTLS)
        await assertRefused(channel.control(code, registerRequest({ altitude: '1' }), 256), code.toString(16));
      assert.equal((await hello(channel)).status, 0);
      await assertRefused(hello(channel), 'second HELLO');
    });

    withChannel('a program of another protocol version is told so, with the version that would do', async (channel) => {
      const reply = await hello(channel, P.CMB_PROTOCOL_MAJOR + 1);
      assert.deepEqual(reply, { status: STATUS_REVISION_MISMATCH, major: P.CMB_PROTOCOL_MAJOR });
      await assertRefused(register(channel, { altitude: nextAltitude() }), 'REGISTER without agreement');
    });

    withChannel('forged REGISTER requests are refused, and a right one still works', async (channel) => {
      await hello(channel);
      const altitude = nextAltitude();
      const forged = {
        'Size beyond the buffer': { altitude, size: 0x1000 },
        'Size zero': { altitude, size: 0 },
        'altitude longer than the buffer': { altitude, altitudeSize: 500 },
        'altitude of an odd number of bytes': { altitude, altitudeSize: altitude.length * 2 - 1 },
        'altitude empty': { altitude, altitudeSize: 0 },
        'altitude not a number': { altitude: '12x' },
        'altitude too long': { altitude: '1'.repeat(256) },
        'no class': { altitude, classMask: 0n },
        'too much data': { altitude, maxDataBytes: P.CMB_MAX_DATA_BYTES + 1 },
        'unknown flag': { altitude, flags: 0x8000 },
        'reserved field': { altitude, reserved: 1 },
      };
      for (const [name, fields] of Object.entries(forged)) await assertRefused(register(channel, fields), name);
      assert.equal(await register(channel, { altitude }), 0);
    });

    withChannel('every request is refused at every length that is too short', async (channel) => {
      await hello(channel);
      for (const code of IOCTLS) {
        for (let length = 0; length < 16; length += 1) {
          await assertRefused(
            channel.control(code, request(length < 8 ? 8 : length).subarray(0, length), 256),
            `${code.toString(16)} of ${String(length)} bytes`,
          );
        }
        await assertRefused(
          channel.control(code, registerRequest({ altitude: '1' }), 0),
          `${code.toString(16)} without room for the reply`,
        );
      }
      await assertRefused(channel.control(0x0022e7fc, request(64), 64), 'unknown code');
    });

    scenario(host, 'a session is not disturbed by what another one forges', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor, { classes: ['RegNtPreSetValueKey'] });
      const channel = await host.openChannel(() => undefined);
      await assertRefused(channel.control(P.CMB_IOCTL_HELLO, new Uint8Array(3), 3), 'short HELLO');
      await channel.close();
      await key.setValue('v', { type: 'REG_SZ', data: '' });
      await registration.unregister();
      assert.equal(only(events, 'RegNtPreSetValueKey').valueName, 'v');
    });

    scenario(host, 'the options of openDriver() and registerCallback() are checked by name', async ({ driver }) => {
      const altitude = nextAltitude();
      await assert.rejects(
        driver.registerCallback({ altitude, clases: [] } as never),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'CMB_UNKNOWN_OPTION');
          assert.match(error.message, /clases.*classes/s);
          return true;
        },
      );
      await assert.rejects(host.openDriver({ queueSize: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
      await assert.rejects(host.openDriver({ queueBytes: 1 }), { code: 'CMB_INVALID_ARGUMENT' });
      await assert.rejects(driver.registerCallback({ altitude, classes: ['RegNtPreCreateKey' as never] }), {
        code: 'CMB_INVALID_ARGUMENT',
        message: /RegNtPreCreateKeyEx/,
      });
      await assert.rejects(driver.registerCallback({ altitude, classes: [] }), { code: 'CMB_INVALID_ARGUMENT' });
      await assert.rejects(driver.registerCallback({ altitude, maxDataBytes: 65537 }), {
        code: 'CMB_INVALID_ARGUMENT',
      });
      assert.equal((await driver.statistics({ scope: 'session' })).registrations, 0);
    });

    it('opening a device that does not exist fails with CMB_DRIVER_NOT_FOUND', async () => {
      await assert.rejects(openDriver({ backend: host.backend, deviceName: 'NoSuchDevice' }), {
        code: 'CMB_DRIVER_NOT_FOUND',
      });
    });
  });
}
