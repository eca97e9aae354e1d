// Writes the sections of CMB_RULES.

import * as P from '../../wire/protocol.js';
import type { ActionSettings } from '../action-settings.js';
import { hashTable, hashUnits, UnitPool } from './unit-pool.js';
import type { Component } from '../pattern/pattern.js';
import type { PatternNode, PatternTree } from '../pattern/pattern-tree.js';
import { countNested, countUnits } from './limits.js';
import { RuleSets } from './rule-sets.js';
import { Section, sectionOf, writeSections } from './section.js';

/** CMB_RULE_DIMENSION. */
export interface Dimension {
  readonly any: number;
  readonly root: number;
  readonly memberFirst: number;
  readonly memberCount: number;
}

export interface ProgramParts {
  /** CMB_RULE */
  readonly rules: readonly (ActionSettings & { readonly action: number })[];
  readonly otherwise: number;
  readonly classMask: bigint;
  readonly classSets: readonly number[];
  readonly dimensions: readonly (readonly [offset: number, dimension: Dimension])[];
}

/** Collects the sections of CMB_RULES. */
export class ProgramWriter {
  readonly sets = new RuleSets();
  nestedCount = 0;
  unitCount = 0;
  readonly #nodes = new Section(P.CMB_RULE_NODE.size);
  readonly #edges = new Section(P.CMB_RULE_EDGE.size);
  readonly #globs = new Section(P.CMB_RULE_GLOB.size);
  readonly #texts = new Section(P.CMB_RULE_TEXT.size);
  readonly #members = new Section(P.CMB_RULE_MEMBER.size);
  readonly #units = new UnitPool();
  readonly #bytes: number[] = [];
  readonly #sids = new Map<string, bigint>();

  /** Where a SID is: its offset, and its size in the upper half. */
  addBytes(sid: Uint8Array): bigint {
    const key = sid.join();
    const known = this.#sids.get(key);
    if (known !== undefined) return known;
    const value = BigInt(this.#bytes.length) | (BigInt(sid.byteLength) << 32n);
    this.#bytes.push(...sid);
    this.#sids.set(key, value);
    return value;
  }

  addMembers(members: readonly { readonly value: bigint; readonly set: number }[]) {
    const M = P.CMB_RULE_MEMBER;
    const memberFirst = this.#members.count;
    for (const { value, set } of members) {
      this.#members.add((view, offset) => {
        view.setBigUint64(offset + M.Value, value, true);
        view.setUint32(offset + M.Set, set, true);
      });
    }
    return { memberFirst, memberCount: members.length };
  }

  /** The number of the root. */
  addTree(tree: PatternTree): number {
    const N = P.CMB_RULE_NODE;
    this.nestedCount += countNested(tree);
    this.unitCount += countUnits(tree);
    const nodes = tree.nodes();
    const first = this.#nodes.count;
    const numbers = new Map(nodes.map((node, index) => [node, first + index]));
    const numberOf = (node: PatternNode | null) => (node === null ? P.CMB_RULES_NONE : (numbers.get(node) ?? 0));
    for (const node of nodes) {
      const edges = this.#addEdges(node, numberOf);
      const globs = this.#addGlobs(node, numberOf);
      this.#nodes.add((view, offset) => {
        view.setUint32(offset + N.EdgeFirst, edges.first, true);
        view.setUint32(offset + N.EdgeCount, edges.count, true);
        view.setUint32(offset + N.GlobFirst, globs.first, true);
        view.setUint32(offset + N.GlobCount, globs.count, true);
        view.setUint32(offset + N.AnyChild, numberOf(node.any), true);
        view.setUint32(offset + N.DeepChild, numberOf(node.deep), true);
        view.setUint32(offset + N.EndSet, this.sets.add(node.ends), true);
        view.setUint32(offset + N.BelowSet, this.sets.add(node.below), true);
        view.setUint32(offset + N.Flags, node.isDeep ? P.CMB_RULE_NODE_DEEP : 0, true);
        view.setUint32(offset + N.Depth, node.depth, true);
      });
    }
    return first;
  }

  #addEdges({ literals }: PatternNode, numberOf: (node: PatternNode) => number) {
    if (literals.size === 0) return { first: 0, count: 0 };
    const E = P.CMB_RULE_EDGE;
    const first = this.#edges.count;
    const table = hashTable([...literals].map(([text, child]) => ({ text, child, hash: hashUnits(text) })));
    for (const entry of table) {
      this.#edges.add((view, offset) => {
        view.setUint32(offset + E.Child, entry === undefined ? P.CMB_RULES_NONE : numberOf(entry.child), true);
        if (entry === undefined) return;
        view.setUint32(offset + E.Hash, entry.hash, true);
        view.setUint32(offset + E.UnitFirst, this.#units.add(entry.text), true);
        view.setUint32(offset + E.UnitCount, entry.text.length, true);
      });
    }
    return { first, count: table.length };
  }

  #addGlobs({ globs }: PatternNode, numberOf: (node: PatternNode) => number) {
    if (globs.size === 0) return { first: 0, count: 0 };
    const G = P.CMB_RULE_GLOB;
    const first = this.#globs.count;
    for (const { component, child } of globs.values()) {
      const texts = this.#addTexts(component);
      const flags =
        (component[0] === '' ? 0 : P.CMB_RULE_GLOB_START) | (component.at(-1) === '' ? 0 : P.CMB_RULE_GLOB_END);
      this.#globs.add((view, offset) => {
        view.setUint32(offset + G.TextFirst, texts.first, true);
        view.setUint32(offset + G.TextCount, texts.count, true);
        view.setUint32(offset + G.Flags, flags, true);
        view.setUint32(offset + G.Child, numberOf(child), true);
      });
    }
    return { first, count: globs.size };
  }

  #addTexts(component: Component) {
    const texts = component.filter((text) => text !== '');
    const first = this.#texts.count;
    for (const text of texts) {
      this.#texts.add((view, offset) => {
        view.setUint32(offset + P.CMB_RULE_TEXT.UnitFirst, this.#units.add(text), true);
        view.setUint32(offset + P.CMB_RULE_TEXT.UnitCount, text.length, true);
      });
    }
    return { first, count: texts.length };
  }

  write(parts: ProgramParts): Uint8Array {
    const R = P.CMB_RULES;
    const S = P.CMB_RULE_SET;
    const rules = sectionOf(P.CMB_RULE.size, parts.rules, (view, offset, { action, flags, status, deadline }) => {
      view.setUint32(offset + P.CMB_RULE.Action, action, true);
      view.setUint32(offset + P.CMB_RULE.Flags, flags, true);
      view.setUint32(offset + P.CMB_RULE.Status, status, true);
      view.setUint32(offset + P.CMB_RULE.Deadline, deadline, true);
    });
    const classes = sectionOf(4, parts.classSets, (view, offset, set) => {
      view.setUint32(offset, set, true);
    });
    const sets = sectionOf(S.size, this.sets.sets, (view, offset, { summary, wordFirst }) => {
      view.setBigUint64(offset + S.Summary, summary, true);
      view.setUint32(offset + S.WordFirst, wordFirst, true);
    });
    const words = sectionOf(8, this.sets.words, (view, offset, word) => {
      view.setBigUint64(offset, word, true);
    });
    const units = sectionOf(2, this.#units.units(), (view, offset, unit) => {
      view.setUint16(offset, unit, true);
    });
    const sids = sectionOf(1, this.#bytes, (view, offset, byte) => {
      view.setUint8(offset, byte);
    });
    const bytes = writeSections(R.size, [
      { offsetAt: R.RuleOffset, countAt: R.RuleCount, section: rules },
      { offsetAt: R.ClassOffset, countAt: null, section: classes },
      { offsetAt: R.NodeOffset, countAt: R.NodeCount, section: this.#nodes },
      { offsetAt: R.EdgeOffset, countAt: R.EdgeCount, section: this.#edges },
      { offsetAt: R.GlobOffset, countAt: R.GlobCount, section: this.#globs },
      { offsetAt: R.TextOffset, countAt: R.TextCount, section: this.#texts },
      { offsetAt: R.SetOffset, countAt: R.SetCount, section: sets },
      { offsetAt: R.WordOffset, countAt: R.WordCount, section: words },
      { offsetAt: R.MemberOffset, countAt: R.MemberCount, section: this.#members },
      { offsetAt: R.UnitOffset, countAt: R.UnitCount, section: units },
      { offsetAt: R.ByteOffset, countAt: R.ByteCount, section: sids },
    ]);
    const view = new DataView(bytes.buffer);
    view.setUint32(R.Size, bytes.byteLength, true);
    view.setUint16(R.Version, P.CMB_RULES_VERSION, true);
    view.setUint16(R.HeaderSize, R.size, true);
    view.setBigUint64(R.ClassMask, parts.classMask, true);
    view.setUint32(R.Otherwise, parts.otherwise, true);
    const D = P.CMB_RULE_DIMENSION;
    for (const [offset, { any, root, memberFirst, memberCount }] of parts.dimensions) {
      view.setUint32(offset + D.Any, any, true);
      view.setUint32(offset + D.Root, root, true);
      view.setUint32(offset + D.MemberFirst, memberFirst, true);
      view.setUint32(offset + D.MemberCount, memberCount, true);
    }
    return bytes;
  }
}
