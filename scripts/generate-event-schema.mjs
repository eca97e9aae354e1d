// Writes schema/event.schema.json: the JSON form of an event, from the shapes in lib/event/json/ that the parser walks, with the
// comments of the TypeScript types as descriptions. Needs dist/, which `npm run build:ts` makes.
// With --check nothing is written; the exit status is 1 when the file is not what would be written.

import { fileURLToPath } from 'node:url';
import { describe, importBuilt, readComments, writeSchema } from './lib/schema-file.mjs';
import { schemaOf } from './lib/shape-schema.mjs';

const outputUrl = new URL('../schema/event.schema.json', import.meta.url);
const { eventShape } = await importBuilt('lib/event/json/event-shape.js');

const comments = readComments(fileURLToPath(new URL('../lib/event/event.ts', import.meta.url)));
comments.set('PostFields', { text: '', fields: comments.get('NotificationFields').fields });
const definitions = new Map();

function reference(shape) {
  if (!definitions.has(shape.name)) {
    definitions.set(shape.name, null);
    definitions.set(shape.name, shape.kind === 'record' ? closed(shape) : choice(shape));
  }
  return { $ref: `#/$defs/${shape.name}` };
}

function choice(shape) {
  return { oneOf: alternatives(shape) };
}

function alternatives({ variants }) {
  return variants.flatMap((variant) => (variant.kind === 'tagged' ? alternatives(variant) : [reference(variant)]));
}

/** A record that has the fields of its parts and its own, and no others. */
function closed(shape) {
  if (shape.parts.length === 0) return { ...open(shape), additionalProperties: false };
  const parts = shape.parts.filter((part) => Object.keys(part.fields).length > 0);
  return { ...open(shape), allOf: parts.map(partReference), unevaluatedProperties: false };
}

function partReference(part) {
  definitions.set(part.name, open(part));
  return { $ref: `#/$defs/${part.name}` };
}

function open(shape) {
  const inherited = new Set(shape.parts.flatMap((part) => Object.keys(part.fields)));
  const own = Object.entries(shape.fields).filter(([name]) => !inherited.has(name));
  const comment = comments.get(shape.name);
  return {
    ...describe(comment?.text),
    type: 'object',
    required: own.map(([name]) => name),
    properties: Object.fromEntries(
      own.map(([name, field]) => [name, { ...describe(comment?.fields.get(name)), ...schemaOf(field, reference) }]),
    ),
  };
}

const root = choice(eventShape);
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:cmbridge:event',
  title: 'cmbridge event',
  description:
    'One event of a Windows registry callback, as a line of NDJSON. 64-bit integers are strings of decimal digits, bytes are base64. Generated; do not edit.',
  ...root,
  $defs: Object.fromEntries([...definitions].sort(([a], [b]) => (a < b ? -1 : 1))),
};
await writeSchema(outputUrl, schema, 'generate-event-schema.mjs');
