// The compiled tests of this repository, by the folder or the name of their sources.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const compiled = (source) => `dist/${source.replace(/\.ts$/, '.js')}`;
const sourcesBelow = (folder) =>
  readdirSync(root + folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();

/** Every test below a folder of sources. */
export const testsBelow = (folder) => sourcesBelow(folder).map(compiled);

/**
 * The tests below the folder `wanted` in `folder`, such as the room rules. Where there is no such folder, the tests whose path has `wanted`
 * in it: a path such as test/unit/rules/compile.test.ts, a name such as compile.
 */
export function testsNamed(folder, wanted) {
  const path = `/${wanted.replace(/(\.test)?(\.[jt]s)?$/, '').replace(/^\.?\/|\/$/g, '')}/`;
  const sources = sourcesBelow(folder);
  const inRoom = sources.filter((source) => source.startsWith(folder + path));
  if (inRoom.length > 0) return inRoom.map(compiled);
  return sources.filter((source) => `/${source.replace(/\.test\.ts$/, '')}/`.includes(path)).map(compiled);
}
