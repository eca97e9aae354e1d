// Writes the sections of CMB_RULES.

import * as P from '../../wire/protocol.js';
import type { ActionSettings } from '../action-settings.js';
import { hashUnits } from './hash.js';
import { isAny, isLiteral, type Component } from '../pattern/pattern.js';
import type { PatternNode, PatternTree } from '../pattern/pattern-tree.js';
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
  /** Nodes that stay whatever comes, below other such nodes. */
  nestedCount = 0;
  readonly #nodes = new Section(P.CMB_RULE_NODE.size);
  readonly #texts = new Section(P.CMB_RULE_TEXT.size);
  readonly #members = new Section(P.CMB_RULE_MEMBER.size);
  readonly #units = new Section(2);
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
    const first = this.#nodes.count;
    const nodes = [{ node: tree.root, isBelow: false }];
    for (const { node, isBelow } of nodes) {
      const children = orderedChildren(node);
      this.#addNode(node, isBelow, first + nodes.length, children.length);
      for (const child of children) nodes.push({ node: child, isBelow: isBelow || node.isDeep });
    }
    return first;
  }

  #addNode(node: PatternNode, isBelow: boolean, childFirst: number, childCount: number): void {
    const N = P.CMB_RULE_NODE;
    const kind = kindOf(node);
    const textFirst = this.#texts.count;
    this.#addTexts(kind, node.component ?? []);
    this.#nodes.add((view, offset) => {
      view.setUint16(offset + N.Kind, kind, true);
      view.setUint16(offset + N.Flags, flagsOf(kind, node.component ?? [], isBelow), true);
      view.setUint32(offset + N.Depth, node.depth, true);
      view.setUint32(offset + N.TextFirst, textFirst, true);
      view.setUint32(offset + N.TextCount, this.#texts.count - textFirst, true);
      view.setUint32(offset + N.ChildFirst, childFirst, true);
      view.setUint32(offset + N.ChildCount, childCount, true);
      view.setUint32(offset + N.LiteralCount, node.literals.size, true);
      view.setUint32(offset + N.EndSet, this.sets.add(node.ends), true);
      view.setUint32(offset + N.BelowSet, this.sets.add(node.below), true);
      view.setUint32(offset + N.Nested, node.isDeep && isBelow ? this.nestedCount++ : P.CMB_RULES_NONE, true);
    });
  }

  #addTexts(kind: number, component: Component): void {
    for (const text of component.filter((one) => one !== '' || kind === P.CMB_RULE_NODE_LITERAL)) {
      const unitFirst = this.#units.count;
      this.#texts.add((view, offset) => {
        view.setUint32(offset + P.CMB_RULE_TEXT.UnitFirst, unitFirst, true);
        view.setUint32(offset + P.CMB_RULE_TEXT.UnitCount, text.length, true);
      });
      for (let index = 0; index < text.length; index++) {
        this.#units.add((view, offset) => {
          view.setUint16(offset, text.charCodeAt(index), true);
        });
      }
    }
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
    const sets = sectionOf(S.size, this.sets.sets, (view, offset, { summary, wordFirst }) => {
      view.setBigUint64(offset + S.Summary, summary, true);
      view.setUint32(offset + S.WordFirst, wordFirst, true);
    });
    const words = sectionOf(8, this.sets.words, (view, offset, word) => {
      view.setBigUint64(offset, word, true);
    });
    const sids = sectionOf(1, this.#bytes, (view, offset, byte) => {
      view.setUint8(offset, byte);
    });
    const bytes = writeSections(R.size, [
      { countAt: R.RuleCount, section: rules },
      { countAt: R.NodeCount, section: this.#nodes },
      { countAt: R.TextCount, section: this.#texts },
      { countAt: R.SetCount, section: sets },
      { countAt: R.WordCount, section: words },
      { countAt: R.MemberCount, section: this.#members },
      { countAt: R.UnitCount, section: this.#units },
      { countAt: R.ByteCount, section: sids },
    ]);
    const view = new DataView(bytes.buffer);
    view.setUint32(R.Size, bytes.byteLength, true);
    view.setUint16(R.Version, P.CMB_RULES_VERSION, true);
    view.setUint16(R.HeaderSize, R.size, true);
    view.setBigUint64(R.ClassMask, parts.classMask, true);
    view.setUint32(R.Otherwise, parts.otherwise, true);
    for (const [index, set] of parts.classSets.entries()) view.setUint32(R.ClassSets + 4 * index, set, true);
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

/** In the order of CMB_RULE_NODE.Kind; literals by their hashes. */
function orderedChildren(node: PatternNode): PatternNode[] {
  const literals = [...node.literals].map(([text, child]) => ({ child, hash: hashUnits(text) }));
  literals.sort((one, other) => one.hash - other.hash);
  const others = [node.deep, node.any, ...node.globs.values()].filter((child) => child !== null);
  return [...others, ...literals.map(({ child }) => child)];
}

function kindOf({ component, isDeep }: PatternNode): number {
  if (component === null) return P.CMB_RULE_NODE_ROOT;
  if (isDeep) return P.CMB_RULE_NODE_DEEP;
  if (isAny(component)) return P.CMB_RULE_NODE_ANY;
  return isLiteral(component) ? P.CMB_RULE_NODE_LITERAL : P.CMB_RULE_NODE_GLOB;
}

function flagsOf(kind: number, component: Component, isBelow: boolean): number {
  const below = isBelow ? P.CMB_RULE_NODE_BELOW : 0;
  if (kind !== P.CMB_RULE_NODE_GLOB) return below;
  return (
    below | (component[0] === '' ? 0 : P.CMB_RULE_GLOB_START) | (component.at(-1) === '' ? 0 : P.CMB_RULE_GLOB_END)
  );
}
