import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  installDriverWith,
  startDriverWith,
  stopDriverWith,
  type InstallDriverOptions,
} from '../../../lib/service/service.js';
import { status } from '../../../lib/service/status.js';
import { uninstall } from '../../../lib/service/uninstall.js';
import { driverFile } from '../support/driver-file.js';
import { FakeWindows, thumbprint } from '../support/fake-windows.js';

const v1 = driverFile({ version: [0, 1, 0, 0], filling: 'one' });
const v2 = driverFile({ version: [0, 2, 0, 0], filling: 'two' });
const quiet = () => undefined;

function machine(driver: Uint8Array = v1): FakeWindows {
  const windows = new FakeWindows();
  windows.writePackageDriver(driver);
  return windows;
}

const install = (windows: FakeWindows, options: InstallDriverOptions = {}) =>
  installDriverWith(() => windows.context(), { folder: windows.folder, ...options });

const file = (windows: FakeWindows) => join(windows.folder, 'cmbridge.sys');

/** Fails at each change in turn, until one run has none left to fail at. */
async function failEachChange(
  prepare: () => FakeWindows | Promise<FakeWindows>,
  act: (windows: FakeWindows) => Promise<unknown>,
) {
  for (let failAfter = 0; ; failAfter++) {
    using windows = await prepare();
    const before = windows.snapshot();
    windows.changes = 0;
    windows.failAfter = failAfter;
    const failed = await act(windows).then(
      () => false,
      () => true,
    );
    if (!failed) return failAfter;
    assert.deepEqual(windows.snapshot(), before, `after a failure at change ${failAfter}`);
  }
}

describe('installing the driver', () => {
  it('a driver that is installed is signed, recorded and started, and takes nothing with it when it is disposed of', async () => {
    using windows = machine();
    const before = windows.snapshot();
    const steps: string[] = [];
    {
      await using installed = await install(windows, { onStep: (step) => steps.push(step) });
      assert.equal(installed.isNew && installed.isStarted, true);
      const found = await status(windows.context());
      assert.deepEqual(
        [found.state, found.start, found.driver, found.fileVersion],
        ['running', 'demand', 'same', '0.1.0.0'],
      );
      assert.equal(windows.stores.size, 0);
    }
    assert.deepEqual(windows.snapshot(), before);
    assert.match(
      steps.join('\n'),
      new RegExp(`certificate made for it \\(${thumbprint}\\); its private key is destroyed`),
    );
  });

  it('a driver that is installed already stays as it is, and so it does when the handle is disposed of', async () => {
    using windows = machine();
    await install(windows, { start: 'auto' });
    const before = windows.snapshot();
    const steps: string[] = [];
    {
      await using again = await install(windows, { onStep: (step) => steps.push(step) });
      assert.equal(again.isNew || again.isStarted, false);
    }
    assert.deepEqual(steps, []);
    assert.deepEqual(windows.snapshot(), before);
  });

  it('a handle puts back what it changed of a driver that was there: its start, and that it was stopped', async () => {
    using windows = machine();
    await install(windows, { stopped: true });
    const before = windows.snapshot();
    {
      await using again = await install(windows, { start: 'system' });
      assert.equal(again.isStarted, true);
      assert.deepEqual([windows.service?.startType, windows.service?.state], [1, 4]);
    }
    assert.deepEqual(windows.snapshot(), before);
  });

  it('an installation that fails at any step leaves nothing behind', async () => {
    const steps = await failEachChange(machine, install);
    assert.ok(steps >= 5, `${steps} steps`);
  });

  it('a driver file that an installation left which was killed is no obstacle to the next one', async () => {
    using windows = machine();
    writeFileSync(file(windows), v1);
    await install(windows);
    assert.equal((await status(windows.context())).state, 'running');
  });

  it('an upgrade that fails at any step leaves the old driver as it was, running', async () => {
    const prepare = async () => {
      const windows = machine();
      await install(windows);
      windows.writePackageDriver(v2);
      return windows;
    };
    const steps = await failEachChange(prepare, (windows) => install(windows, { upgrade: true, start: 'auto' }));
    assert.ok(steps >= 7, `${steps} steps`);
  });

  it('an uninstallation that fails at any step leaves the driver as it was, running', async () => {
    const prepare = async () => {
      const windows = machine();
      await install(windows);
      return windows;
    };
    await failEachChange(prepare, (windows) => uninstall(windows.context(), { force: false }, quiet));
  });

  it('trust is among what is put back when an installation or an uninstallation fails later', async () => {
    const demanding = () => {
      const windows = machine();
      windows.verdict = () => (windows.hasCertificate('Root', Buffer.from(thumbprint, 'hex')) ? 0 : 577);
      return windows;
    };
    await failEachChange(demanding, install);
    const prepare = async () => {
      const windows = demanding();
      await install(windows);
      return windows;
    };
    await failEachChange(prepare, (windows) => uninstall(windows.context(), { force: false }, quiet));
  });

  it('an older and a newer driver are told by their versions, and replaced on request while they run', async () => {
    using windows = machine();
    await install(windows);
    windows.writePackageDriver(v2);
    await assert.rejects(install(windows), {
      code: 'CMB_DRIVER_VERSION',
      message:
        /is older \(version 0\.1\.0\.0, this package has 0\.2\.0\.0\)\. --upgrade replaces it, also while it runs/,
    });
    await install(windows, { upgrade: true });
    const found = await status(windows.context());
    assert.deepEqual([found.state, found.driver, found.fileVersion], ['running', 'same', '0.2.0.0']);
    windows.writePackageDriver(v1);
    await assert.rejects(install(windows), { code: 'CMB_DRIVER_VERSION', message: /is newer/ });
    assert.deepEqual(windows.snapshot(), windows.snapshot());
  });

  it('an upgrade that Windows does not load is taken back, and the old driver runs again', async () => {
    using windows = machine();
    await install(windows);
    const before = windows.snapshot();
    windows.writePackageDriver(v2);
    windows.verdict = (bytes) => (bytes.includes('two') ? 1275 : 0);
    await assert.rejects(install(windows, { upgrade: true }), {
      code: 'CMB_DRIVER_BLOCKED',
      message: /blocks the driver/,
    });
    assert.deepEqual(windows.snapshot(), before);
  });

  it('a certificate is trusted only when Windows does not load the driver without, and no longer than it is installed', async () => {
    using windows = machine();
    windows.verdict = () => (windows.hasCertificate('Root', Buffer.from(thumbprint, 'hex')) ? 0 : 577);
    const steps: string[] = [];
    await install(windows, { onStep: (step) => steps.push(step) });
    assert.match(steps.join('\n'), /this machine trusts it now, until the driver is uninstalled/);
    assert.deepEqual([...windows.stores.keys()], ['Root', 'TrustedPublisher']);
    await uninstall(windows.context(), { force: false }, quiet);
    assert.deepEqual(
      [...windows.stores.values()].map(({ size }) => size),
      [0, 0],
    );
  });

  it('trust that does not help is taken back, and the error says what test signatures need', async () => {
    using windows = machine();
    windows.verdict = () => 577;
    await assert.rejects(install(windows), {
      code: 'CMB_DRIVER_BLOCKED',
      message: /bcdedit \/set testsigning on.*error 577/,
    });
    assert.equal(windows.service, null);
    assert.deepEqual(
      [...windows.stores.values()].map(({ size }) => size),
      [0, 0],
    );
  });

  it('a certificate that this package has not made is never trusted', async () => {
    using windows = machine();
    const signed = join(windows.root, 'signed.sys');
    writeFileSync(signed, v1);
    await windows.context().sign(signed);
    windows.verdict = () => 577;
    await assert.rejects(install(windows, { file: signed }), { code: 'CMB_DRIVER_BLOCKED' });
    assert.equal(windows.stores.size, 0);
  });
});

describe('bad input of an installation', () => {
  const refusals: readonly [
    string,
    (windows: FakeWindows) => Promise<InstallDriverOptions> | InstallDriverOptions,
    object,
  ][] = [
    [
      'one without the rights of an administrator is refused',
      (windows) => {
        windows.elevated = false;
        return {};
      },
      { code: 'CMB_ACCESS_DENIED', message: /"Run as administrator"/ },
    ],
    [
      'one for a machine that the package has no driver for is refused',
      (windows) => {
        windows.machine = 0xaa64;
        return {};
      },
      { code: 'CMB_DRIVER_FILE', message: /carries no driver for arm64: .*win32-arm64.* taken by --file/ },
    ],
    [
      'one of a driver for another processor is refused',
      (windows) => {
        windows.writePackageDriver(driverFile({ machine: 0xaa64 }));
        return {};
      },
      { code: 'CMB_DRIVER_FILE', message: /is for arm64, and this machine is x64/ },
    ],
    [
      'one into a folder that users can write to is refused',
      (windows) => {
        windows.folders.set(windows.folder, 'O:BAD:(A;;FA;;;BA)(A;;0x1301bf;;;AU)');
        return {};
      },
      { code: 'CMB_FOLDER_UNSAFE' },
    ],
    [
      "one where the name is that of somebody else's service is refused",
      (windows) => {
        windows.service = {
          type: 16,
          startType: 2,
          path: 'C:\\x.exe',
          group: '',
          displayName: 'X',
          state: 4,
          exitCode: 0,
        };
        return {};
      },
      { code: 'CMB_SERVICE_TAKEN', message: /a service cmbridge that this package has not made: X, C:\\x\.exe/ },
    ],
    [
      'one onto a file that belongs to no service is refused',
      (windows) => {
        writeFileSync(file(windows), 'whose?');
        return {};
      },
      { code: 'CMB_DRIVER_FILE', message: /exists already/ },
    ],
    [
      'one that Windows does not load, of a driver without a signature, is taken back',
      (windows) => {
        windows.verdict = () => 577;
        return {};
      },
      { code: 'CMB_DRIVER_BLOCKED' },
    ],
    [
      'one whose file somebody exchanges while it is signed is taken back',
      (windows) => {
        const context = windows.context();
        windows.context = () => ({
          ...context,
          sign: async (path) => {
            writeFileSync(path, v2);
            return context.sign(path);
          },
        });
        return {};
      },
      { code: 'CMB_DRIVER_FILE', message: /somebody else writes to it/ },
    ],
  ];
  for (const [name, prepare, error] of refusals) {
    it(`an installation is checked: ${name}, and nothing is changed`, async () => {
      using windows = machine();
      const options = await prepare(windows);
      const before = windows.snapshot();
      await assert.rejects(install(windows, options), error);
      const { stores, ...after } = windows.snapshot() as { stores: unknown[] };
      assert.deepEqual({ ...after, stores }, before);
    });
  }

  it('an option of an installation that is misspelt or of a wrong type is named', async () => {
    using windows = machine();
    await assert.rejects(install(windows, { upgarde: true } as object), {
      code: 'CMB_UNKNOWN_OPTION',
      message: /"upgrade"/,
    });
    await assert.rejects(install(windows, { start: 'boot' as 'auto' }), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(install(windows, { file: '' }), { code: 'CMB_INVALID_ARGUMENT' });
  });
});

describe('starting and stopping the driver', () => {
  it('a driver file that is missing or was altered is not started, and the upgrade repairs it', async () => {
    using windows = machine();
    await install(windows, { stopped: true });
    const start = () => startDriverWith(windows.context(), quiet);
    const good = readFileSync(file(windows));
    rmSync(file(windows));
    await assert.rejects(start(), { code: 'CMB_DRIVER_FILE', message: /is missing/ });
    assert.equal((await status(windows.context())).driver, 'missing');
    await assert.rejects(install(windows), { code: 'CMB_DRIVER_FILE', message: /--upgrade puts it there again/ });
    const altered = Buffer.from(good);
    altered.write('evil', 0x500);
    writeFileSync(file(windows), altered);
    await assert.rejects(start(), { code: 'CMB_DRIVER_FILE', message: /is not the one that was installed/ });
    assert.equal((await status(windows.context())).driver, 'altered');
    assert.equal(windows.loaded, null);
    await install(windows, { upgrade: true });
    assert.equal((await status(windows.context())).driver, 'same');
    assert.notEqual(windows.loaded, null);
  });

  it('a driver is not started from a folder that users can write to by now', async () => {
    using windows = machine();
    await install(windows, { stopped: true });
    windows.folders.set(windows.folder, 'O:BAD:(A;;FA;;;BA)(A;;0x1301bf;;;AU)');
    await assert.rejects(startDriverWith(windows.context(), quiet), { code: 'CMB_FOLDER_UNSAFE' });
    assert.equal(windows.loaded, null);
  });

  it('a driver that programs have open is neither stopped, upgraded nor uninstalled', async () => {
    using windows = machine();
    await install(windows);
    windows.usage = { sessions: 2, registrations: 3 };
    const before = windows.snapshot();
    const refusal = { code: 'CMB_DRIVER_IN_USE', message: /2 programs have the driver open.*Nothing was changed/ };
    await assert.rejects(stopDriverWith(windows.context(), { force: true }, quiet), refusal);
    await assert.rejects(uninstall(windows.context(), { force: true }, quiet), refusal);
    windows.writePackageDriver(v2);
    await assert.rejects(install(windows, { upgrade: true }), refusal);
    assert.deepEqual(windows.snapshot(), before);
  });

  it('a registration that persists keeps the driver from being stopped, unless it is forced', async () => {
    using windows = machine();
    await install(windows);
    windows.usage = { sessions: 0, registrations: 1 };
    await assert.rejects(stopDriverWith(windows.context(), { force: false }, quiet), {
      code: 'CMB_DRIVER_IN_USE',
      message: /A registration persists.*--force/,
    });
    assert.notEqual(windows.loaded, null);
    assert.equal(await stopDriverWith(windows.context(), { force: true }, quiet), true);
    assert.equal(await stopDriverWith(windows.context(), { force: true }, quiet), false);
    assert.equal(windows.loaded, null);
  });

  it('a driver that is not installed is not started, and the error has the command that installs it', async () => {
    using windows = machine();
    await assert.rejects(startDriverWith(windows.context(), quiet), /: npx cmbridge driver install$/);
    assert.equal(await uninstall(windows.context(), { force: false }, quiet), false);
  });

  it('a service that was made by hand for the driver of this package is taken for one of its own', async () => {
    using windows = machine();
    writeFileSync(file(windows), v1);
    windows.service = {
      type: 1,
      startType: 3,
      path: file(windows),
      group: '',
      displayName: 'cmbridge',
      state: 1,
      exitCode: 0,
    };
    assert.equal((await status(windows.context())).driver, 'same');
    assert.equal(await uninstall(windows.context(), { force: false }, quiet), true);
    assert.equal(windows.service, null);
  });
});
