// The JSON Schema of a shape of lib/base/shape.ts.

const base64 = '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

/** `reference` makes the schema of what has a definition of its own: a record, or one of several. */
export function schemaOf(shape, reference) {
  switch (shape.kind) {
    case 'text':
      return text(shape);
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64', pattern: base64 };
    case 'big':
      return { type: 'string', pattern: bigPattern(shape) };
    case 'integer':
      return integer(shape);
    case 'boolean':
      return { type: 'boolean' };
    case 'literal':
      return literal(shape);
    case 'nullable':
      return nullable(schemaOf(shape.shape, reference));
    case 'many': {
      const one = schemaOf(shape.shape, reference);
      return { anyOf: [one, { type: 'array', items: one, minItems: 1, maxItems: shape.maxItems }] };
    }
    case 'list':
      return { type: 'array', items: schemaOf(shape.shape, reference), ...limit('maxItems', shape.maxItems) };
    case 'record':
    case 'tagged':
      return reference(shape);
  }
}

function text({ minLength, maxLength, pattern }) {
  return {
    type: 'string',
    ...(minLength === 0 ? {} : { minLength }),
    ...limit('maxLength', maxLength),
    ...(pattern === null ? {} : { pattern: pattern.source }),
  };
}

function limit(name, value) {
  return value === Infinity ? {} : { [name]: value };
}

/** The exact range is the parser's affair: a pattern can tell the sign and the number of digits. */
function bigPattern({ minimum, maximum }) {
  const digits = maximum.toString().length - 1;
  return minimum < 0n ? `^(0|-?[1-9][0-9]{0,${digits}})$` : `^(0|[1-9][0-9]{0,${digits}})$`;
}

function integer({ minimum, maximum, except }) {
  return { type: 'integer', minimum, maximum, ...(except === undefined ? {} : { not: { const: except } }) };
}

function literal({ values, numbers, pattern }) {
  if (values.length === 1) return { const: values[0] };
  const known = { enum: values };
  if (numbers !== undefined) return { anyOf: [known, integer(numbers)] };
  return pattern === undefined ? known : { anyOf: [known, { type: 'string', pattern: pattern.source }] };
}

function nullable(schema) {
  if ('enum' in schema) return { enum: [...schema.enum, null] };
  if (typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}
