// Builds what the package carries, on Linux: npm run build:windows
//   prebuilds/win32-x64/    cmbridge.sys, not signed, its symbols, and the addon for Windows
//   prebuilds/linux-x64/    the addon with the simulator
// --driver-only leaves the addons out.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { copyWithChecksum } from './lib/pe.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const kernel = 'build/kernel';
// What a cache of the compiler kept was made in another folder, perhaps, and would not be the same bytes.
const env = { ...process.env, CCACHE_DISABLE: '1' };

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function driver() {
  const toolchain = '-DCMAKE_TOOLCHAIN_FILE=scripts/cmake/windows-kernel.cmake';
  run('cmake', '-S', '.', '-B', kernel, '-G', 'Ninja', toolchain, '--log-level=WARNING');
  run('cmake', '--build', kernel, '--target', 'cmbridge');
  mkdirSync(`${root}prebuilds/win32-x64`, { recursive: true });
  copyWithChecksum(`${root}${kernel}/cmbridge.sys`, `${root}prebuilds/win32-x64/cmbridge.sys`);
  copyFileSync(`${root}${kernel}/cmbridge.pdb`, `${root}prebuilds/win32-x64/cmbridge.pdb`);
}

const addon = (platform, ...options) =>
  run('npx', '--no-install', 'cmake-js', 'build', '--out', `build/${platform}`, ...options);

driver();
if (!process.argv.includes('--driver-only')) {
  addon('win32-x64', '--CDCMAKE_TOOLCHAIN_FILE=scripts/cmake/mingw-w64.cmake');
  addon('linux-x64');
}
