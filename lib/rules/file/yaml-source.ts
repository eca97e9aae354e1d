// YAML as values that know where in the text they stand.

import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { explainYamlError, escapeProblem } from './yaml-message.js';

/** A value of a rule file and the place where it stands, in characters from the start. */
export interface SourceValue {
  readonly value: unknown;
  readonly offset: number;
  /** The entries of a list or an object. */
  readonly entries: ReadonlyMap<string | number, SourceEntry>;
  /** With all values inside, also those that an alias stands for. */
  readonly size: number;
}

export interface SourceEntry extends SourceValue {
  readonly keyOffset: number;
}

export interface SourceProblem {
  readonly offset: number;
  readonly message: string;
}

/** Rules need seven levels; the parser behind this one is recursive. */
const maxDepth = 32;
/** More errors say nothing new, and a hostile file could have one for every character. */
const maxProblems = 100;
/** An alias counts as much as what it stands for, so that a small file cannot mean a huge one. */
const maxValues = 500_000;

type Document = Yaml.Document.Parsed;

/** Reads YAML, of which JSON is a part. Null when there are problems, which then are all that could be found. */
export function readYaml(text: string, problems: SourceProblem[]): SourceValue | null {
  const yaml = loadYaml();
  const document = compose(yaml, text, problems);
  if (document === null) return null;
  const source = new YamlReader(yaml, text, problems).read(document.contents);
  return problems.length === 0 ? source : null;
}

let loaded: typeof Yaml | undefined;

/** Only programs that read rule files pay for the parser. */
function loadYaml(): typeof Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof Yaml;
  return loaded;
}

function compose(yaml: typeof Yaml, text: string, problems: SourceProblem[]): Document | null {
  const tokens: Yaml.CST.Token[] = [];
  const parser = new yaml.Parser();
  let errors = 0;
  for (const lexeme of new yaml.Lexer().lex(text)) {
    const { offset } = parser;
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === 'error') errors++;
    }
    if (errors > maxProblems) break;
    if (parser.stack.length <= maxDepth) continue;
    problems.push({
      offset,
      message: `this is nested more than ${maxDepth} levels deep; rules need no more than seven`,
    });
    return null;
  }
  for (const token of parser.end()) tokens.push(token);
  const composer = new yaml.Composer({ schema: 'core', stringKeys: true, uniqueKeys: false });
  const [document, second] = [...composer.compose(tokens, true, text.length)] as Document[];
  if (document === undefined) return null;
  for (const error of [...document.errors, ...document.warnings].slice(0, maxProblems)) {
    problems.push({ offset: error.pos[0], message: explainYamlError(error, text) });
  }
  if (second !== undefined) {
    problems.push({ offset: second.range[0], message: 'a second document begins here; a rule file has one' });
  }
  return problems.length === 0 ? document : null;
}

/** Makes values of the nodes, and keeps the places. */
class YamlReader {
  readonly #yaml: typeof Yaml;
  readonly #text: string;
  readonly #problems: SourceProblem[];
  /** Null while the node with the anchor is being read. */
  readonly #anchors = new Map<string, SourceValue | null>();
  #values = 0;

  constructor(yaml: typeof Yaml, text: string, problems: SourceProblem[]) {
    this.#yaml = yaml;
    this.#text = text;
    this.#problems = problems;
  }

  read(node: unknown): SourceValue {
    const { isAlias, isCollection, isScalar } = this.#yaml;
    if (isAlias(node)) return this.#readAlias(node);
    const anchor = isCollection(node) || isScalar(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const source = this.#readNode(node);
    if (anchor !== undefined) this.#anchors.set(anchor, source);
    return source;
  }

  #readNode(node: unknown): SourceValue {
    const { isMap, isScalar, isSeq } = this.#yaml;
    if (isMap(node)) return this.#readMap(node);
    if (isSeq(node)) return this.#readList(node);
    if (!isScalar(node)) return leaf(null, 0);
    if (node.type === 'QUOTE_DOUBLE') this.#checkEscapes(node);
    this.#count(1, startOf(node));
    return leaf(node.value, startOf(node));
  }

  #readMap(map: Yaml.YAMLMap): SourceValue {
    const entries = new Map<string, SourceEntry>();
    for (const { key, value } of map.items) {
      const name = this.#yaml.isScalar(key) ? String(key.value) : '';
      const keyOffset = startOf(key);
      const first = entries.get(name);
      if (first !== undefined && this.#problems.length < maxProblems) {
        this.#problem(
          keyOffset,
          `"${name}" stands here for the second time; the first is in line ${this.#lineOf(first.keyOffset)}`,
        );
      }
      const source = this.#yaml.isNode(value) ? this.read(value) : leaf(null, keyOffset);
      entries.set(name, { ...source, keyOffset });
    }
    // Makes a property of any name, __proto__ too.
    const value = Object.fromEntries([...entries].map(([name, entry]) => [name, entry.value]));
    return this.#collection(value, map, entries);
  }

  #readList(list: Yaml.YAMLSeq): SourceValue {
    const entries = new Map<number, SourceEntry>();
    for (const [index, item] of list.items.entries()) {
      const source = this.read(item);
      entries.set(index, { ...source, keyOffset: source.offset });
    }
    return this.#collection(
      [...entries.values()].map(({ value }) => value),
      list,
      entries,
    );
  }

  #collection(value: unknown, node: unknown, entries: ReadonlyMap<string | number, SourceEntry>): SourceValue {
    this.#count(1, startOf(node));
    let size = 1;
    for (const entry of entries.values()) size += entry.size;
    return { value, offset: startOf(node), entries, size };
  }

  #readAlias(alias: Yaml.Alias): SourceValue {
    const offset = startOf(alias);
    const source = this.#anchors.get(alias.source);
    if (source === null) {
      this.#problem(offset, `*${alias.source} stands inside of what it means`);
    } else if (source === undefined) {
      this.#problem(
        offset,
        `*${alias.source} is an alias in YAML, and there is no anchor &${alias.source} before it; ` +
          `a pattern that begins with * needs quotes: '*${alias.source}'`,
      );
    } else {
      this.#count(source.size, offset);
      return { ...source, offset };
    }
    return leaf(null, offset);
  }

  #checkEscapes({ range }: Yaml.Scalar): void {
    if (range === undefined || range === null) return;
    const problem = escapeProblem(this.#text.slice(range[0], range[1]));
    if (problem !== null) this.#problem(range[0] + problem.offset, problem.message);
  }

  #count(values: number, offset: number): void {
    const before = this.#values;
    this.#values += values;
    if (before > maxValues || this.#values <= maxValues) return;
    this.#problem(offset, `with what aliases stand for, the file has more than ${maxValues} values`);
  }

  #problem(offset: number, message: string): void {
    if (this.#problems.length < maxProblems) this.#problems.push({ offset, message });
  }

  #lineOf(offset: number): number {
    return this.#text.slice(0, offset).split('\n').length;
  }
}

function leaf(value: unknown, offset: number): SourceValue {
  return { value, offset, entries: new Map(), size: 1 };
}

function startOf(node: unknown): number {
  const { range } = node as { readonly range?: Yaml.Range | null };
  return range?.[0] ?? 0;
}
