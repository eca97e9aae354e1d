// The language that says what a value from outside may be. Events as JSON and rules are described in it; a parser, a checker and the
// two generators of JSON Schemas walk it. It has the kinds that these need and no others.

/** What a value may be. */
export type Shape =
  | TextShape
  | BytesShape
  | BigShape
  | IntegerShape
  | BooleanShape
  | LiteralShape
  | NullableShape
  | ManyShape
  | ListShape
  | RecordShape
  | TaggedShape;

export interface TextShape {
  readonly kind: 'text';
  readonly minLength: number;
  readonly maxLength: number;
  /** Null for any text. */
  readonly pattern: RegExp | null;
  /** What the pattern stands for, in messages. */
  readonly what: string;
}

/** Bytes, as base64. */
export interface BytesShape {
  readonly kind: 'bytes';
}

/** A bigint, as a string of decimal digits. */
export interface BigShape {
  readonly kind: 'big';
  readonly minimum: bigint;
  readonly maximum: bigint;
}

export interface IntegerShape {
  readonly kind: 'integer';
  readonly minimum: number;
  readonly maximum: number;
  /** A number in between that is wrong. */
  readonly except?: number;
}

export interface BooleanShape {
  readonly kind: 'boolean';
}

export type Literal = string | number | boolean | null;

export interface LiteralShape {
  readonly kind: 'literal';
  readonly values: readonly Literal[];
  /** Further texts that are right. */
  readonly pattern?: RegExp;
  /** Further numbers that are right. */
  readonly numbers?: IntegerShape;
  /** What the values are, in messages, where there are too many to name. */
  readonly what?: string;
  /** Says more about a wrong value than that it is wrong, where there is more to say. */
  readonly explain?: (value: unknown) => string | null;
}

export interface NullableShape<S = Shape> {
  readonly kind: 'nullable';
  readonly shape: S;
}

/** One, or a list that is not empty. */
export interface ManyShape {
  readonly kind: 'many';
  readonly shape: TextShape | IntegerShape | LiteralShape;
  readonly maxItems: number;
}

export interface ListShape<S = Shape> {
  readonly kind: 'list';
  readonly shape: S;
  readonly maxItems: number;
}

export type Fields<S = Shape> = Readonly<Record<string, S>>;

/** An object that has no fields but these. */
export interface RecordShape<S = Shape> {
  readonly kind: 'record';
  /** The name of the definition in the schema, and of the TypeScript type whose comments describe the fields. */
  readonly name: string;
  readonly fields: Fields<S>;
  /** The fields that must be there. */
  readonly required: readonly string[];
  /** Records whose fields are among these, and which the schema refers to. */
  readonly parts: readonly RecordShape<S>[];
  readonly onlyWith?: OnlyWith;
}

/** Fields that only go with some values of the field `field`. */
export interface OnlyWith {
  readonly field: string;
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/** One of several records, told apart by the field `tag`, which has the same literals nowhere else. */
export interface TaggedShape<S = Shape> {
  readonly kind: 'tagged';
  readonly name: string;
  readonly tag: string;
  readonly variants: readonly S[];
  /** The variants by the literal in `tag`. */
  readonly byTag: ReadonlyMap<Literal, S>;
  /** The variants whose tag is a text with a pattern. */
  readonly byPattern: readonly (readonly [TextShape, S])[];
}

export const text: TextShape = { kind: 'text', minLength: 0, maxLength: Infinity, pattern: null, what: 'a string' };
export const bytes: BytesShape = { kind: 'bytes' };
export const boolean: BooleanShape = { kind: 'boolean' };
export const u32 = integer(0, 0xffff_ffff);
export const u64 = big(0n, 0xffff_ffff_ffff_ffffn);

export function textLike(pattern: RegExp, what: string): TextShape {
  return { ...text, pattern, what };
}

export function textOf(maxLength: number, minLength = 0): TextShape {
  return { ...text, minLength, maxLength };
}

export function integer(minimum: number, maximum: number): IntegerShape {
  return { kind: 'integer', minimum, maximum };
}

export function big(minimum: bigint, maximum: bigint): BigShape {
  return { kind: 'big', minimum, maximum };
}

export function literal(...values: readonly Literal[]): LiteralShape {
  return { kind: 'literal', values };
}

export function nullable<S extends Shape>(shape: S): NullableShape<S> {
  return { kind: 'nullable', shape };
}

export function many(shape: ManyShape['shape'], maxItems: number): ManyShape {
  return { kind: 'many', shape, maxItems };
}

export function list<S extends Shape>(shape: S, maxItems = Infinity): ListShape<S> {
  return { kind: 'list', shape, maxItems };
}

/** All fields are required, those of the parts too. */
export function record<S extends Shape>(
  name: string,
  fields: Fields<S>,
  ...parts: readonly RecordShape<S>[]
): RecordShape<S> {
  const all = Object.assign({}, fields, ...parts.map((part) => part.fields)) as Fields<S>;
  return { kind: 'record', name, fields: all, required: Object.keys(all), parts };
}

export function tagged<S extends Shape>(name: string, tag: string, ...variants: readonly S[]): TaggedShape<S> {
  const byTag = new Map<Literal, S>();
  const byPattern: [TextShape, S][] = [];
  for (const variant of variants) {
    const shape = tagShape(variant, tag);
    if (shape.kind === 'text') byPattern.push([shape, variant]);
    else for (const value of shape.values) byTag.set(value, variant);
  }
  return { kind: 'tagged', name, tag, variants, byTag, byPattern };
}

/** What stands in the field `tag`; all variants of a variant have the same there. */
function tagShape(shape: Shape, tag: string): TextShape | LiteralShape {
  const found = shape.kind === 'record' ? shape.fields[tag] : undefined;
  if (found?.kind === 'text' || found?.kind === 'literal') return found;
  const [first] = shape.kind === 'tagged' ? shape.variants : [];
  if (first === undefined) throw new TypeError(`a variant has no tag "${tag}"`);
  return tagShape(first, tag);
}
