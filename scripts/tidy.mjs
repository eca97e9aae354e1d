// clang-tidy over the kernel-mode C: the driver and the configuration manager, as the simulator compiles them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'build/tidy';
const { driver, simulator_cm } = JSON.parse(readFileSync(`${root}native/sources.json`, 'utf8'));

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`tidy: ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

run('cmake', '-S', '.', '-B', folder, '-G', 'Ninja', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON', '--log-level=WARNING');
run('clang-tidy', '-p', folder, '--quiet', ...[...driver, ...simulator_cm].filter((name) => name.endsWith('.c')));
