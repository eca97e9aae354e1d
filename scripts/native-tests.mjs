// Builds and runs the native tests. An argument "address" or "thread" runs them under those sanitizers, in a build folder of their own.
// --filter PATTERN runs only the tests that GoogleTest's filter takes: --filter 'Rate.*'.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: { filter: { type: 'string' } } });
const sanitizer = positionals[0] ?? '';
if (!['', 'address', 'thread'].includes(sanitizer) || positionals.length > 1) {
  console.error(`native-tests: unknown sanitizer '${positionals.join(' ')}'; use address or thread, or nothing`);
  process.exit(2);
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `build/native${sanitizer && `-${sanitizer}`}`;
const environment = {
  ...process.env,
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: 'second_deadlock_stack=1',
};

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit' });
  if (error) console.error(`native-tests: ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

run(
  'cmake',
  '-S',
  '.',
  '-B',
  folder,
  '-G',
  'Ninja',
  // Enough for stack traces with line numbers; full optimisation makes the sanitized builds several times slower to compile.
  '-DCMAKE_BUILD_TYPE=None',
  '-DCMAKE_C_FLAGS=-Og -g1',
  '-DCMAKE_CXX_FLAGS=-Og -g1',
  `-DCMB_SANITIZE=${sanitizer}`,
);
run('cmake', '--build', folder, '--parallel', String(availableParallelism()));

// Started directly rather than by ctest, so that their own output, counts included, is seen.
const listed = spawnSync('ctest', ['--test-dir', folder, '--show-only=json-v1'], { cwd: root, encoding: 'utf8' });
const suites = listed.status === 0 ? JSON.parse(listed.stdout).tests : [];
if (suites.length === 0) {
  console.error(`native-tests: no test suite in ${folder}\n${listed.stderr}`);
  process.exit(1);
}
const filter = options.filter === undefined ? [] : [`--gtest_filter=${options.filter}`];
// A filter usually picks the tests of one program; the others would only say that they have none. Tests are listed indented.
// A program that cannot list its tests fails the run, since the tests that the filter means may be among them.
function hasTests([program]) {
  if (filter.length === 0) return true;
  const stdio = ['ignore', 'pipe', 'inherit'];
  const options = { cwd: root, env: environment, encoding: 'utf8', stdio };
  const { status, signal, error, stdout } = spawnSync(program, [...filter, '--gtest_list_tests'], options);
  if (status !== 0) {
    console.error(`native-tests: ${program} cannot list its tests: ${error?.message ?? signal ?? `status ${status}`}`);
    process.exit(status ?? 1);
  }
  return /^ {2}/m.test(stdout);
}
const chosen = suites.map(({ command }) => command).filter(hasTests);
if (chosen.length === 0) {
  console.error(`native-tests: no test is named ${options.filter}`);
  process.exit(1);
}
for (const command of chosen) run(...command, ...filter);
