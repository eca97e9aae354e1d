// Writes what the Windows builds know of the project, so that it is written once:
//   native/sources.json, headers below driver/  -> driver/cmbridge.vcxproj, for MSVC with the WDK, and driver/packages.config
//   package.json                                -> native/windows/version.h, for the version resources
// With --check nothing is written; the exit status is 1 when one of these is not what would be written.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writePackages, writeProject, writeVersion } from './lib/windows-project.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const json = (name) => JSON.parse(readFileSync(root + name, 'utf8'));

const sources = json('native/sources.json').driver;
const headers = readdirSync(`${root}driver`, { recursive: true })
  .map((name) => `driver/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.h'))
  .sort();

const outputs = {
  'driver/cmbridge.vcxproj': writeProject(sources, headers),
  'driver/packages.config': writePackages(),
  'native/windows/version.h': writeVersion(json('package.json').version),
};

for (const [name, text] of Object.entries(outputs)) {
  if (!process.argv.includes('--check')) {
    writeFileSync(root + name, text);
    continue;
  }
  let found = '';
  try {
    found = readFileSync(root + name, 'utf8');
  } catch {
    // A file that is missing differs like one that is old.
  }
  if (found !== text) {
    console.error(`${name} differs from what it is generated from. Run: node scripts/generate-project.mjs`);
    process.exitCode = 1;
  }
}
