// Writes schema/rules.schema.json: what a rule file may have in it, from the shapes in lib/rules/shape.ts that the reader of rule
// files walks, with the comments of the TypeScript types as descriptions. Needs dist/, which `npm run build:ts` makes.
// With --check nothing is written; the exit status is 1 when the file is not what would be written.

import { fileURLToPath } from 'node:url';
import { describe, importBuilt, readComments, writeSchema } from './lib/schema-file.mjs';
import { schemaOf } from './lib/shape-schema.mjs';

const { ruleFileShape } = await importBuilt('lib/rules/shape.js');
const comments = new Map(
  ['rule', 'file/file'].flatMap((name) => [
    ...readComments(fileURLToPath(new URL(`../lib/rules/${name}.ts`, import.meta.url))),
  ]),
);
const definitions = new Map();

function reference(shape) {
  if (!definitions.has(shape.name)) {
    definitions.set(shape.name, null);
    definitions.set(shape.name, record(shape));
  }
  return { $ref: `#/definitions/${shape.name}` };
}

/** Fields that only go with some values of another. */
function dependencies(onlyWith) {
  if (onlyWith === undefined) return {};
  return {
    dependencies: Object.fromEntries(
      Object.entries(onlyWith.values).map(([name, values]) => [
        name,
        { properties: { [onlyWith.field]: { enum: values } } },
      ]),
    ),
  };
}

function record({ name, required, fields, onlyWith }) {
  const comment = comments.get(name);
  return {
    ...describe(comment?.text),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      Object.entries(fields).map(([field, shape]) => [
        field,
        { ...describe(comment?.fields.get(field)), ...schemaOf(shape, reference) },
      ]),
    ),
    additionalProperties: false,
    ...dependencies(onlyWith),
  };
}

const root = record(ruleFileShape);
const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:cmbridge:rules',
  title: 'cmbridge rules',
  ...root,
  description: 'A rule file of cmbridge, in YAML or JSON; the first rule that matches decides. Generated; do not edit.',
  definitions: Object.fromEntries(definitions),
};
await writeSchema(new URL('../schema/rules.schema.json', import.meta.url), schema, 'generate-rules-schema.mjs');
