// Runs the shipped Windows binaries under Wine: the driver through the service control manager, the addon and the package in
// Windows' own node.exe, against Wine's real registry.
// node scripts/test-wine.mjs [--no-build] [--keep] [--node VERSION] [--pattern TEST]

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installPackage } from './lib/installed-package.mjs';
import { patchImport } from './lib/patch-import.mjs';
import { PeFile } from './lib/pe.mjs';
import { WINDOWS_NODES, windowsNode } from './lib/windows-node.mjs';
import { WinePrefix, windowsPath } from './lib/wine.mjs';

const { values: options } = parseArgs({
  options: {
    'no-build': { type: 'boolean' },
    keep: { type: 'boolean' },
    node: { type: 'string', multiple: true },
    pattern: { type: 'string', multiple: true, default: [] },
  },
});

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const kernelBuild = join(root, 'build', 'kernel');
const driver = join(root, 'prebuilds', 'win32-x64', 'cmbridge.sys');
const actor = join(kernelBuild, 'regactor.exe');
const suite = join(root, 'dist', 'test', 'wine', 'conformance.test.js');
const examples = join(root, 'dist', 'test', 'wine', 'examples.test.js');
const installed = join(root, 'dist', 'test', 'wine', 'package.test.js');
const life = join(root, 'dist', 'test', 'wine', 'service.test.js');
const commandLine = join(root, 'dist', 'lib', 'cli', 'main.js');
const signing = join(root, 'build', 'wine', 'drivers');
// Wine gives the drivers of one group one process; cmkernel.sys must be the same module for both. This is the group of cmbridge.sys.
const GROUP = 'FSFilter Activity Monitor';

async function step(name, action) {
  const started = Date.now();
  process.stdout.write(`-- ${name}\n`);
  const result = await action();
  process.stdout.write(`   ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return result;
}

function command(name, ...args) {
  const result = spawnSync(name, args, { cwd: root, encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 26 });
  if (result.status !== 0)
    throw new Error(
      `${name} ${args.join(' ')} failed:\n${result.error?.message ?? ''}${result.stdout}${result.stderr}`,
    );
}

function build() {
  command(
    'cmake',
    '-S',
    '.',
    '-B',
    'build/kernel',
    '-G',
    'Ninja',
    '-DCMAKE_TOOLCHAIN_FILE=scripts/cmake/windows-kernel.cmake',
  );
  command('cmake', '--build', 'build/kernel', '-j2');
  if (options['no-build']) return command('node', 'scripts/build-windows.mjs', '--driver-only');
  command('npm', 'run', 'build:windows');
  command('npm', 'run', 'build:ts');
}

// What Wine's kernel exports without having it: sub rsp,28h; lea rcx,...; lea rdx,...; call to the routine that aborts.
const STUB = /^4883ec28488d0d.{8}488d15.{8}e8/;

function checkForwards(prefix) {
  const wine = new PeFile(prefix.inside('windows', 'system32', 'ntoskrnl.exe'));
  const addresses = wine.exportAddresses;
  const missing = new PeFile(join(kernelBuild, 'cmkernel.sys')).forwards
    .map((target) => target.split('.').at(-1))
    .filter((name) => {
      if (!addresses.has(name)) return true;
      if (!wine.isCode(addresses.get(name))) return false;
      const code = wine.offset(addresses.get(name));
      return STUB.test(wine.bytes.toString('hex', code, code + 24));
    });
  if (missing.length > 0) throw new Error(`Wine's kernel has no ${missing.join(', ')}: add them to test/wine/cmkernel`);
}

/** The driver with Wine's test kernel, and another one that differs in a word of the program for DOS; signed as users sign theirs. */
function signDrivers() {
  rmSync(signing, { recursive: true, force: true });
  mkdirSync(signing, { recursive: true });
  const unsigned = join(signing, 'unsigned.sys');
  patchImport(driver, unsigned);
  const bytes = readFileSync(unsigned);
  bytes.write('other', bytes.indexOf('This program'), 'latin1');
  writeFileSync(join(signing, 'unsigned-other.sys'), bytes);
  for (const name of ['', '-other']) {
    const [from, to] = [join(signing, `unsigned${name}.sys`), join(signing, `cmbridge${name}.sys`)];
    command(process.execPath, commandLine, 'sign', '--file', from, '--out', to);
    checkSignature(to);
  }
}

/** A root that nobody trusts is what a test signature has; the digest must be right. */
function checkSignature(file) {
  const { stdout } = spawnSync('osslsigncode', ['verify', '-in', file], { encoding: 'utf8' });
  const [current, calculated] = [...stdout.matchAll(/message digest +: ([0-9A-F]+)/gi)].map(([, digest]) => digest);
  if (!current || current !== calculated) throw new Error(`osslsigncode does not verify ${file}:\n${stdout}`);
}

/** A certificate that nobody has signed anything with. */
function makeCertificate() {
  const path = join(signing, 'certificate.der');
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null'];
  command('openssl', 'req', '-x509', ...key, '-subj', '/CN=cmbridge test', '-outform', 'DER', '-out', path);
  return { path, thumbprint: createHash('sha1').update(readFileSync(path)).digest('hex') };
}

async function testLife(prefix, version) {
  const open = prefix.inside(`open-${version}`);
  mkdirSync(open);
  // Whatever the umask.
  chmodSync(open, 0o777);
  const certificate = makeCertificate();
  await runSuite(prefix, version, life, {
    CMBRIDGE_DRIVER: windowsPath(join(signing, 'cmbridge.sys')),
    CMBRIDGE_OTHER_DRIVER: windowsPath(join(signing, 'cmbridge-other.sys')),
    CMBRIDGE_OPEN_FOLDER: `C:\\open-${version}`,
    CMBRIDGE_CERTIFICATE: windowsPath(certificate.path),
    CMBRIDGE_THUMBPRINT_OF_IT: certificate.thumbprint,
  });
}

/** The driver in the package is the one with Wine's test kernel, not signed; what stands for PowerShell has it signed here. */
function preparePackage(prefix) {
  const consumer = installPackage(join(prefix.root, 'consumer'));
  copyFileSync(join(signing, 'unsigned.sys'), join(consumer.folder, 'prebuilds', 'win32-x64', 'cmbridge.sys'));
  const shell = ['windows', 'system32', 'WindowsPowerShell', 'v1.0', 'powershell.exe'];
  copyFileSync(join(kernelBuild, 'powershell.exe'), prefix.inside(...shell));
  const signer = join(prefix.root, 'signer');
  const sign = `'${process.execPath}' '${commandLine}' sign --file "$1" --out "$1.out" && mv "$1.out" "$1"`;
  // The names of temporary folders that come with Windows programs are none here.
  const lines = [
    '#!/bin/sh',
    "export TMPDIR='/tmp'",
    `${sign}`,
    'echo $? > "$1.status"',
    'mv "$1.status" "$1.done"',
    '',
  ];
  writeFileSync(signer, lines.join('\n'), { mode: 0o755 });
  return { folder: consumer.folder, signer };
}

async function testPackage(prefix, version, { folder, signer }) {
  await runSuite(prefix, version, installed, {
    CMBRIDGE_PACKAGE: windowsPath(folder),
    CMBRIDGE_TEST_SIGNER: windowsPath(signer),
  });
}

async function createService(prefix, name) {
  const path = `C:\\windows\\system32\\drivers\\${name}.sys`;
  await prefix.expect(['sc', 'create', name, 'type=', 'kernel', 'start=', 'demand', 'group=', GROUP, 'binPath=', path]);
}

async function serviceState(prefix, name) {
  const { output } = await prefix.run(['sc', 'query', name]);
  return /STATE\s*:\s*\d+\s+(\w+)/.exec(output)?.[1] ?? null;
}

async function waitForState(prefix, name, state) {
  for (const end = Date.now() + 30_000; ;) {
    const found = await serviceState(prefix, name);
    if (found === state) return;
    if (Date.now() > end) throw new Error(`service ${name} is ${found}, not ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// 1055: the service control manager is busy with the services of the system, which a fresh prefix starts in the background.
const DATABASE_LOCKED = '1055';

async function startService(prefix, name) {
  for (const end = Date.now() + 90_000; ;) {
    const { code, output } = await prefix.run(['sc', 'start', name]);
    if (code === 0) break;
    if (!output.includes(DATABASE_LOCKED) || Date.now() > end)
      throw new Error(`service ${name} does not start:\n${output.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await waitForState(prefix, name, 'RUNNING');
}

async function stopAndDelete(prefix, name) {
  await prefix.expect(['sc', 'stop', name]);
  await waitForState(prefix, name, 'STOPPED');
  await prefix.expect(['sc', 'delete', name]);
  for (const end = Date.now() + 15_000; (await serviceState(prefix, name)) !== null;) {
    if (Date.now() > end) throw new Error(`service ${name} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { code } = await prefix.run(['reg', 'query', `HKLM\\System\\CurrentControlSet\\Services\\${name}`]);
  if (code === 0) throw new Error(`the key of service ${name} is still there`);
}

/** `quiet`: nobody holds a session. `gone`: the driver is unloaded too. */
async function checkNothingIsLeft(prefix, when) {
  const output = await prefix.expect([windowsPath(actor), '--diagnose']);
  const report = JSON.parse(/^\{.*\}/m.exec(output)?.[0] ?? 'null');
  const ignored = new Set(['Actors', 'PoolAllocations', 'Notifications']);
  // A loaded driver keeps its device and a little memory for itself.
  if (when === 'quiet') for (const name of ['Devices', 'PoolBlocks', 'PoolBytes']) ignored.add(name);
  const left = Object.entries(report).filter(([name, value]) => !ignored.has(name) && value !== 0);
  if (report.Actors !== 1) left.push(['Actors', report.Actors - 1]);
  if (left.length > 0) throw new Error(`left behind: ${left.map(([name, value]) => `${name} ${value}`).join(', ')}`);
  if (report.PoolAllocations === 0 || report.Notifications === 0) {
    throw new Error(
      'the diagnostics saw no allocation or no notification: they do not look at the driver that was tested',
    );
  }
  console.log(
    `   ${report.PoolAllocations} allocations and ${report.Notifications} notifications so far, nothing left`,
  );
}

async function runSuite(prefix, version, file, settings = {}) {
  const node = windowsNode(version, join(root, 'build', 'wine'));
  const env = { CMBRIDGE_REGACTOR: windowsPath(actor), ...settings };
  const patterns = options.pattern.map((pattern) => `--test-name-pattern=${pattern}`);
  const args = [windowsPath(node), '--test-reporter=spec', ...patterns, windowsPath(file)];
  const { code } = await prefix.run(args, { seconds: 900, show: true, env });
  if (code !== 0) throw new Error(`${file} failed in Windows' Node ${version} (exit code ${code})`);
}

async function main(prefix) {
  const drivers = prefix.inside('windows', 'system32', 'drivers');
  await step('a fresh prefix, as Windows 10', () => prefix.boot());
  // Wine ends its services soon after the last program; this one waits for its standard input.
  const holder = prefix.start([windowsPath(actor)], { stdio: ['pipe', 'ignore', openSync(prefix.logPath, 'a')] });
  try {
    const before = readdirSync(drivers).toSorted().join();
    await step('install and start the test kernel', async () => {
      checkForwards(prefix);
      copyFileSync(join(kernelBuild, 'cmkernel.sys'), join(drivers, 'cmkernel.sys'));
      await createService(prefix, 'cmkernel');
      await startService(prefix, 'cmkernel');
    });
    for (const version of versions)
      await step(`the driver as a service, in Windows' Node ${version}`, () => testLife(prefix, version));
    const consumer = await step('install the package without scripts', () => preparePackage(prefix));
    for (const version of versions)
      await step(`the package in Windows' Node ${version}`, () => testPackage(prefix, version, consumer));
    const node = windowsPath(windowsNode(versions[0], join(root, 'build', 'wine')));
    const cmbridge = (...args) => prefix.expect([node, windowsPath(commandLine), ...args], { seconds: 120 });
    await step('install and start the driver', async () => {
      const output = await cmbridge('driver', 'install', '--file', windowsPath(join(signing, 'cmbridge.sys')));
      console.log(output.trimEnd().replaceAll(/^/gm, '   '));
    });
    for (const version of versions) {
      await step(`conformance in Windows' Node ${version}`, () => runSuite(prefix, version, suite));
      await step(`examples in Windows' Node ${version}`, () => runSuite(prefix, version, examples));
      await step('nothing is left of the sessions', () => checkNothingIsLeft(prefix, 'quiet'));
    }
    await step('uninstall the driver', async () => {
      await cmbridge('driver', 'uninstall');
      if ((await serviceState(prefix, 'cmbridge')) !== null) throw new Error('the service cmbridge is still there');
    });
    await step('nothing is left of the driver', async () => {
      await checkNothingIsLeft(prefix, 'gone');
      const { code } = await prefix.run([windowsPath(actor), '--exists', '\\\\.\\CmBridge']);
      if (code !== 1) throw new Error('the device \\\\.\\CmBridge is still there');
      await stopAndDelete(prefix, 'cmkernel');
      rmSync(join(drivers, 'cmkernel.sys'));
      if (readdirSync(drivers).toSorted().join() !== before) throw new Error(`files were left in ${drivers}`);
    });
  } finally {
    holder.kill('SIGKILL');
  }
}

let prefix = null;

function cleanUp() {
  if (prefix && options.keep) console.log(`kept: WINEPREFIX=${prefix.path}`);
  else prefix?.destroy();
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    cleanUp();
    process.exit(130);
  });
}

const versions = options.node ?? WINDOWS_NODES;
try {
  await step('build the driver, its test kernel, the actor, the addon', build);
  await step('sign the driver', signDrivers);
  await step("fetch Windows' Node", () => versions.map((version) => windowsNode(version, join(root, 'build', 'wine'))));
  if (!existsSync(suite)) throw new Error(`${suite} is missing: run npm run build:ts`);
  prefix = new WinePrefix();
  await main(prefix);
} catch (error) {
  process.exitCode = 1;
  console.error(`\n${error.message}`);
  if (prefix) console.error(`\n== end of Wine's log\n${prefix.tail()}`);
} finally {
  cleanUp();
}
