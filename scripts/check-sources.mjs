// native/sources.json is the list of sources. Every source file must stand in it, and every name in it must exist. Every source of the
// driver has a test of its name in the same room of test/driver, or test/driver/covered.json names the test that covers it.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = JSON.parse(readFileSync(`${root}native/sources.json`, 'utf8'));
const listed = new Set(Object.values(sources).flat());
const problems = [];

const filesBelow = (folder, pattern) =>
  readdirSync(root + folder, { recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => `${folder}/${name}`);

for (const name of listed)
  if (!existsSync(root + name)) problems.push(`native/sources.json names ${name}, which does not exist`);
for (const name of ['driver', 'native', 'test'].flatMap((folder) => filesBelow(folder, /\.(c|cc)$/))) {
  if (!listed.has(name)) problems.push(`${name} stands in no list of native/sources.json`);
}

const covered = JSON.parse(readFileSync(`${root}test/driver/covered.json`, 'utf8'));
const ownTest = (name) => `test/${name.replace(/\.c$/, '_test.cc')}`;
for (const name of sources.driver) {
  if (existsSync(root + ownTest(name)) === Object.hasOwn(covered, name))
    problems.push(`${name} needs either ${ownTest(name)} or an entry in test/driver/covered.json`);
}
for (const [name, test] of Object.entries(covered)) {
  if (!sources.driver.includes(name)) problems.push(`test/driver/covered.json has ${name} too many`);
  if (!sources.driver_tests.includes(test)) problems.push(`test/driver/covered.json names ${test}, which is no test`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
