// The README's test command: installs what is missing where it may, then runs every step and summarises.
// `node scripts/test.mjs --list` names the steps; names as arguments run only these.

import { readdirSync } from 'node:fs';
import { ensurePackages } from './lib/packages.mjs';
import { runSteps } from './lib/steps.mjs';

const node = process.execPath;
const npm = (script) => ['npm', 'run', '--silent', script];
const tests = (folder) =>
  readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `dist/${folder}/${name.replace(/\.ts$/, '.js')}`);
const nodeTest = (...folders) => [node, '--test', '--test-reporter=spec', ...folders.flatMap(tests)];

const STEPS = [
  { name: 'build', needs: [], fatal: true, commands: [npm('build')] },
  { name: 'types', needs: [], commands: [npm('types')] },
  { name: 'lint', needs: ['native'], commands: [npm('lint')] },
  { name: 'unit', needs: [], tests: true, commands: [nodeTest('test/unit')] },
  { name: 'package', needs: [], tests: true, commands: [nodeTest('test/package')] },
  { name: 'addon', needs: [], tests: true, commands: [nodeTest('test/addon')] },
  { name: 'conformance', needs: [], tests: true, commands: [nodeTest('test/conformance')] },
  {
    name: 'conformance-faults',
    needs: [],
    tests: true,
    env: { CMBRIDGE_TEST_FAULTS: '1' },
    commands: [nodeTest('test/conformance')],
  },
  { name: 'bench', needs: [], tests: true, commands: [npm('build:bench'), nodeTest('test/bench')] },
  { name: 'native', needs: ['native'], tests: true, commands: [npm('test:native')] },
  { name: 'native-asan', needs: ['native'], tests: true, commands: [npm('test:native:asan')] },
  { name: 'native-tsan', needs: ['native'], tests: true, commands: [npm('test:native:tsan')] },
  { name: 'fuzz', needs: ['fuzz'], commands: [npm('test:fuzz')] },
  { name: 'wine', needs: ['native', 'wine'], tests: true, commands: [npm('test:wine')] },
];

const wanted = process.argv.slice(2);
if (wanted.includes('--list') || wanted.includes('--help')) {
  console.log(STEPS.map((step) => step.name).join('\n'));
  process.exit(0);
}
const unknown = wanted.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`There is no step ${unknown.join(', ')}. Steps: ${STEPS.map((step) => step.name).join(', ')}`);
  process.exit(2);
}
const steps = wanted.length > 0 ? STEPS.filter((step) => wanted.includes(step.name)) : STEPS;
if (!ensurePackages([...new Set(['build', ...steps.flatMap((step) => step.needs)])])) process.exit(1);
process.exit(await runSteps(steps));
