// The patterns of many rules merged into one tree.

import { includesComponent } from './includes.js';
import { componentKey, isAny, isDeep, isLiteral, type Component, type Pattern } from './pattern.js';

/** CMB_RULE_NODE before it has a number. The rules of each list ascend. */
export interface PatternNode {
  /** By what it is reached from its parent; null for the root. */
  readonly component: Component | null;
  readonly depth: number;
  readonly isDeep: boolean;
  readonly literals: Map<string, PatternNode>;
  readonly globs: Map<string, PatternNode>;
  any: PatternNode | null;
  deep: PatternNode | null;
  /** Rules with a pattern that ends here. */
  readonly ends: number[];
  /** Rules with a pattern that ends here with `**`. */
  readonly below: number[];
}

/** The patterns of one condition of all rules, merged from their beginning on. */
export class PatternTree {
  readonly root = newNode(1, null);
  /** Nodes on the longest way. */
  depth = 1;

  /** The rules have to come in their order. */
  add(pattern: Pattern, rule: number): void {
    const isBelow = pattern.length > 0 && isDeep(pattern.at(-1) ?? []);
    let node = this.root;
    for (const component of isBelow ? pattern.slice(0, -1) : pattern) node = childOf(node, component);
    this.depth = Math.max(this.depth, node.depth);
    const rules = isBelow ? node.below : node.ends;
    if (rules.at(-1) !== rule) rules.push(rule);
  }

  /** Rules with a pattern that certainly matches all that this one does. */
  rulesIncluding(pattern: Pattern): number[] {
    const rules: number[] = [];
    let states: PatternNode[] = [];
    const enter = (node: PatternNode | null | undefined, into: PatternNode[]) => {
      if (node === null || node === undefined) return;
      into.push(node);
      for (const rule of node.below) rules.push(rule);
      enter(node.deep, into);
    };
    enter(this.root, states);
    for (const component of pattern) {
      const next = states.filter((node) => node.isDeep);
      for (const node of isDeep(component) ? [] : states) {
        enter(node.any, next);
        if (isLiteral(component)) enter(node.literals.get(component[0] ?? ''), next);
        for (const glob of node.globs.values()) {
          if (glob.component !== null && includesComponent(glob.component, component)) enter(glob, next);
        }
      }
      states = next;
    }
    for (const node of states) for (const rule of node.ends) rules.push(rule);
    return rules;
  }

  /** Parents before their children. */
  nodes(): PatternNode[] {
    const nodes = [this.root];
    for (const node of nodes) nodes.push(...childrenOf(node));
    return nodes;
  }
}

export function childrenOf(node: PatternNode): PatternNode[] {
  return [...node.literals.values(), ...node.globs.values(), node.any, node.deep].filter((child) => child !== null);
}

function childOf(node: PatternNode, component: Component): PatternNode {
  const depth = node.depth + 1;
  if (isDeep(component)) return (node.deep ??= newNode(depth, component));
  if (isAny(component)) return (node.any ??= newNode(depth, component));
  const children = isLiteral(component) ? node.literals : node.globs;
  const key = isLiteral(component) ? (component[0] ?? '') : componentKey(component);
  const known = children.get(key);
  if (known !== undefined) return known;
  const child = newNode(depth, component);
  children.set(key, child);
  return child;
}

function newNode(depth: number, component: Component | null): PatternNode {
  return {
    component,
    depth,
    isDeep: component !== null && isDeep(component),
    literals: new Map(),
    globs: new Map(),
    any: null,
    deep: null,
    ends: [],
    below: [],
  };
}
