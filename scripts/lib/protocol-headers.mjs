// Reads the headers of driver/protocol/ and writes what is generated from them: the constants and offsets for TypeScript.

const scalars = new Map([
  ['UINT16', 2],
  ['UINT32', 4],
  ['INT32', 4],
  ['UINT64', 8],
  ['INT64', 8],
]);

/** The number of every define, with the comment above it. A define of this prefix that is no number is refused. */
export function parseDefines(text) {
  for (const [line] of text.matchAll(/^#define CMB_\w+ .*$/gm)) {
    if (!/^#define CMB_[A-Z0-9_]+ (0x[0-9A-Fa-f]+|\d+)$/.test(line)) throw new Error(`cannot read "${line}"`);
  }
  return [...text.matchAll(/^#define (CMB_[A-Z0-9_]+) (0x[0-9A-Fa-f]+|\d+)$/gm)].map(([, name, value]) => ({
    name,
    value,
    comment: commentAbove(text, `#define ${name} `),
  }));
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

/** Size, alignment and offsets of each structure, by its name. */
export function parseStructures(text) {
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
  const written = text.match(/^typedef (struct|union)\b/gm)?.length ?? 0;
  if (written !== structures.size) throw new Error(`of ${written} structures only ${structures.size} can be read`);
  return structures;
}

/** Refuses whatever would need padding, as compilers do. */
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

export function writeConstants(defines, structures) {
  const lines = ['// Generated from driver/protocol/ by scripts/generate-protocol.mjs. Do not edit.', ''];
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
