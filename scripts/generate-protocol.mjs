// Writes what lib/ knows of the driver, so that it is written once:
//   driver/protocol/*.h            -> lib/wire/protocol.ts: every numeric define, and size and field offsets of every structure
//   driver/base/notify_class.c     -> lib/registry/notify-class-table.ts: the notification classes
//                                  -> lib/decision/class-table.ts: what can be decided about them
// With --check nothing is written; the exit status is 1 when one of these is not what would be written.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import { parseOperations, writeClasses, writeDecisions } from './lib/notify-classes.mjs';
import { parseDefines, parseStructures, writeConstants } from './lib/protocol-headers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const headers = ['protocol_record.h', 'protocol_body.h', 'protocol_rules.h', 'protocol_decision.h', 'protocol.h'];

const read = (name) => readFile(root + name, 'utf8');
const protocol = (await Promise.all(headers.map((name) => read(`driver/protocol/${name}`)))).join('\n');
const structures = parseStructures(protocol);
const operations = parseOperations(await read('driver/base/notify_class.c'));

const outputs = {
  'lib/wire/protocol.ts': writeConstants(parseDefines(protocol), structures),
  'lib/registry/notify-class-table.ts': writeClasses(operations),
  'lib/decision/class-table.ts': writeDecisions(operations),
};

for (const [name, text] of Object.entries(outputs)) {
  const options = await prettier.resolveConfig(root + name);
  const generated = name.endsWith('.ts') ? await prettier.format(text, { ...options, parser: 'typescript' }) : text;
  if (!process.argv.includes('--check')) {
    await writeFile(root + name, generated);
  } else if ((await read(name).catch(() => '')) !== generated) {
    console.error(`${name} differs from what it is generated from. Run: node scripts/generate-protocol.mjs`);
    process.exitCode = 1;
  }
}
