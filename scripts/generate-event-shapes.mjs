// Writes lib/event/json/shapes.ts: what the fields of events are in JSON, from the interfaces of lib/event/ and the types that they
// use. A `number` is an unsigned 32-bit one, a `bigint` an unsigned 64-bit one, a `string` any text; a field of which more is known
// has a tag before it that names a format of lib/event/json/formats.ts, as in `// @json sid`. Unions of literals and of objects are
// what they are.
// With --check nothing is written; the exit status is 1 when the file is not what would be written.

import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { writeGenerated } from './lib/schema-file.mjs';

const typesPath = fileURLToPath(new URL('../lib/event/event.ts', import.meta.url));
const configPath = fileURLToPath(new URL('../tsconfig.json', import.meta.url));
const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(configPath, ts.sys.readFile).config, ts.sys, '.');
const program = ts.createProgram([typesPath], options);
const checker = program.getTypeChecker();
const exported = new Map(
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(typesPath)))
    .map((symbol) => [symbol.name, checker.getDeclaredTypeOfSymbol(symbol)]),
);

/** The code of each named shape, those that others use first. */
const definitions = new Map();
const used = { language: new Set(), formats: new Set() };
/** What formats.ts has for the kinds that hold others. */
const ownKinds = new Set(['record', 'tagged']);

function call(name, ...args) {
  (ownKinds.has(name) ? used.formats : used.language).add(name);
  return `${name}(${args.join(', ')})`;
}

function word(name) {
  used.language.add(name);
  return name;
}

function format(name) {
  used.formats.add(name);
  return name;
}

function define(name, code) {
  if (!definitions.has(name)) definitions.set(name, code);
  return name;
}

/** `node` is where the type is written, for the order of its literals; `tag` is that of the field. */
function shapeOf(type, node, tag) {
  if (type.flags & ts.TypeFlags.Null) return call('literal', 'null');
  const present = checker.getNonNullableType(type);
  if (present !== type) return call('nullable', shapeOf(present, node, tag));
  if (type.flags & ts.TypeFlags.Boolean) return word('boolean');
  const variants = type.isUnion() ? type.types : [type];
  if (variants.every(isLiteral)) return call('literal', ...inOrder(variants, node).map(literalCode));
  if (tag !== null) return format(tag);
  if (type.flags & ts.TypeFlags.Number) return word('u32');
  if (type.flags & ts.TypeFlags.BigInt) return word('u64');
  if (type.flags & ts.TypeFlags.String) return word('text');
  if (checker.isArrayType(type)) return call('list', shapeOf(checker.getTypeArguments(type)[0], node, null));
  if (type.symbol?.name === 'Uint8Array') return word('bytes');
  if (type.isUnion()) return taggedOf(type);
  if (type.symbol?.flags & ts.SymbolFlags.Interface)
    return define(type.symbol.name, recordCode(type.symbol.name, type));
  throw new TypeError(`there is no shape for ${checker.typeToString(type)}`);
}

/** Literals as the source has them; the compiler keeps them in the order in which it met them anywhere. */
function inOrder(literals, node) {
  const order = node === undefined ? [] : valuesIn(node);
  return literals.toSorted((a, b) => order.indexOf(valueOf(a)) - order.indexOf(valueOf(b)));
}

function valuesIn(node) {
  if (ts.isUnionTypeNode(node)) return node.types.flatMap(valuesIn);
  if (ts.isLiteralTypeNode(node)) return [valueOf(checker.getTypeFromTypeNode(node))];
  if (ts.isArrayTypeNode(node)) return valuesIn(node.elementType);
  if (ts.isTypeReferenceNode(node)) {
    const symbol = checker.getSymbolAtLocation(node.typeName);
    const alias = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declaration = alias.declarations.find(ts.isTypeAliasDeclaration);
    return declaration === undefined ? [] : valuesIn(declaration.type);
  }
  if (ts.isIndexedAccessTypeNode(node)) {
    return checker.getTypeArguments(checker.getTypeFromTypeNode(node.objectType)).map(valueOf);
  }
  if (!ts.isTypeOperatorNode(node)) return [];
  if (node.operator !== ts.SyntaxKind.KeyOfKeyword) return valuesIn(node.type);
  return checker.getPropertiesOfType(checker.getTypeFromTypeNode(node.type)).map(({ name }) => name);
}

function isLiteral(type) {
  return (type.flags & ts.TypeFlags.Literal) !== 0;
}

function isPattern(type) {
  return (type.flags & ts.TypeFlags.TemplateLiteral) !== 0;
}

function valueOf(type) {
  return type.flags & ts.TypeFlags.BooleanLiteral ? checker.typeToString(type) === 'true' : type.value;
}

function literalCode(type) {
  return JSON.stringify(valueOf(type));
}

/** The fields of an object: their names, types, tags, where they are written, and the interface that declares them. */
function fieldsOf(type) {
  return namesOf(type).map((name) => {
    const property = checker.getPropertyOfType(type, name);
    const [declaration] = property.declarations;
    return {
      name,
      type: checker.getTypeOfSymbol(property),
      tag: tagBefore(declaration),
      node: declaration.type,
      owner: declaration.parent.name?.text,
    };
  });
}

/** The tag is in a line comment, for the compiler copies doc comments into the types that are published. */
function tagBefore(declaration) {
  const before = declaration.getFullText().slice(0, declaration.getLeadingTriviaWidth());
  return /\/\/ @json (\S+)/.exec(before)?.[1] ?? null;
}

/** The order of the fields: what an interface inherits comes before what it adds. */
function namesOf(type) {
  const bases = (type.target ?? type).getBaseTypes() ?? [];
  return [...new Set([...bases.flatMap(namesOf), ...checker.getPropertiesOfType(type).map(({ name }) => name)])];
}

function recordCode(name, type) {
  const fields = fieldsOf(type);
  return recordOf(name, fields, fields);
}

/** A record of some of the fields of an object. */
function recordOf(name, fields, all, ...parts) {
  const code = fields.map((field) => {
    const shape = fieldCode(field, all);
    return shape === field.name ? shape : `${field.name}: ${shape}`;
  });
  return call('record', JSON.stringify(name), `{ ${code.join(', ')} }`, ...parts);
}

/** A tag such as `typeNumber(type)` is a format that depends on the literal of another field; without a literal it says nothing. */
function fieldCode({ type, node, tag }, all) {
  const [, name, other] = /^(\w+)\((\w+)\)$/.exec(tag ?? '') ?? [];
  if (name === undefined) return shapeOf(type, node, tag);
  const found = all.find((field) => field.name === other).type;
  return isLiteral(found) ? `${format(name)}(${literalCode(found)})` : shapeOf(type, node, null);
}

/** A union of objects, told apart by the field that has the most literals, and by another one where two objects share a literal. */
function taggedOf(union) {
  const variants = union.types.map((type) => ({ type, fields: fieldsOf(type) }));
  const { name } = union.aliasSymbol;
  const tag = tagOf(variants);
  const groups = new Map();
  for (const variant of variants) {
    const literal = nameOf(fieldOf(variant, tag).type);
    groups.set(literal, [...(groups.get(literal) ?? []), variant]);
  }
  const code = [...groups].map(([literal, group]) => groupCode(literal, group));
  return define(name, call('tagged', JSON.stringify(name), JSON.stringify(tag), ...code));
}

function groupCode(literal, group) {
  const [first, ...others] = group;
  if (others.length === 0) return objectCode(literal, first);
  const tag = tagOf(group);
  const named = group.map((variant) => [valueOf(fieldOf(variant, tag).type) ? `${literal}_${tag}` : literal, variant]);
  const code = named.map(([name, variant]) => objectCode(name, variant));
  return call('tagged', JSON.stringify(`${literal}_value`), JSON.stringify(tag), ...code);
}

function fieldOf({ fields }, name) {
  return fields.find((field) => field.name === name);
}

function tagOf(variants) {
  const count = (name) => new Set(variants.map((variant) => nameOf(fieldOf(variant, name)?.type ?? null))).size;
  const names = variants[0].fields.map(({ name }) => name);
  return names.reduce((best, name) => (count(name) > count(best) ? name : best));
}

/** What a literal stands for, and what a pattern begins with; undefined for other types. */
function nameOf(type) {
  if (type === null) return undefined;
  return isPattern(type) ? type.texts[0].replace(/_[^_]*$/, '') : isLiteral(type) ? String(valueOf(type)) : undefined;
}

/** What an object inherits is a part of the interface's name, but for what differs from one variant to the next. */
function objectCode(name, { type, fields }) {
  const isShared = ({ owner, ...field }) =>
    type.symbol !== undefined &&
    owner !== type.symbol.name &&
    nameOf(field.type) === undefined &&
    !field.tag?.includes('(');
  const own = fields.filter((field) => !isShared(field));
  const shared = fields.filter(isShared);
  if (shared.length === 0) return recordOf(name, own, fields);
  const part = define(shared[0].owner, recordOf(shared[0].owner, shared, shared));
  return recordOf(name, own, fields, part);
}

/** The header: what both phases of a notification have alike, and what only a post notification tells. */
function headerShapes() {
  const own = new Set(['class', 'notifyClass', 'phase', 'operation']);
  const variants = exported.get('UnknownEvent').types.map((type) => ({ type, fields: fieldsOf(type) }));
  const ofPhase = (phase) => variants.find((variant) => valueOf(fieldOf(variant, 'phase').type) === phase);
  const fields = ofPhase('post').fields.filter(({ name }) => !own.has(name));
  const isCommon = ({ name, type }) => fieldOf(ofPhase('pre'), name).type === type;
  const others = fields.filter((field) => !isCommon(field)).map(({ name }) => fieldOf(ofPhase('pre'), name));
  define('NotificationFields', recordOf('NotificationFields', fields.filter(isCommon), fields));
  define(
    'PostFields',
    recordOf(
      'PostFields',
      fields.filter((field) => !isCommon(field)),
      fields,
    ),
  );
  define('PreFields', recordOf('PreFields', others, others));
}

function bodyShapes() {
  const code = fieldsOf(exported.get('BodyFields')).map(
    ({ name, type }) =>
      `${name}: ${isUnknown(type) ? define('PlainFields', recordOf('PlainFields', [], [])) : shapeOf(type, undefined, null)}`,
  );
  return `/** @internal The fields that only some classes have, by the body of the class. */
export const bodyShapes = { ${code.join(', ')} };`;
}

function isUnknown(type) {
  return (type.flags & ts.TypeFlags.Unknown) !== 0;
}

headerShapes();
const bodies = bodyShapes();
for (const name of ['GapEvent', 'BreakerEvent']) shapeOf(exported.get(name), undefined, null);
const isExported = new Set(['NotificationFields', 'PostFields', 'PreFields', 'GapEvent', 'BreakerEvent']);
const constants = [...definitions].map(
  ([name, code]) => `${isExported.has(name) ? '/** @internal */\nexport ' : ''}const ${name} = ${code};`,
);
const source = `// The shapes of the fields of events, made of the interfaces in lib/event/ by scripts/generate-event-shapes.mjs. Do not edit.

import { ${[...used.language].sort().join(', ')} } from '../../base/shape.js';
import { ${[...used.formats].sort().join(', ')} } from './formats.js';

${[...constants, bodies].join('\n\n')}
`;
await writeGenerated(new URL('../lib/event/json/shapes.ts', import.meta.url), source, 'generate-event-shapes.mjs');
