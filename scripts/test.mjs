// The README's test command: installs what is missing where it may, then runs every step and summarises.
// `node scripts/test.mjs --list` names the steps; names as arguments run only these, and first what they need built.

import { ensurePackages } from './lib/packages.mjs';
import { runSteps } from './lib/steps.mjs';
import { testsBelow } from './lib/test-files.mjs';

const npm = (script) => ['npm', 'run', '--silent', script];
const nodeTest = (folder) => [process.execPath, '--test', '--test-reporter=spec', ...testsBelow(folder)];

// `builds` names the steps that must have run before; what the tools of a step build themselves is not among them. `packages` names
// lists of scripts/packages.json.
const STEPS = [
  { name: 'build-ts', fatal: true, commands: [npm('build:ts')] },
  { name: 'build-addon', packages: ['build'], fatal: true, commands: [npm('build:native')] },
  { name: 'build-windows', packages: ['build', 'windows'], fatal: true, commands: [npm('build:windows')] },
  { name: 'lint', builds: ['build-ts'], packages: ['native'], commands: [npm('lint')] },
  { name: 'stack', packages: ['stack'], commands: [npm('lint:stack')] },
  { name: 'unit', builds: ['build-ts'], tests: true, commands: [nodeTest('test/unit')] },
  {
    name: 'package',
    builds: ['build-ts', 'build-windows'],
    tests: true,
    commands: [nodeTest('test/package')],
  },
  {
    name: 'windows',
    builds: ['build-ts', 'build-windows'],
    packages: ['sign', 'windows'],
    tests: true,
    commands: [nodeTest('test/windows')],
  },
  { name: 'sign', builds: ['build-ts'], packages: ['sign'], tests: true, commands: [nodeTest('test/sign')] },
  { name: 'addon', builds: ['build-ts', 'build-addon'], tests: true, commands: [nodeTest('test/addon')] },
  { name: 'addon-asan', builds: ['build-ts'], packages: ['native'], tests: true, commands: [npm('test:addon:asan')] },
  { name: 'conformance', builds: ['build-ts', 'build-addon'], tests: true, commands: [nodeTest('test/conformance')] },
  {
    name: 'conformance-faults',
    builds: ['build-ts', 'build-addon'],
    tests: true,
    env: { CMBRIDGE_TEST_FAULTS: '1' },
    commands: [nodeTest('test/conformance')],
  },
  {
    name: 'bench',
    builds: ['build-ts'],
    packages: ['build'],
    tests: true,
    commands: [npm('build:bench'), nodeTest('test/bench')],
  },
  { name: 'native', packages: ['native'], tests: true, commands: [npm('test:native')] },
  { name: 'native-asan', packages: ['native'], tests: true, commands: [npm('test:native:asan')] },
  { name: 'native-tsan', packages: ['native'], tests: true, commands: [npm('test:native:tsan')] },
  { name: 'fuzz', packages: ['fuzz'], commands: [npm('test:fuzz')] },
  {
    name: 'wine',
    builds: ['build-ts', 'build-windows'],
    packages: ['native', 'sign', 'windows', 'wine'],
    tests: true,
    commands: [[...npm('test:wine'), '--', '--no-build']],
  },
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
const chosen = wanted.length > 0 ? STEPS.filter((step) => wanted.includes(step.name)) : STEPS;
const steps = STEPS.filter((step) => chosen.some((other) => other === step || other.builds?.includes(step.name)));
if (!ensurePackages([...new Set(steps.flatMap((step) => step.packages ?? []))])) process.exit(1);
process.exit(await runSteps(steps));
