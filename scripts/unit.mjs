// The unit tests, compiled first; they need no native build. `npm run unit -- FILE [NAME]` runs the tests of one file or room, and of
// these the ones whose name matches the regular expression NAME. `npm run dev -- [FILE [NAME]]` (the option --watch) compiles and tests
// again at each change; which files it tests is settled when it starts.

import { spawn, spawnSync } from 'node:child_process';
import { root, testsBelow, testsNamed } from './lib/test-files.mjs';

const FOLDER = 'test/unit';
const watch = process.argv.includes('--watch');
const [file, name] = process.argv.slice(2).filter((argument) => argument !== '--watch');
const files = file === undefined ? testsBelow(FOLDER) : testsNamed(FOLDER, file);
if (files.length === 0) {
  console.error(`unit: no test below ${FOLDER} is named '${file}'`);
  process.exit(2);
}

const options = { cwd: root, stdio: 'inherit' };
const { status: built } = spawnSync('npm', ['run', '--silent', 'build:ts'], options);
if (built !== 0 && !watch) process.exit(built ?? 1);

const select = name === undefined ? [] : ['--test-name-pattern', name];
const test = ['--test', '--test-reporter=spec', ...select, ...files];
if (!watch) process.exit(spawnSync(process.execPath, test, options).status ?? 1);

spawn(process.execPath, ['node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput'], options);
spawn(process.execPath, ['--watch', ...test], options);
