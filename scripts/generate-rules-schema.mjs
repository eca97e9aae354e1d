// Writes schema/rules.schema.json: what a rule file may have in it, from the shapes in lib/rules/shape.ts that the reader of rule
// files walks, with the comments of the TypeScript types as descriptions. Needs dist/, which `npm run build:ts` makes.
// With --check nothing is written; the exit status is 1 when the file is not what would be written.

import { fileURLToPath } from 'node:url';
import { describe, importBuilt, readComments, writeSchema } from './lib/schema-file.mjs';

const { ruleFileShape } = await importBuilt('lib/rules/shape.js');
const comments = new Map(
  ['rule', 'file/file'].flatMap((name) => [
    ...readComments(fileURLToPath(new URL(`../lib/rules/${name}.ts`, import.meta.url))),
  ]),
);
const definitions = new Map();

function schemaOf(shape) {
  switch (shape.kind) {
    case 'text':
      return {
        type: 'string',
        ...(shape.minLength === 0 ? {} : { minLength: shape.minLength }),
        maxLength: shape.maxLength,
        ...patternOf(shape),
      };
    case 'number':
      return integer(shape);
    case 'boolean':
      return { type: 'boolean' };
    case 'literal':
      return literal(shape);
    case 'many': {
      const one = schemaOf(shape.shape);
      return { anyOf: [one, { type: 'array', items: one, minItems: 1, maxItems: shape.maxItems }] };
    }
    case 'list':
      return { type: 'array', items: schemaOf(shape.shape), maxItems: shape.maxItems };
    case 'record':
      return reference(shape);
  }
}

function patternOf({ pattern }) {
  return pattern === null ? {} : { pattern: pattern.source };
}

function integer({ minimum, maximum, except }) {
  return { type: 'integer', minimum, maximum, ...(except === undefined ? {} : { not: { const: except } }) };
}

function literal(shape) {
  if (shape.values.length === 1) return { const: shape.values[0] };
  const known = { enum: shape.values };
  if (shape.numbers !== undefined) return { anyOf: [known, integer(shape.numbers)] };
  return shape.pattern === null ? known : { anyOf: [known, { type: 'string', ...patternOf(shape) }] };
}

function reference(shape) {
  if (!definitions.has(shape.name)) {
    definitions.set(shape.name, null);
    definitions.set(shape.name, record(shape));
  }
  return { $ref: `#/definitions/${shape.name}` };
}

/** Fields that only some actions have. */
function dependencies(actions) {
  if (actions === undefined) return {};
  return {
    dependencies: Object.fromEntries(
      Object.entries(actions).map(([field, values]) => [field, { properties: { action: { enum: values } } }]),
    ),
  };
}

function record({ name, required, fields, actions }) {
  const comment = comments.get(name);
  return {
    ...describe(comment?.text),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      Object.entries(fields).map(([field, shape]) => [
        field,
        { ...describe(comment?.fields.get(field)), ...schemaOf(shape) },
      ]),
    ),
    additionalProperties: false,
    ...dependencies(actions),
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
