// Patterns for keys under all the names that the kernel may have for these.

import { linkedKeys } from '../../registry/key-alias.js';
import { includesPattern } from './includes.js';
import type { KeyAlternative } from './key-pattern.js';
import {
  anyComponent,
  isDeep,
  isLiteral,
  literal,
  matchesComponent,
  normalPattern,
  type Component,
  type Pattern,
} from './pattern.js';
import type { RuleContext } from './context.js';

/** A beginning of a path, and the beginnings that lead to the same key. */
interface Link {
  readonly next: Map<string, Link>;
  readonly targets: Pattern[];
}

const userNames = ['REGISTRY', 'USER'];
const users = userNames.map(literal);
const classNames = ['SOFTWARE', 'CLASSES'];
const classesSuffix = '_CLASSES';
/** Only accounts of people have a hive of their own for their classes. */
const people = ['S-1-5-21-', 'S-1-12-1-'];
const links = new Map<number | undefined, Link>();

/** The patterns under all the names that the kernel may have for the keys that they match. */
export function underAllNames(alternatives: readonly KeyAlternative[], { controlSet }: RuleContext): Pattern[] {
  const result: Pattern[] = [];
  const queue = [...alternatives];
  for (let alternative = queue.shift(); alternative !== undefined; alternative = queue.shift()) {
    const { isOfAccount } = alternative;
    const pattern = normalPattern(alternative.pattern);
    if (result.some((known) => includesPattern(known, pattern))) continue;
    result.push(pattern);
    queue.push(...overLinks(pattern, controlSet).map((other) => ({ pattern: other, isOfAccount })));
    queue.push(...overClasses(pattern, isOfAccount));
  }
  return result.filter((pattern) => result.every((other) => other === pattern || !includesPattern(other, pattern)));
}

function overLinks(pattern: Pattern, controlSet: number | undefined): Pattern[] {
  const found: Pattern[] = [];
  const walk = (link: Link, rests: readonly Pattern[]) => {
    for (const target of link.targets) for (const rest of rests) found.push([...target, ...rest]);
    for (const [name, next] of link.next) {
      const further = rests.flatMap((rest) => after(rest, name));
      if (further.length > 0) walk(next, further);
    }
  };
  walk(linksOf(controlSet), [pattern]);
  return found;
}

/** What may follow `name`, for paths that `pattern` matches. */
function after(pattern: Pattern, name: string): Pattern[] {
  const [first, ...rest] = pattern;
  if (first === undefined) return [];
  if (isDeep(first)) return [pattern, ...after(rest, name)];
  return matchesComponent(first, name) ? [rest] : [];
}

function afterAll(pattern: Pattern, names: readonly string[]): Pattern[] {
  return names.reduce<Pattern[]>((rests, name) => rests.flatMap((rest) => after(rest, name)), [pattern]);
}

/** `USER\<account>\Software\Classes` is `USER\<account>_Classes`. */
function overClasses(pattern: Pattern, isOfAccount: boolean): KeyAlternative[] {
  const found: KeyAlternative[] = [];
  for (const rest of afterAll(pattern, userNames)) {
    for (const { account, below } of accountsOf(rest)) {
      for (const tail of afterAll(below, classNames)) {
        for (const hive of withClasses(account)) found.push({ pattern: [...users, hive, ...tail], isOfAccount });
      }
      if (isOfAccount) continue;
      for (const owner of withoutClasses(account)) {
        const pattern = [...users, owner, ...classNames.map(literal), ...below];
        found.push({ pattern, isOfAccount: true });
      }
    }
  }
  return found;
}

function accountsOf(pattern: Pattern): { account: Component; below: Pattern }[] {
  const [account, ...below] = pattern;
  if (account === undefined) return [];
  return isDeep(account) ? [{ account: anyComponent, below: pattern }, ...accountsOf(below)] : [{ account, below }];
}

function withClasses(account: Component): Component[] {
  const last = account.at(-1) ?? '';
  if (last.endsWith(classesSuffix)) return [];
  return ofPeople(account).map((component) => [...component.slice(0, -1), `${component.at(-1) ?? ''}${classesSuffix}`]);
}

/** What is left of a component before the suffix, which may lie in its texts and in its wildcards. */
function withoutClasses(account: Component): Component[] {
  const owners = account.flatMap((part, index) => {
    const before = account.slice(0, index);
    const behind = account.slice(index + 1);
    const found: Component[] = [];
    for (let end = 0; end <= part.length; end++) {
      if (matchesComponent([part.slice(end), ...behind], classesSuffix)) found.push([...before, part.slice(0, end)]);
    }
    if (behind.length > 0 && matchesComponent(['', ...behind], classesSuffix)) found.push([...before, part, '']);
    return found;
  });
  return owners.flatMap(ofPeople);
}

/** What of a component can be the SID of a person; of wildcards that are hard to tell apart, all. */
function ofPeople(account: Component): Component[] {
  const [first = '', second, ...more] = account;
  if (people.some((prefix) => first.startsWith(prefix))) return [account];
  if (isLiteral(account)) return [];
  const isPrefix = second === '' && more.length === 0;
  return isPrefix ? people.filter((prefix) => prefix.startsWith(first)).map((prefix) => [prefix, '']) : [account];
}

function linksOf(controlSet: number | undefined): Link {
  const known = links.get(controlSet);
  if (known !== undefined) return known;
  const root = newLink();
  for (const [names, others] of linkedKeys(controlSet)) {
    addLink(root, names, others.map(literal));
    addLink(root, others, names.map(literal));
  }
  if (controlSet === undefined) {
    const system = ['REGISTRY', 'MACHINE', 'SYSTEM'];
    addLink(root, [...system, 'CURRENTCONTROLSET'], [...system.map(literal), ['CONTROLSET', '']]);
  }
  links.set(controlSet, root);
  return root;
}

function newLink(): Link {
  return { next: new Map(), targets: [] };
}

function addLink(root: Link, names: readonly string[], target: Pattern): void {
  let link = root;
  for (const name of names) {
    let next = link.next.get(name);
    if (next === undefined) {
      next = newLink();
      link.next.set(name, next);
    }
    link = next;
  }
  link.targets.push(target);
}
