// Writes the export list of cmkernel.sys: node scripts/make-kernel-exports.mjs DRIVER OUT OBJECT...
// Every name that the driver imports is exported: as Cmk<name>, Cm<name> or <name> where the objects define that, else as a
// forward to Wine's own kernel. So the list follows the driver by itself.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { PeFile } from './lib/pe.mjs';

// Names that the driver does not import but asks for at run time would go here too; it asks for none.
const [driver, output, ...objects] = process.argv.slice(2);
const kernel = new PeFile(driver).imports.find((entry) => entry.library === 'ntoskrnl.exe');
if (!kernel || !output || objects.length === 0)
  throw new Error('usage: node scripts/make-kernel-exports.mjs DRIVER OUT OBJECT...');

const symbols = execFileSync('x86_64-w64-mingw32-nm', ['--defined-only', '--extern-only', ...objects], {
  encoding: 'utf8',
});
const defined = new Set([...symbols.matchAll(/^[0-9a-f]+ [TDBR] (\S+)$/gm)].map((match) => match[1]));
const lines = kernel.names.toSorted().map((name) => {
  const own = [`Cmk${name}`, `Cm${name}`].find((candidate) => defined.has(candidate));
  if (own) return `    ${name}=${own}`;
  return defined.has(name) ? `    ${name}` : `    ${name}=ntoskrnl.exe.${name}`;
});
writeFileSync(output, ['LIBRARY cmkernel.sys', 'EXPORTS', ...lines, ''].join('\n'));
