// What the driver refuses as too much in a tree of patterns.

import * as P from '../../wire/protocol.js';
import type { PatternNode, PatternTree } from '../pattern/pattern-tree.js';
import { hashUnits } from './hash.js';

/** What the nodes from one on can cost for one component of a text; see CMB_MAX_RULES_WORK. */
interface Cost {
  readonly work: number;
  readonly deep: number;
  /** Globs down to the next nodes that stay. */
  readonly globs: number;
  /** Work of all nodes that stay whatever comes. */
  readonly all: number;
}

/** Why the driver would refuse this tree as too much to match in one callback; null if it would not. */
export function findTreeExcess(tree: PatternTree): string | null {
  const { work, deep } = costOf(tree.root);
  if (work + deep > P.CMB_MAX_RULES_WORK) {
    return (
      `have too many patterns with wildcards in the same place: one component of a path could meet ${work + deep} of them, ` +
      `at most ${P.CMB_MAX_RULES_WORK} are possible`
    );
  }
  for (const node of tree.nodes()) {
    const hashes = new Map<number, number>();
    for (const text of node.literals.keys()) {
      const hash = hashUnits(text);
      const count = (hashes.get(hash) ?? 0) + 1;
      hashes.set(hash, count);
      if (count > 2)
        return `have three names with the same hash in one place, one of them "${text}"; the driver takes two`;
    }
  }
  return null;
}

function costOf(node: PatternNode): Cost {
  const literals = [...node.literals.values()].map(costOf);
  const globs = [...node.globs.values()].map(costOf);
  const any = node.any === null ? none : costOf(node.any);
  const deep = node.deep === null ? none : costOf(node.deep);
  const words = new Set(node.below.map((rule) => rule >> 6)).size;
  const work = 1 + globs.length + words + highest(literals, 'work') + sum(globs, 'work') + any.work;
  const globsBelow = globs.length + sum([...literals, ...globs, any], 'globs');
  const all = (node.isDeep ? work + globsBelow : 0) + sum([...literals, ...globs, any, deep], 'all');
  const ofDeep = node.isDeep ? all : deep.deep + highest(literals, 'deep') + sum(globs, 'deep') + any.deep;
  return { work, deep: ofDeep, globs: globsBelow, all };
}

const none: Cost = { work: 0, deep: 0, globs: 0, all: 0 };

function highest(costs: readonly Cost[], name: keyof Cost): number {
  return costs.reduce((result, cost) => Math.max(result, cost[name]), 0);
}

function sum(costs: readonly Cost[], name: keyof Cost): number {
  return costs.reduce((result, cost) => result + cost[name], 0);
}
