// Runs the tests of how environments end with an addon under AddressSanitizer and UBSan, built into a folder of its own. The tests
// load it as a package loads the binary that it carries: in that folder are a package.json, `dist` and the addon as a prebuild.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'build/addon-address';
const copy = `${folder}/package`;
const addon = `${copy}/prebuilds/${process.platform}-${process.arch}/cmbridge.node`;
const TESTS = ['lifecycle', 'worker-end'];

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) console.error(`addon-asan: ${command}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
  return result.stdout;
}

const definitions = [
  'CMB_SANITIZE=address',
  'CMAKE_BUILD_TYPE=None',
  'CMAKE_C_FLAGS=-Og -g1',
  'CMAKE_CXX_FLAGS=-Og -g1',
];
run('npx', ['cmake-js', 'compile', '--out', folder, ...definitions.map((definition) => `--CD${definition}`)]);

rmSync(`${root}${copy}`, { recursive: true, force: true });
mkdirSync(`${root}${copy}`, { recursive: true });
for (const name of ['package.json', 'dist']) cpSync(`${root}${name}`, `${root}${copy}/${name}`, { recursive: true });
cpSync(`${root}${folder}/Release/cmbridge.node`, `${root}${addon}`);

// Node itself is not built with the sanitizer, so its runtime has to be there before anything else.
const libraries = run('ldd', [addon], { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
const runtime = /=> (\S*\/libasan\.so\S*)/.exec(libraries)?.[1];
if (!runtime) {
  console.error(`addon-asan: ${addon} is not linked with libasan.so:\n${libraries}`);
  process.exit(1);
}
const tests = TESTS.map((name) => `${copy}/dist/test/addon/${name}.test.js`);
run(process.execPath, ['--test', '--test-reporter=spec', ...tests], {
  env: {
    ...process.env,
    LD_PRELOAD: runtime,
    // Leaks are not looked for: Node frees little when its process ends, and a promise that is never settled keeps what Node-API has
    // allocated for it.
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  },
});
