// The tarball that npm would publish, as a program on Linux uses it. Windows' part is test/wine/package.test.ts.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { InstalledPackage } from '../../scripts/lib/installed-package.mjs';

const run = promisify(execFile);
const { installPackage } = (await import(
  new URL('../../../scripts/lib/installed-package.mjs', import.meta.url).href
)) as typeof import('../../scripts/lib/installed-package.mjs');

const program = String.raw`
import { openDriver } from 'cmbridge';
const driver = await openDriver();
const run = await driver.registerCallback({ altitude: '385210.4771', classes: ['RegNtPreSetValueKey'] });
const program = await driver.simulator.createProcess({ imagePath: 'C:\\setup.exe' });
const key = await program.createKeyPath('HKLM\\SOFTWARE\\Contoso');
await key.setValue('Edition', 'Home');
for await (const event of run.events()) {
  console.log(event.class, event.key, event.valueName);
  break;
}
await driver.close();
`;

describe('the package, installed without scripts and without a compiler', () => {
  let installed: InstalledPackage;

  before(async () => {
    installed = installPackage(await mkdtemp(join(tmpdir(), 'cmbridge-installed-')));
  });
  after(() => rm(installed.project, { recursive: true, force: true }));

  it('the tarball is smaller than 2 MB and carries the driver, its symbols and both addons', () => {
    assert.ok(installed.size < 2_000_000, `${installed.size} bytes`);
    assert.deepEqual(installed.files.filter((name) => name.startsWith('prebuilds/')).sort(), [
      'prebuilds/linux-x64/cmbridge.node',
      'prebuilds/win32-x64/cmbridge.node',
      'prebuilds/win32-x64/cmbridge.pdb',
      'prebuilds/win32-x64/cmbridge.sys',
    ]);
  });

  it('the addon for Linux asks for no newer system than Debian 12 and Ubuntu 22.04 are', () => {
    const symbols = execFileSync('objdump', ['-T', join(installed.folder, 'prebuilds/linux-x64/cmbridge.node')], {
      encoding: 'utf8',
    });
    const newest = (name: string) =>
      Math.max(
        ...[...symbols.matchAll(new RegExp(`\\(${name}_[\\d.]*?(\\d+)\\)`, 'g'))].map(([, last]) => Number(last)),
      );
    assert.ok(newest('GLIBC') <= 34, `GLIBC_2.${newest('GLIBC')}`);
    assert.ok(newest('GLIBCXX') <= 30, `GLIBCXX_3.4.${newest('GLIBCXX')}`);
  });

  it('a program that imports the package gets its first event from the simulator', async () => {
    await writeFile(join(installed.project, 'program.js'), program);
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: installed.project, timeout: 60_000 });
    assert.match(stdout, /^RegNtPreSetValueKey .*\\Contoso Edition$/m);
  });

  it('the command line prints what a .reg file would cause', async () => {
    const text =
      'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso]\r\n"Edition"="Home"\r\n';
    await writeFile(join(installed.project, 'setup.reg'), text);
    const command = join(installed.project, 'node_modules/.bin/cmbridge');
    const { stdout } = await run(command, ['watch', '--simulate', 'setup.reg'], { cwd: installed.project });
    assert.match(stdout, /SetValueKey .*Contoso/);
  });
});
