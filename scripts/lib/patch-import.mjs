// Makes the copy of the driver that runs under Wine: its kernel is cmkernel.sys instead of ntoskrnl.exe, all else is as shipped.

import { writeFileSync } from 'node:fs';
import { PeFile } from './pe.mjs';

const FROM = 'ntoskrnl.exe';
const TO = 'cmkernel.sys';

export function patchImport(input, output) {
  const shipped = new PeFile(input);
  const kernel = shipped.imports.filter((entry) => entry.library.toLowerCase() === FROM);
  if (kernel.length !== 1 || shipped.imports.length !== 1)
    throw new Error(`${input} does not import from ${FROM} alone`);
  const bytes = Buffer.from(shipped.bytes);
  bytes.write(TO, kernel[0].nameOffset, 'latin1');
  writeFileSync(output, bytes);

  const patched = new PeFile(output);
  const changed = [...patched.bytes.keys()].filter((at) => patched.bytes[at] !== shipped.bytes[at]);
  const inside = changed.every((at) => at >= kernel[0].nameOffset && at < kernel[0].nameOffset + FROM.length);
  const sameNames = patched.imports[0].names.join() === kernel[0].names.join();
  if (patched.bytes.length !== shipped.bytes.length || !inside || !sameNames || patched.imports[0].library !== TO) {
    throw new Error(`the copy ${output} differs in more than the name of its kernel`);
  }
}
