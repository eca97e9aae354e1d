// Run by Windows' node.exe: the driver's life as a service, through the service control manager, before the driver is installed.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDriver } from '../../lib/index.js';
import { loadNative } from '../../lib/native/native-loader.js';
import {
  driverStatus,
  examine,
  installDriver,
  startDriver,
  stopDriver,
  uninstallDriver,
} from '../../lib/service/service.js';
import { SimulatedProcess } from '../../lib/simulator/simulated-process.js';
import { ActorProcess } from './actor-process.js';

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} must be set`);
  return value;
};
const actor = setting('CMBRIDGE_REGACTOR');
/** Signed; the other one differs from the first in bytes that nothing looks at. */
const driver = setting('CMBRIDGE_DRIVER');
const otherDriver = setting('CMBRIDGE_OTHER_DRIVER');

const drivers = join(process.env['SystemRoot'] ?? 'C:\\windows', 'System32', 'drivers');
const installed = join(drivers, 'cmbridge.sys');
const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function cmbridge(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function states(): Promise<[string, string | null]> {
  const { state, start } = await driverStatus();
  return [state, start];
}

async function withActor(act: (program: SimulatedProcess) => Promise<void>): Promise<void> {
  const program = new SimulatedProcess(await ActorProcess.start(actor, []), actor, () => undefined);
  await act(program);
  await program.exit();
}

const nothing = ['not-installed', null];

describe('the life of the driver as a service', { concurrency: false }, () => {
  it('the driver is installed, seen, started, stopped and uninstalled by the command line, each twice', async () => {
    const missing = await cmbridge('watch');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /: npx cmbridge driver install \(/);
    assert.equal(missing.stderr.match(/npx cmbridge/g)?.length, 1);
    assert.equal((await cmbridge('driver', 'status')).code, 4);
    for (const expected of [/The driver runs\./, /nothing was changed/]) {
      const { code, stdout, stderr } = await cmbridge('driver', 'install', '--file', driver);
      assert.equal(code, 0, stderr);
      assert.match(stdout, expected);
    }
    assert.equal((await cmbridge('driver', 'status')).code, 0);
    for (const expected of [/is stopped/, /does not run/])
      assert.match((await cmbridge('driver', 'stop')).stdout, expected);
    const stopped = await cmbridge('driver', 'status', '--json');
    assert.equal(stopped.code, 3);
    assert.equal((JSON.parse(stopped.stdout) as { state: string }).state, 'stopped');
    for (const expected of [/The driver runs\./, /runs already/])
      assert.match((await cmbridge('driver', 'start')).stdout, expected);
    for (const expected of [/is deleted/, /not installed/])
      assert.match((await cmbridge('driver', 'uninstall')).stdout, expected);
    assert.deepEqual(await states(), nothing);
    assert.equal(existsSync(installed), false);
  });

  it('a test harness installs the driver, gets events of it, and leaves nothing', async () => {
    const before = readdirSync(drivers).sort();
    {
      await using service = await installDriver({ file: driver });
      assert.equal(service.isNew, true);
      await using session = await openDriver();
      await using registration = await session.registerCallback({
        altitude: '385210.771',
        rules: [{ keys: 'HKLM\\SOFTWARE\\CmBridgeLife', operations: ['SetValueKey'], action: 'notify' }],
      });
      const events = registration.events();
      await withActor(async (program) => {
        const key = await program.createKeyPath('HKLM\\SOFTWARE\\CmBridgeLife');
        await key.setValue('Answer', 42);
        const { value } = await events.next();
        assert.equal(value?.class, 'RegNtPreSetValueKey');
        await key.delete();
      });
      await registration.unregister();
      await session.close();
      assert.deepEqual(await states(), ['running', 'demand']);
    }
    assert.deepEqual(await states(), nothing);
    assert.deepEqual(readdirSync(drivers).sort(), before);
  });

  it('the start of the driver is set, changed and told: demand, auto, system', async () => {
    await using service = await installDriver({ file: driver, start: 'auto', stopped: true });
    assert.equal(service.isNew, true);
    assert.deepEqual(await states(), ['stopped', 'auto']);
    for (const start of ['system', 'demand'] as const) {
      await installDriver({ file: driver, start, stopped: true });
      assert.deepEqual(await states(), ['stopped', start]);
    }
    // By its place in the folder of Windows, for drivers start when there is no drive letter yet.
    const { path } = (await loadNative().windows?.services.query('cmbridge')) ?? {};
    assert.match(path ?? '', /^\\SystemRoot\\System32\\drivers\\cmbridge\.sys$/i);
  });

  it('another driver is told, and replaced on request while the first one runs', async () => {
    await using service = await installDriver({ file: driver });
    assert.equal(service.isNew, true);
    await assert.rejects(installDriver({ file: otherDriver }), { code: 'CMB_DRIVER_VERSION' });
    const before = readFileSync(installed);
    await installDriver({ file: otherDriver, upgrade: true });
    assert.deepEqual(await states(), ['running', 'demand']);
    assert.deepEqual(readFileSync(installed), readFileSync(otherDriver));
    assert.notDeepEqual(readFileSync(installed), before);
    assert.deepEqual(
      readdirSync(drivers).filter((name) => name.startsWith('cmbridge')),
      ['cmbridge.sys'],
    );
    await using session = await openDriver();
    assert.equal(session.backend, 'device');
  });

  it('a driver that cannot be loaded is taken back, and one that ran before runs again', async () => {
    // Signed, of the right form at first sight, and with sections that lie nowhere.
    const broken = join(tmpdir(), 'broken.sys');
    const bytes = readFileSync(driver);
    bytes.writeUInt32LE(3, bytes.readUInt32LE(0x3c) + 24 + 32);
    writeFileSync(broken, bytes);
    const before = readdirSync(drivers).sort();
    await assert.rejects(
      installDriver({ file: broken }),
      (error: Error) => !error.message.includes('could not be taken back'),
    );
    assert.deepEqual(await states(), nothing);
    assert.deepEqual(readdirSync(drivers).sort(), before);
    await using service = await installDriver({ file: driver });
    assert.equal(service.isNew, true);
    await assert.rejects(
      installDriver({ file: broken, upgrade: true }),
      (error: Error) => !error.message.includes('could not be taken back'),
    );
    assert.deepEqual(await states(), ['running', 'demand']);
    assert.deepEqual(readFileSync(installed), readFileSync(driver));
  });

  it('a driver that a program has open, or whose registration persists, is not stopped', async () => {
    await using service = await installDriver({ file: driver });
    assert.equal(service.isNew, true);
    const session = await openDriver();
    await session.registerCallback({
      altitude: '385210.772',
      persist: 'until-unload',
      rules: [{ keys: 'HKLM\\SOFTWARE\\CmBridgeLife', operations: ['SetValueKey'], action: 'block' }],
    });
    const open = { code: 'CMB_DRIVER_IN_USE', message: /A program has the driver open/ };
    await assert.rejects(stopDriver({ force: true }), open);
    await assert.rejects(uninstallDriver(), open);
    await assert.rejects(installDriver({ file: otherDriver, upgrade: true }), open);
    assert.deepEqual(await states(), ['running', 'demand']);
    assert.deepEqual(readFileSync(installed), readFileSync(driver));
    await session.close();
    await assert.rejects(stopDriver(), { code: 'CMB_DRIVER_IN_USE', message: /A registration persists/ });
    assert.equal(await stopDriver({ force: true }), true);
    assert.deepEqual(await states(), ['stopped', 'demand']);
  });

  it('a driver file that is missing, altered, unreadable or for another machine is refused by name', async () => {
    const image = join(tmpdir(), 'bad.sys');
    await assert.rejects(installDriver({ file: join(tmpdir(), 'none.sys') }), {
      code: 'CMB_DRIVER_FILE',
      message: /cannot be read/,
    });
    writeFileSync(image, 'no driver');
    await assert.rejects(installDriver({ file: image }), { code: 'CMB_DRIVER_FILE', message: /no 64-bit driver file/ });
    const arm = readFileSync(driver);
    arm.writeUInt16LE(0xaa64, arm.readUInt32LE(0x3c) + 4);
    writeFileSync(image, arm);
    await assert.rejects(installDriver({ file: image }), {
      code: 'CMB_DRIVER_FILE',
      message: /is for arm64, and this machine is x64/,
    });
    assert.deepEqual(await states(), nothing);
    await using service = await installDriver({ file: driver, stopped: true });
    assert.equal(service.isNew, true);
    const good = readFileSync(installed);
    rmSync(installed);
    await assert.rejects(startDriver(), { code: 'CMB_DRIVER_FILE', message: /is missing/ });
    assert.equal((await driverStatus()).driver, 'missing');
    const altered = Buffer.from(good);
    altered.write('evil', 0x40, 'latin1');
    writeFileSync(installed, altered);
    await assert.rejects(startDriver(), { code: 'CMB_DRIVER_FILE', message: /is not the one that was installed/ });
    assert.deepEqual(await states(), ['stopped', 'demand']);
    await installDriver({ file: driver, upgrade: true });
    assert.deepEqual(await states(), ['running', 'demand']);
  });

  it("a service of that name that is somebody else's is left alone", async () => {
    const services = loadNative().windows!.services;
    await services.create('cmbridge', { startType: 3, path: 'C:\\other.sys', group: '', displayName: 'Other' });
    try {
      const taken = { code: 'CMB_SERVICE_TAKEN', message: /that this package has not made: Other, C:\\other\.sys/ };
      await assert.rejects(installDriver({ file: driver }), taken);
      await assert.rejects(uninstallDriver(), taken);
      await assert.rejects(startDriver(), taken);
      assert.equal((await cmbridge('driver', 'stop')).code, 1);
      assert.equal((await services.query('cmbridge'))?.path, 'C:\\other.sys');
      assert.equal(existsSync(installed), false);
    } finally {
      await services.delete('cmbridge');
    }
  });

  it('a folder that users can write to is refused, and one that they cannot serves', async () => {
    const folder = 'C:\\CmBridgeDrivers';
    mkdirSync(folder);
    // Wine makes of the modes of Linux what it tells of rights.
    const open = setting('CMBRIDGE_OPEN_FOLDER');
    await assert.rejects(installDriver({ file: driver, folder: open }), {
      code: 'CMB_FOLDER_UNSAFE',
      message: /can be changed by S-1-1-0/,
    });
    assert.deepEqual(await states(), nothing);
    assert.deepEqual(readdirSync(open), []);
    {
      await using service = await installDriver({ file: driver, folder });
      assert.equal(service.isNew, true);
      assert.equal((await driverStatus()).file?.toLowerCase(), `${folder}\\cmbridge.sys`.toLowerCase());
    }
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
  });

  it('a certificate is added to the stores of the machine, found there, and removed', () => {
    const windows = loadNative().windows!;
    const certificate = readFileSync(setting('CMBRIDGE_CERTIFICATE'));
    const thumbprint = Buffer.from(setting('CMBRIDGE_THUMBPRINT_OF_IT'), 'hex');
    for (const store of ['Root', 'TrustedPublisher']) {
      assert.equal(windows.hasCertificate(store, thumbprint), false);
      windows.addCertificate(store, certificate);
      assert.equal(windows.hasCertificate(store, thumbprint), true);
      const key = `SOFTWARE\\Microsoft\\SystemCertificates\\${store}\\Certificates`;
      assert.equal(
        windows.registryKeys(key)?.some((name) => name.toLowerCase() === thumbprint.toString('hex')),
        true,
      );
      windows.removeCertificate(store, thumbprint);
      windows.removeCertificate(store, thumbprint);
      assert.equal(windows.hasCertificate(store, thumbprint), false);
    }
    assert.throws(() => windows.addCertificate('Root', Buffer.from('none')), /CertAddEncodedCertificateToStore/);
  });

  it('cmbridge try installs, watches until the count, and takes everything away again', async () => {
    const before = readdirSync(drivers).sort();
    const refused = await cmbridge('try', '--file', driver);
    assert.equal(refused.code, 2);
    assert.deepEqual(await states(), nothing);
    const child = spawn(process.execPath, [main, 'try', '--yes', '--count', '2', '--file', driver], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, notes] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (notes += text));
    const ended = once(child, 'exit');
    while (!notes.includes('Ctrl-C ends')) {
      const over = ended.then(() => Promise.reject(new Error(`it ended early:\n${notes}`)));
      await Promise.race([once(child.stderr, 'data'), over]);
    }
    await withActor(async (program) => {
      const key = await program.createKeyPath('HKLM\\SOFTWARE\\CmBridgeLife');
      await key.setValue('Answer', 42);
      await key.delete();
    });
    assert.deepEqual(await ended, [0, null], notes);
    assert.equal(output.trimEnd().split('\n').length, 2, output);
    assert.match(notes, /The driver runs\.[\s\S]*2 events shown[\s\S]*The driver is uninstalled again\./);
    assert.deepEqual(await states(), nothing);
    assert.deepEqual(readdirSync(drivers).sort(), before);
  });

  it('the doctor reads the registry of the machine, and has a next step for what is wrong', async () => {
    const windows = loadNative().windows!;
    const dword = (value: number) => Uint8Array.from([value, 0, 0, 0]);
    const secureBoot = 'SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State';
    windows.writeRegistry(secureBoot, 'UEFISecureBootEnabled', 4, dword(1));
    windows.writeRegistry(
      'SYSTEM\\CurrentControlSet\\Control\\CI\\Policy',
      'VerifiedAndReputablePolicyState',
      4,
      dword(1),
    );
    windows.writeRegistry(
      'SYSTEM\\CurrentControlSet\\Services\\procmon24\\Instances\\Process Monitor 24 Instance',
      'Altitude',
      1,
      Buffer.from('385200\0', 'utf16le'),
    );
    const { code, stdout } = await cmbridge('doctor', '--json', '--altitude', '385200');
    assert.equal(code, 1);
    const { findings } = JSON.parse(stdout) as Awaited<ReturnType<typeof examine>>;
    const found = new Map(findings.map((finding) => [finding.check, finding]));
    assert.equal(found.get('windows')?.level, 'ok');
    assert.equal(found.get('architecture')?.details?.['machine'], 'x64');
    assert.equal(found.get('administrator')?.level, 'ok');
    assert.equal(found.get('secure-boot')?.level, 'note');
    assert.match(found.get('test-signing')?.next ?? '', /^Turn Secure Boot off/);
    assert.equal(found.get('smart-app-control')?.level, 'warning');
    assert.match(found.get('altitude')?.text ?? '', /^procmon24 has the altitude 385200/);
    assert.equal(found.get('service')?.next, 'npx cmbridge driver install');
    windows.writeRegistry(secureBoot, 'UEFISecureBootEnabled', 4, dword(0));
    windows.writeRegistry(
      'SYSTEM\\CurrentControlSet\\Control\\CI\\Policy',
      'VerifiedAndReputablePolicyState',
      4,
      dword(0),
    );
    await using service = await installDriver({ file: driver });
    assert.equal(service.isNew, true);
    await using session = await openDriver();
    await session.registerCallback({ altitude: '385210' }, () => undefined);
    const running = new Map((await examine()).findings.map((finding) => [finding.check, finding]));
    for (const check of ['driver-file', 'driver-folder', 'certificate', 'device', 'test-signing', 'secure-boot']) {
      assert.equal(running.get(check)?.level, 'ok', `${check}: ${running.get(check)?.text ?? ''}`);
    }
    assert.match(running.get('altitude')?.text ?? '', /A registry callback is registered at the altitude 385210/);
  });
});
