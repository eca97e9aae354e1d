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
    return this.#set(this.#u32(this.header('ClassOffset') + 4 * notifyClass));
  }

  #u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** A field of entry `index` of a section. */
  #field(
    section: 'Rule' | 'Node' | 'Edge' | 'Glob' | 'Text' | 'Set' | 'Member',
    layout: Layout,
    index: number,
    name: string,
  ) {
    const count = this.header(`${section}Count`);
    if (index >= count) throw new Error(`${section} ${index} of ${count}`);
    return this.#u32(this.header(`${section}Offset`) + index * layout.size + layout[name]!);
  }

  #isUsed(dimension: number): boolean {
    const D = P.CMB_RULE_DIMENSION;
    return this.#u32(dimension + D.Root) !== P.CMB_RULES_NONE || this.#u32(dimension + D.MemberCount) > 0;
  }

  #set(index: number): bigint {
    if (index === P.CMB_RULES_NONE) return 0n;
    const summaryAt = this.header('SetOffset') + index * P.CMB_RULE_SET.size;
    const summary = this.#view.getBigUint64(summaryAt, true);
    let word = this.#field('Set', P.CMB_RULE_SET, index, 'WordFirst');
    let rules = 0n;
    for (let group = 0n; group < 64n; group++) {
      if (((summary >> group) & 1n) === 0n) continue;
      if (word >= this.header('WordCount')) throw new Error(`word ${word}`);
      const bits = this.#view.getBigUint64(this.header('WordOffset') + 8 * word++, true);
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
      const offset = this.header('MemberOffset') + index * P.CMB_RULE_MEMBER.size;
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
      const first = this.header('ByteOffset') + Number(value & 0xffff_ffffn);
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
    const enter = (index: number, into: Set<number>, parent: number | null) => {
      if (index === P.CMB_RULES_NONE || into.has(index)) return;
      if (parent !== null && (index <= parent || node(index, 'Depth') !== node(parent, 'Depth') + 1)) {
        throw new Error(`child ${index} of ${parent}`);
      }
      into.add(index);
      hits |= this.#set(node(index, 'BelowSet'));
      enter(node(index, 'DeepChild'), into, index);
    };
    enter(root, states, null);
    for (const name of names) {
      const next = new Set<number>();
      for (const index of states) {
        if ((node(index, 'Flags') & P.CMB_RULE_NODE_DEEP) !== 0) next.add(index);
        enter(this.#edge(node(index, 'EdgeFirst'), node(index, 'EdgeCount'), name), next, index);
        for (let glob = 0; glob < node(index, 'GlobCount'); glob++) {
          const child = this.#glob(node(index, 'GlobFirst') + glob, name);
          enter(child, next, index);
        }
        enter(node(index, 'AnyChild'), next, index);
      }
      states = next;
    }
    for (const index of states) hits |= this.#set(node(index, 'EndSet'));
    return hits;
  }

  #edge(first: number, count: number, name: string): number {
    const E = P.CMB_RULE_EDGE;
    if (count === 0) return P.CMB_RULES_NONE;
    let hash = 2166136261n;
    for (let index = 0; index < name.length; index++) {
      hash = ((hash ^ BigInt(name.charCodeAt(index))) * 16777619n) & 0xffff_ffffn;
    }
    for (let probe = 0; probe < count; probe++) {
      const index = first + ((Number(hash) + probe) % count);
      const child = this.#field('Edge', E, index, 'Child');
      if (child === P.CMB_RULES_NONE) return child;
      const text = this.#units(this.#field('Edge', E, index, 'UnitFirst'), this.#field('Edge', E, index, 'UnitCount'));
      if (text === name) return child;
    }
    throw new Error('a hash table has no empty entry');
  }

  #glob(index: number, name: string): number {
    const G = P.CMB_RULE_GLOB;
    const glob = (field: keyof typeof G) => this.#field('Glob', G, index, field);
    const texts = Array.from({ length: glob('TextCount') }, (_, at) =>
      this.#units(
        this.#field('Text', P.CMB_RULE_TEXT, glob('TextFirst') + at, 'UnitFirst'),
        this.#field('Text', P.CMB_RULE_TEXT, glob('TextFirst') + at, 'UnitCount'),
      ),
    );
    const start = (glob('Flags') & P.CMB_RULE_GLOB_START) !== 0 ? '^' : '^.*';
    const end = (glob('Flags') & P.CMB_RULE_GLOB_END) !== 0 ? '$' : '.*$';
    const source = texts.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('.*');
    return new RegExp(start + source + end, 's').test(name) ? glob('Child') : P.CMB_RULES_NONE;
  }

  #units(first: number, count: number): string {
    if (first + count > this.header('UnitCount')) throw new Error(`units ${first} + ${count}`);
    const offset = this.bytes.byteOffset + this.header('UnitOffset') + 2 * first;
    return Buffer.from(this.bytes.buffer, offset, 2 * count).toString('utf16le');
  }
}

function components(path: string): string[] {
  return upcase(path)
    .split('\\')
    .filter((name) => name !== '');
}
