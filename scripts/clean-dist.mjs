// Removes what is below dist/ without a source, such as the compiled test of a file that has moved, so that it is neither run nor
// packed. Where an output is missing, the compiler is made to write all again.

import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const filesBelow = (folder, pattern) =>
  existsSync(root + folder) ? readdirSync(root + folder, { recursive: true }).filter((name) => pattern.test(name)) : [];

const OUTPUT = /(\.js|\.js\.map|\.d\.ts)$/;
for (const name of filesBelow('dist', OUTPUT))
  if (!existsSync(root + name.replace(OUTPUT, '.ts'))) rmSync(`${root}dist/${name}`);

// tsc writes only what has changed since the build that this file tells of; it does not look whether the outputs are still there.
const { include, exclude } = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8'));
const sources = include.flatMap((folder) => filesBelow(folder, /\.ts$/).map((name) => `${folder}/${name}`));
const isCompiled = (name) => !exclude.some((folder) => name.startsWith(`${folder}/`));
if (sources.some((name) => isCompiled(name) && !existsSync(`${root}dist/${name.replace(/\.ts$/, '.js')}`)))
  rmSync(`${root}dist/tsconfig.tsbuildinfo`, { force: true });
