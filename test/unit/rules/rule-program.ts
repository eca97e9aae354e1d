import { upcase } from '../../../lib/registry/key-case.js';
import * as P from '../../../lib/wire/protocol.js';
import { parseSid } from '../../../lib/security/sid.js';

/** What the driver would know of a notification; null where there is nothing. */
export interface ProgramFacts {
  readonly notifyClass: number;
  readonly keyPaths: readonly string[] | null;
  readonly valueName: string | null;
  readonly valueType: number | null;
  readonly outcome: 'success' | 'failure' | null;
  readonly imagePath: string | null;
  readonly user: string | null;
  readonly id: number;
  readonly sessionId: number | null;
  readonly elevated: boolean | null;
  readonly trees: readonly number[];
}

export interface ProgramVerdict {
  readonly action: number;
  readonly rule: number | null;
}

type Layout = Readonly<Record<string, number>> & { readonly size: number };

/** The sections in their order, and what one entry takes. */
const sections = [
  ['Rule', P.CMB_RULE.size],
  ['Node', P.CMB_RULE_NODE.size],
  ['Text', P.CMB_RULE_TEXT.size],
  ['Set', P.CMB_RULE_SET.size],
  ['Word', 8],
  ['Member', P.CMB_RULE_MEMBER.size],
  ['Unit', 2],
  ['Byte', 1],
] as const;
type SectionName = (typeof sections)[number][0];

/** Decides by a rule program as protocol_rules.h tells, slowly and without cleverness. */
export class RuleProgram {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  header(field: keyof typeof P.CMB_RULES): number {
    return this.#view.getUint32(P.CMB_RULES[field], true);
  }

  get classMask(): bigint {
    return this.#view.getBigUint64(P.CMB_RULES.ClassMask, true);
  }

  decide(facts: ProgramFacts): ProgramVerdict {
    let candidates = this.rulesOfClass(facts.notifyClass);
    const narrow = (dimension: number, hits: bigint) => {
      const any = this.#u32(dimension + P.CMB_RULE_DIMENSION.Any);
      if (this.#isUsed(dimension)) candidates &= this.#set(any) | hits;
    };
    const paths = (dimension: number, texts: readonly string[] | null) =>
      (texts ?? []).reduce((hits, text) => hits | this.#walk(dimension, components(text)), 0n);
    const R = P.CMB_RULES;
    const { outcome, elevated } = facts;
    narrow(R.Key, paths(R.Key, facts.keyPaths));
    narrow(R.Image, paths(R.Image, facts.imagePath === null ? null : [facts.imagePath]));
    narrow(R.ValueName, facts.valueName === null ? 0n : this.#walk(R.ValueName, [upcase(facts.valueName)]));
    narrow(R.ValueType, this.#member(R.ValueType, facts.valueType));
    narrow(
      R.Outcome,
      this.#member(
        R.Outcome,
        outcome === null ? null : outcome === 'success' ? P.CMB_OUTCOME_SUCCESS : P.CMB_OUTCOME_FAILURE,
      ),
    );
    narrow(R.User, facts.user === null ? 0n : this.#user(parseSid(facts.user)));
    narrow(R.ProcessId, this.#member(R.ProcessId, facts.id));
    narrow(R.SessionId, this.#member(R.SessionId, facts.sessionId));
    narrow(R.Elevated, this.#member(R.Elevated, elevated === null ? null : Number(elevated)));
    narrow(
      R.Tree,
      facts.trees.reduce((hits, tree) => hits | this.#member(R.Tree, tree), 0n),
    );
    if (candidates === 0n) return { action: this.header('Otherwise'), rule: null };
    let rule = 0;
    while (((candidates >> BigInt(rule)) & 1n) === 0n) rule++;
    return { action: this.#field('Rule', P.CMB_RULE, rule, 'Action'), rule };
  }

  rulesOfClass(notifyClass: number): bigint {
    return this.#set(this.#u32(P.CMB_RULES.ClassSets + 4 * notifyClass));
  }

  #u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Where a section begins. */
  #start(wanted: SectionName): number {
    let offset: number = P.CMB_RULES.size;
    for (const [name, size] of sections) {
      if (name === wanted) break;
      offset = Math.ceil((offset + this.header(`${name}Count`) * size) / 8) * 8;
    }
    return offset;
  }

  /** A field of entry `index` of a section. */
  #field(section: 'Rule' | 'Node' | 'Text' | 'Set' | 'Member', layout: Layout, index: number, name: string) {
    const count = this.header(`${section}Count`);
    if (index >= count) throw new Error(`${section} ${index} of ${count}`);
    return this.#u32(this.#start(section) + index * layout.size + layout[name]!);
  }

  #isUsed(dimension: number): boolean {
    const D = P.CMB_RULE_DIMENSION;
    return this.#u32(dimension + D.Root) !== P.CMB_RULES_NONE || this.#u32(dimension + D.MemberCount) > 0;
  }

  #set(index: number): bigint {
    if (index === P.CMB_RULES_NONE) return 0n;
    const summaryAt = this.#start('Set') + index * P.CMB_RULE_SET.size;
    const summary = this.#view.getBigUint64(summaryAt, true);
    let word = this.#field('Set', P.CMB_RULE_SET, index, 'WordFirst');
    let rules = 0n;
    for (let group = 0n; group < 64n; group++) {
      if (((summary >> group) & 1n) === 0n) continue;
      if (word >= this.header('WordCount')) throw new Error(`word ${word}`);
      const bits = this.#view.getBigUint64(this.#start('Word') + 8 * word++, true);
      if (bits === 0n) throw new Error('a word is empty');
      rules |= bits << (64n * group);
    }
    return rules;
  }

  *#members(dimension: number) {
    const D = P.CMB_RULE_DIMENSION;
    const first = this.#u32(dimension + D.MemberFirst);
    for (let index = first; index < first + this.#u32(dimension + D.MemberCount); index++) {
      const set = this.#field('Member', P.CMB_RULE_MEMBER, index, 'Set');
      const offset = this.#start('Member') + index * P.CMB_RULE_MEMBER.size;
      yield { value: this.#view.getBigUint64(offset, true), set };
    }
  }

  #member(dimension: number, wanted: number | null): bigint {
    let found = 0n;
    let last = -1n;
    for (const { value, set } of this.#members(dimension)) {
      if (value <= last) throw new Error('members do not ascend');
      last = value;
      if (wanted !== null && value === BigInt(wanted)) found = this.#set(set);
    }
    return found;
  }

  #user(sid: Uint8Array): bigint {
    for (const { value, set } of this.#members(P.CMB_RULES.User)) {
      const first = this.#start('Byte') + Number(value & 0xffff_ffffn);
      const bytes = this.bytes.subarray(first, first + Number(value >> 32n));
      if (Buffer.compare(bytes, sid) === 0) return this.#set(set);
    }
    return 0n;
  }

  #walk(dimension: number, names: readonly string[]): bigint {
    const root = this.#u32(dimension + P.CMB_RULE_DIMENSION.Root);
    if (root === P.CMB_RULES_NONE) return 0n;
    const N = P.CMB_RULE_NODE;
    const node = (index: number, name: keyof typeof N) => this.#field('Node', N, index, name);
    let hits = 0n;
    let states = new Set<number>();
    const kind = (index: number) => node(index, 'Kind') & 0xffff;
    const children = (index: number) =>
      Array.from({ length: node(index, 'ChildCount') }, (_, child) => node(index, 'ChildFirst') + child);
    const enter = (index: number, into: Set<number>, parent: number | null) => {
      if (into.has(index)) return;
      if (parent !== null && (index <= parent || node(index, 'Depth') !== node(parent, 'Depth') + 1)) {
        throw new Error(`child ${index} of ${parent}`);
      }
      into.add(index);
      hits |= this.#set(node(index, 'BelowSet'));
      for (const child of children(index)) if (kind(child) === P.CMB_RULE_NODE_DEEP) enter(child, into, index);
    };
    enter(root, states, null);
    for (const name of names) {
      const next = new Set<number>();
      for (const index of states) {
        if (kind(index) === P.CMB_RULE_NODE_DEEP) next.add(index);
        for (const child of children(index)) if (this.#takes(child, kind(child), name)) enter(child, next, index);
      }
      states = next;
    }
    for (const index of states) hits |= this.#set(node(index, 'EndSet'));
    return hits;
  }

  /** Whether a component leads to the node. */
  #takes(index: number, kind: number, name: string): boolean {
    const node = (field: keyof typeof P.CMB_RULE_NODE) => this.#field('Node', P.CMB_RULE_NODE, index, field);
    const texts = Array.from({ length: node('TextCount') }, (_, at) =>
      this.#units(
        this.#field('Text', P.CMB_RULE_TEXT, node('TextFirst') + at, 'UnitFirst'),
        this.#field('Text', P.CMB_RULE_TEXT, node('TextFirst') + at, 'UnitCount'),
      ),
    );
    if (kind !== P.CMB_RULE_NODE_GLOB) {
      return kind === P.CMB_RULE_NODE_ANY || (kind === P.CMB_RULE_NODE_LITERAL && texts[0] === name);
    }
    const flags = node('Kind') >>> 16;
    const start = (flags & P.CMB_RULE_GLOB_START) !== 0 ? '^' : '^.*';
    const end = (flags & P.CMB_RULE_GLOB_END) !== 0 ? '$' : '.*$';
    const source = texts.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('.*');
    return new RegExp(start + source + end, 's').test(name);
  }

  #units(first: number, count: number): string {
    if (first + count > this.header('UnitCount')) throw new Error(`units ${first} + ${count}`);
    const offset = this.bytes.byteOffset + this.#start('Unit') + 2 * first;
    return Buffer.from(this.bytes.buffer, offset, 2 * count).toString('utf16le');
  }
}

function components(path: string): string[] {
  return upcase(path)
    .split('\\')
    .filter((name) => name !== '');
}
