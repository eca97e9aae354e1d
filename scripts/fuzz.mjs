// Builds the fuzzers with clang and runs each for a fixed number of inputs, beginning with the seeds that it comes with. What is found
// stays in build/fuzz; an argument sets the number of inputs.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 100_000);
if (!Number.isSafeInteger(runs) || runs < 1) {
  console.error(`fuzz: '${process.argv[2]}' is no number of inputs; use one of 1 or more, or nothing`);
  process.exit(2);
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'build/fuzz';

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`fuzz: ${command}: ${error.message}`);
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
  '-DCMB_FUZZ=ON',
  '-DCMAKE_C_COMPILER=clang',
  '-DCMAKE_CXX_COMPILER=clang++',
);
run('cmake', '--build', folder, '--parallel', String(availableParallelism()));

// Emptied, so that every run with the same seed is the same run.
const corpus = `${folder}/corpus/rules`;
rmSync(`${root}${corpus}`, { recursive: true, force: true });
mkdirSync(`${root}${corpus}`, { recursive: true });
run(`${folder}/test/fuzz/rules_seeds`, corpus);
run(
  `${folder}/test/fuzz/rules_fuzz`,
  `-runs=${runs}`,
  '-seed=1',
  '-max_len=16384',
  '-timeout=20',
  '-use_value_profile=1',
  '-print_final_stats=1',
  '-verbosity=0',
  `-artifact_prefix=${folder}/`,
  corpus,
);
console.log(`rules_fuzz: ${runs} inputs, nothing found`);
