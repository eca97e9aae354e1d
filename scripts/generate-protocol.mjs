// Writes lib/wire/protocol.ts from driver/protocol/protocol.h and its parts: every numeric define, and for every structure its size and field offsets.
// The offsets are computed here and compared with the CMB_ASSERT lines of protocol_layout.h, so that a mistake in either shows.
// With --check nothing is written; the exit status is 1 when lib/wire/protocol.ts is not what would be written.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

const headerUrls = [
  'protocol_record.h',
  'protocol_body.h',
  'protocol_rules.h',
  'protocol_decision.h',
  'protocol.h',
].map((name) => new URL(`../driver/protocol/${name}`, import.meta.url));
const layoutUrls = ['protocol_layout.h', 'protocol_decision_layout.h'].map(
  (name) => new URL(`../driver/protocol/${name}`, import.meta.url),
);
const outputPath = fileURLToPath(new URL('../lib/wire/protocol.ts', import.meta.url));
const scalars = new Map([
  ['UINT8', 1],
  ['UINT16', 2],
  ['UINT32', 4],
  ['INT32', 4],
  ['UINT64', 8],
  ['INT64', 8],
]);

function parseDefines(text) {
  const defines = [];
  for (const [line] of text.matchAll(/^#define CMB_\w+ .*$/gm)) {
    if (!/^#define CMB_[A-Z0-9_]+ (0x[0-9A-Fa-f]+|\d+)$/.test(line)) throw new Error(`cannot read "${line}"`);
  }
  for (const [, name, value] of text.matchAll(/^#define (CMB_[A-Z0-9_]+) (0x[0-9A-Fa-f]+|\d+)$/gm)) {
    defines.push({ name, value, comment: commentAbove(text, `#define ${name} `) });
  }
  return defines;
}

/** The `//` lines directly above a line, as one array of texts. */
function commentAbove(text, start) {
  const before = text.slice(0, text.indexOf(`\n${start}`)).split('\n');
  const lines = [];
  while (before.length > 0 && /^\s*\/\/ /.test(before.at(-1))) lines.unshift(before.pop().trim().slice(3));
  return lines;
}

function numberOf(text, define) {
  const found = new RegExp(`^#define ${define} (\\d+)$`, 'm').exec(text);
  if (found === null) throw new Error(`${define} is no number`);
  return Number(found[1]);
}

function parseStructures(text) {
  const structures = new Map();
  for (const [, tag, body, name] of text.matchAll(/^typedef struct (\w+) \{\n([\s\S]*?)^\} (\w+);$/gm)) {
    if (tag !== name) throw new Error(`structure ${tag} has the type name ${name}`);
    const fields = [];
    for (const line of body.split('\n')) {
      const code = line.replace(/\/\/.*$/, '').trim();
      if (code === '') continue;
      const field = /^(\w+) (\w+)(?:\[(CMB_\w+)\])?;$/.exec(code);
      if (field === null) throw new Error(`${name}: cannot read the line "${code}"`);
      fields.push({ type: field[1], name: field[2], count: field[3] === undefined ? 1 : numberOf(text, field[3]) });
    }
    structures.set(name, layout(name, fields, structures));
  }
  return structures;
}

function layout(name, fields, known) {
  let offset = 0;
  let alignment = 1;
  const offsets = [];
  for (const field of fields) {
    const size = scalars.get(field.type) ?? known.get(field.type)?.size;
    if (size === undefined) throw new Error(`${name}.${field.name}: unknown type ${field.type}`);
    const align = scalars.get(field.type) ?? known.get(field.type).alignment;
    if (offset % align !== 0) throw new Error(`${name}.${field.name}: offset ${offset} is not aligned to ${align}`);
    offsets.push([field.name, offset]);
    offset += size * field.count;
    alignment = Math.max(alignment, align);
  }
  if (offset % alignment !== 0) throw new Error(`${name}: size ${offset} would be padded`);
  return { size: offset, alignment, offsets };
}

function checkAssertions(text, structures) {
  const sizes = new Map();
  for (const [, name, size] of text.matchAll(/^CMB_ASSERT_SIZE\((\w+), (\d+)\);$/gm)) sizes.set(name, Number(size));
  const offsets = new Map();
  for (const [, name, field, offset] of text.matchAll(/^CMB_ASSERT_OFFSET\((\w+), (\w+), (\d+)\);$/gm)) {
    offsets.set(`${name}.${field}`, Number(offset));
  }
  for (const [name, structure] of structures) {
    expectSame(`sizeof(${name})`, structure.size, sizes.get(name));
    for (const [field, offset] of structure.offsets) {
      expectSame(`offsetof(${name}, ${field})`, offset, offsets.get(`${name}.${field}`));
    }
  }
}

function expectSame(what, computed, asserted) {
  if (computed === asserted) return;
  throw new Error(
    `${what} is ${computed}, but driver/protocol/protocol_layout.h ${asserted === undefined ? 'asserts nothing' : `asserts ${asserted}`}`,
  );
}

function write(defines, structures) {
  const lines = ['// Generated from driver/protocol/protocol.h by scripts/generate-protocol.mjs. Do not edit.', ''];
  for (const { name, value, comment } of defines) {
    if (comment.length > 0) lines.push(`/** ${comment.join(' ')} */`);
    lines.push(`export const ${name} = ${value.toLowerCase()};`);
  }
  lines.push('', '// Each structure: its size, and the offset of each field.', '');
  for (const [name, { size, offsets }] of structures) {
    const fields = offsets.map(([field, offset]) => `  ${field}: ${offset},`);
    lines.push(`export const ${name} = {`, `  size: ${size},`, ...fields, '} as const;', '');
  }
  return lines.join('\n');
}

const readAll = async (urls) => (await Promise.all(urls.map((url) => readFile(url, 'utf8')))).join('\n');

const text = await readAll(headerUrls);
const structures = parseStructures(text);
checkAssertions(await readAll(layoutUrls), structures);
const options = await prettier.resolveConfig(outputPath);
const generated = await prettier.format(write(parseDefines(text), structures), { ...options, parser: 'typescript' });

if (process.argv.includes('--check')) {
  const present = await readFile(outputPath, 'utf8').catch(() => '');
  if (present !== generated) {
    console.error(
      'lib/wire/protocol.ts differs from driver/protocol/protocol.h. Run: node scripts/generate-protocol.mjs',
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(outputPath, generated);
}
