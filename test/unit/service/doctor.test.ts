import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { describeExamination } from '../../../lib/cli/doctor-command.js';
import { altitudeFindings } from '../../../lib/service/doctor/altitude.js';
import {
  appControl,
  memoryIntegrity,
  secureBoot,
  smartAppControl,
  testSigning,
} from '../../../lib/service/doctor/code-integrity.js';
import { driverFindings } from '../../../lib/service/doctor/driver.js';
import { examine } from '../../../lib/service/doctor/doctor.js';
import { attempt, finding } from '../../../lib/service/doctor/finding.js';
import { administrator, architecture, windowsVersion } from '../../../lib/service/doctor/system.js';
import { installDriverWith } from '../../../lib/service/service.js';
import { driverFile } from '../support/driver-file.js';
import { FakeWindows } from '../support/fake-windows.js';

const version = 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion';
const secureBootKey = 'SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State';

describe('the doctor about the machine', () => {
  it('Windows is told by its build, and one that is too old is a problem', () => {
    using windows = new FakeWindows();
    windows.setText(version, 'ProductName', 'Windows 10 Pro');
    windows.setText(version, 'CurrentBuildNumber', '22631');
    windows.setText(version, 'DisplayVersion', '23H2');
    windows.setNumber(version, 'UBR', 4317);
    const found = windowsVersion(windows.context());
    assert.deepEqual([found.level, found.text], ['ok', 'Windows 11 Pro 23H2 build 22631.4317']);
    windows.setText(version, 'CurrentBuildNumber', '17134');
    assert.equal(windowsVersion(windows.context()).level, 'problem');
  });

  it('the machine decides which driver it needs, and an emulated Node.js is told', () => {
    using windows = new FakeWindows();
    windows.machine = 0xaa64;
    const none = architecture(windows.context());
    assert.deepEqual([none.level, none.details?.['machine']], ['problem', 'arm64']);
    windows.writePackageDriver(driverFile({ machine: 0xaa64 }), 'arm64');
    const found = architecture(windows.context());
    assert.equal(found.level, 'ok');
    if (process.arch === 'x64')
      assert.match(found.text, /Node\.js is for x64 and emulated; the driver must be for arm64/);
  });

  it('the rights of an administrator are needed, and their lack says how to get them', () => {
    using windows = new FakeWindows();
    assert.equal(administrator(windows.context()).level, 'ok');
    windows.elevated = false;
    assert.match(administrator(windows.context()).next ?? '', /Run as administrator/);
  });
});

describe('the doctor about code integrity', () => {
  it('test signing is read from the kernel, and what turns it on depends on Secure Boot', () => {
    using windows = new FakeWindows();
    const look = (options: number | null, signing: 'for tests' | 'other' | 'accepted' = 'for tests') => {
      windows.options = options;
      return testSigning(windows.context(), signing);
    };
    assert.equal(look(0x1 | 0x2).level, 'ok');
    assert.equal(look(0).level, 'note');
    assert.equal(look(null).level, 'warning');
    assert.equal(look(0x1, 'other').level, 'ok');
    assert.equal(look(0x1, 'accepted').level, 'ok');
    assert.deepEqual(
      [look(0x1).level, look(0x1).next],
      ['problem', 'bcdedit /set testsigning on, and restart Windows'],
    );
    windows.setNumber(secureBootKey, 'UEFISecureBootEnabled', 1);
    assert.match(look(0x1).next ?? '', /^Turn Secure Boot off/);
  });

  it('Secure Boot, memory integrity and Smart App Control are told as the registry and the kernel have them', () => {
    using windows = new FakeWindows();
    const context = windows.context();
    windows.options = 1;
    assert.deepEqual(
      [secureBoot(context), memoryIntegrity(context), smartAppControl(context)].map(({ level }) => level),
      ['ok', 'ok', 'ok'],
    );
    windows.setNumber(secureBootKey, 'UEFISecureBootEnabled', 1);
    windows.setNumber(
      'SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity',
      'Enabled',
      1,
    );
    windows.setNumber('SYSTEM\\CurrentControlSet\\Control\\CI\\Policy', 'VerifiedAndReputablePolicyState', 1);
    assert.equal(secureBoot(context).level, 'note');
    assert.match(memoryIntegrity(context).text, /after the next restart/);
    windows.options = 0x401;
    assert.deepEqual(memoryIntegrity(context).details, { runs: true, wanted: true, isAudit: false });
    assert.equal(smartAppControl(context).level, 'warning');
    windows.setNumber('SYSTEM\\CurrentControlSet\\Control\\CI\\Policy', 'VerifiedAndReputablePolicyState', 2);
    assert.equal(smartAppControl(context).level, 'note');
  });

  it('App Control is off where no policy is active', () => {
    using windows = new FakeWindows();
    assert.equal(appControl(windows.context()).level, 'ok');
  });
});

describe('the doctor about the driver', () => {
  const byCheck = async (windows: FakeWindows) =>
    new Map((await driverFindings(windows.context())).map((found) => [found.check, found]));

  it('a driver that is not installed, stopped, running or foreign is told with the next command', async () => {
    using windows = new FakeWindows();
    windows.writePackageDriver(driverFile({ version: [0, 1, 0, 0] }));
    assert.equal((await byCheck(windows)).get('service')?.next, 'npx cmbridge driver install');
    await installDriverWith(() => windows.context(), { folder: windows.folder, stopped: true });
    assert.equal((await byCheck(windows)).get('service')?.next, 'npx cmbridge driver start');
    await installDriverWith(() => windows.context(), { folder: windows.folder });
    const running = await byCheck(windows);
    assert.deepEqual(
      [...running.values()].map(({ level }) => level),
      ['ok', 'ok', 'ok', 'ok', 'ok'],
    );
    assert.match(running.get('certificate')?.text ?? '', /CN=cmbridge test signing of tests .* does not trust/);
    assert.match(running.get('driver-file')?.text ?? '', /which is that of the package\.$/);
    windows.writePackageDriver(driverFile({ version: [0, 2, 0, 0] }));
    const older = (await byCheck(windows)).get('service');
    assert.deepEqual([older?.level, older?.next], ['warning', 'npx cmbridge driver install --upgrade']);
    windows.service = { type: 16, startType: 2, path: 'C:\\x.exe', group: '', displayName: 'X', state: 4, exitCode: 0 };
    assert.match((await byCheck(windows)).get('service')?.text ?? '', /somebody else's: X/);
  });

  it('a driver file that was altered, and a folder that users can write to, are problems', async () => {
    using windows = new FakeWindows();
    windows.writePackageDriver(driverFile());
    await installDriverWith(() => windows.context(), { folder: windows.folder });
    writeFileSync(join(windows.folder, 'cmbridge.sys'), driverFile({ filling: 'evil' }));
    const altered = await byCheck(windows);
    assert.equal(altered.get('driver-file')?.level, 'problem');
    assert.equal(altered.get('certificate')?.text, 'The installed driver is not signed.');
  });

  it('an altitude that a file system filter has is told with its name', async () => {
    using windows = new FakeWindows();
    const services = 'SYSTEM\\CurrentControlSet\\Services';
    windows.setText(`${services}\\procmon24\\Instances\\Process Monitor 24 Instance`, 'Altitude', '385200');
    const [taken] = await altitudeFindings(windows.context(), '385200');
    assert.deepEqual([taken?.level, taken?.details?.['filters']], ['warning', { procmon24: '385200' }]);
    const [free] = await altitudeFindings(windows.context(), '385210');
    assert.equal(free?.text, 'No file system filter has the altitude 385210.');
  });
});

describe('the doctor as a whole', () => {
  it('a check that throws is a finding, and an examination ends with a count', async () => {
    const [failed] = await attempt('x', () => {
      throw new Error('no luck');
    });
    assert.deepEqual([failed?.level, failed?.text], ['warning', 'This could not be found out: no luck']);
    const findings = [finding('a', 'ok', 'fine'), finding('b', 'problem', 'bad', 'do this')];
    const text = describeExamination({ platform: 'win32', findings, level: 'problem' }, false);
    assert.equal(text, 'ok       a: fine\nPROBLEM  b: bad\n         next: do this\n1 problem.');
  });

  it('an altitude that is none is refused before anything is looked at', async () => {
    await assert.rejects(examine({ altitude: 'high' }), { code: 'CMB_INVALID_ARGUMENT' });
  });
});
