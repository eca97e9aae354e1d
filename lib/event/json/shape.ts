/** What JSON can hold for a field of an event. The parser walks these, and the JSON Schema is generated from them. */
export type Shape =
  | TextShape
  | BytesShape
  | BigShape
  | IntegerShape
  | BooleanShape
  | LiteralShape
  | NullableShape
  | ListShape
  | RecordShape
  | TaggedShape;

export interface TextShape<T extends string = string> {
  readonly kind: 'text';
  /** Null for any text. */
  readonly pattern: RegExp | null;
  /** What the pattern stands for, in messages. */
  readonly what: string;
  /** Only for the type system. */
  readonly type?: T;
}

/** As base64. */
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
}

export interface BooleanShape {
  readonly kind: 'boolean';
}

export type Literal = string | number | boolean | null;

export interface LiteralShape<V extends Literal = Literal> {
  readonly kind: 'literal';
  readonly values: readonly V[];
}

export interface NullableShape<S extends Shape = Shape> {
  readonly kind: 'nullable';
  readonly shape: S;
}

export interface ListShape<S extends Shape = Shape> {
  readonly kind: 'list';
  readonly shape: S;
}

export type Fields = Readonly<Record<string, Shape>>;

export interface RecordShape<F extends Fields = Fields> {
  readonly kind: 'record';
  /** Of the definition in the schema, and of the TypeScript type that documents the fields. */
  readonly name: string;
  readonly fields: F;
  /** Its fields are these and those of the parts. */
  readonly parts: readonly RecordShape[];
}

/** One of several records, told apart by the field `tag`, which has the same literals nowhere else. */
export interface TaggedShape<S extends Shape = Shape> {
  readonly kind: 'tagged';
  readonly name: string;
  readonly tag: string;
  readonly variants: readonly S[];
  /** The variants by the literal in `tag`. */
  readonly byTag: ReadonlyMap<Literal, S>;
  /** Those whose tag is a text with a pattern. */
  readonly byPattern: readonly (readonly [TextShape, S])[];
}

/** The TypeScript type of what a shape describes. */
export type TypeOf<S> =
  S extends TextShape<infer T>
    ? T
    : S extends BytesShape
      ? Uint8Array
      : S extends BigShape
        ? bigint
        : S extends IntegerShape
          ? number
          : S extends BooleanShape
            ? boolean
            : S extends LiteralShape<infer V>
              ? V
              : S extends NullableShape<infer N>
                ? TypeOf<N> | null
                : S extends ListShape<infer L>
                  ? readonly TypeOf<L>[]
                  : S extends RecordShape<infer F>
                    ? { readonly [K in keyof F]: TypeOf<F[K]> }
                    : S extends TaggedShape<infer V>
                      ? TypeOf<V>
                      : never;

export const text: TextShape = { kind: 'text', pattern: null, what: 'a string' };
export const bytes: BytesShape = { kind: 'bytes' };
export const boolean: BooleanShape = { kind: 'boolean' };
export const u32 = integer(0, 0xffff_ffff);
export const u64 = big(0n, 0xffff_ffff_ffff_ffffn);

export function textLike<T extends string>(pattern: RegExp, what: string): TextShape<T> {
  return { kind: 'text', pattern, what };
}

export function integer(minimum: number, maximum: number): IntegerShape {
  return { kind: 'integer', minimum, maximum };
}

export function big(minimum: bigint, maximum: bigint): BigShape {
  return { kind: 'big', minimum, maximum };
}

export function literal<const V extends readonly Literal[]>(...values: V): LiteralShape<V[number]> {
  return { kind: 'literal', values };
}

export function nullable<S extends Shape>(shape: S): NullableShape<S> {
  return { kind: 'nullable', shape };
}

export function list<S extends Shape>(shape: S): ListShape<S> {
  return { kind: 'list', shape };
}

export function record<F extends Fields>(name: string, fields: F): RecordShape<F>;
export function record<F extends Fields, P extends readonly RecordShape[]>(
  name: string,
  fields: F,
  ...parts: P
): RecordShape<F & FieldsOf<P[number]>>;
export function record(name: string, fields: Fields, ...parts: readonly RecordShape[]): RecordShape {
  const all = Object.assign({}, fields, ...parts.map((part) => part.fields)) as Fields;
  return { kind: 'record', name, fields: all, parts };
}

/** The fields of all members of a union of records together. */
type FieldsOf<R> = (R extends RecordShape<infer F> ? (fields: F) => void : never) extends (all: infer A) => void
  ? A extends Fields
    ? A
    : never
  : never;

export function tagged<S extends readonly Shape[]>(name: string, tag: string, ...variants: S): TaggedShape<S[number]> {
  const byTag = new Map<Literal, S[number]>();
  const byPattern: [TextShape, S[number]][] = [];
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
