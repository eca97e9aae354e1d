// Patterns: their components, how they are read, and what they match.

import { CmBridgeError, invalidArgument } from '../../base/errors.js';
import { upcase } from '../../registry/key-case.js';
import { quote } from '../../base/options.js';
import { CMB_MAX_RULES_DEPTH, CMB_MAX_RULES_TEXT_UNITS } from '../../wire/protocol.js';

/**
 * One component of a pattern, in upper case: the texts between its asterisks. `Foo` is `['FOO']`, `F*o` is `['F', 'O']`, `*` is
 * `['', '']`. The empty list is `**`: any number of components.
 */
export type Component = readonly string[];
export type Pattern = readonly Component[];

export const deep: Component = [];
export const anyComponent: Component = ['', ''];

/** As people write it: `quote` doubles backslashes. */
export function quotePattern(text: string): string {
  const isPlain = !/[\p{Cc}\p{Cs}"]/u.test(text) && text.length <= 80;
  return isPlain ? `"${text}"` : quote(text);
}

export function isDeep(component: Component): boolean {
  return component.length === 0;
}

export function isLiteral(component: Component): boolean {
  return component.length === 1;
}

export function isAny(component: Component): boolean {
  return component.length === 2 && component[0] === '' && component[1] === '';
}

export function literal(text: string): Component {
  return [upcase(text)];
}

/** Reads `*` and `[*]`. Null when two asterisks touch: those mean something only as a whole component of a path. */
export function parseComponent(text: string): Component | null {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < text.length; index++) {
    if (text.startsWith('[*]', index)) {
      part += '*';
      index += 2;
    } else if (text[index] !== '*') {
      part += text.charAt(index);
    } else {
      if (part === '' && parts.length > 0) return null;
      parts.push(upcase(part));
      part = '';
    }
  }
  return [...parts, upcase(part)];
}

/** The components of a pattern for paths; `text` is the whole, for messages. */
export function parseNames(names: readonly string[], text: string): Pattern {
  return names.map((name) => {
    if (name === '**') return deep;
    const component = parseComponent(name);
    if (component !== null) return component;
    throw invalidArgument(
      `${quotePattern(name)} in ${quotePattern(text)} has asterisks side by side; "*" is any text within a component, and "**" has to be a component of its own`,
    );
  });
}

/**
 * The components of a path pattern, without empty ones. `**` next to `**` or before `*` says the same in several ways; it gets one
 * form: `*` first, then one `**`.
 */
export function normalPattern(components: Pattern): Pattern {
  const result: Component[] = [];
  let isDeepPending = false;
  for (const component of components) {
    if (isDeep(component)) {
      isDeepPending = true;
    } else {
      if (isDeepPending && !isAny(component)) {
        result.push(deep);
        isDeepPending = false;
      }
      result.push(component);
    }
  }
  if (isDeepPending) result.push(deep);
  return result;
}

/** Two components with equal texts match the same. */
export function componentKey(component: Component): string {
  return isLiteral(component) ? `=${component[0] ?? ''}` : JSON.stringify(component);
}

export function patternKey(pattern: Pattern): string {
  return JSON.stringify(pattern);
}

/** Refuses a path pattern that the driver does not take. */
export function checkPattern(pattern: Pattern): Pattern {
  if (pattern.length >= CMB_MAX_RULES_DEPTH) {
    throw new CmBridgeError(
      'CMB_INVALID_RULES',
      `has ${pattern.length} components from \\REGISTRY or \\Device on; at most ${CMB_MAX_RULES_DEPTH - 1} are possible`,
    );
  }
  for (const text of pattern.flat()) {
    if (text.length <= CMB_MAX_RULES_TEXT_UNITS) continue;
    throw new CmBridgeError(
      'CMB_INVALID_RULES',
      `has a component of ${text.length} characters; at most ${CMB_MAX_RULES_TEXT_UNITS} are possible`,
    );
  }
  return pattern;
}

/** The pattern for the name of a value, which is one component whatever stands in it. */
export function parseValueName(text: string): Component {
  const component = parseComponent(text);
  if (component !== null) return component;
  throw invalidArgument(`${quotePattern(text)} has asterisks side by side; "*" is any text in the name of a value`);
}

/** `text` is in upper case. */
export function matchesComponent(component: Component, text: string): boolean {
  const first = component[0];
  if (first === undefined) return true;
  const last = component.at(-1) ?? '';
  if (component.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const limit = text.length - last.length;
  let position = first.length;
  for (const part of component.slice(1, -1)) {
    const found = text.indexOf(part, position);
    if (found === -1 || found + part.length > limit) return false;
    position = found + part.length;
  }
  return true;
}

/** `names` are the components of a path in upper case. */
export function matchesPath(pattern: Pattern, names: readonly string[]): boolean {
  // As for one component: when what follows a `**` fails, only the last one needs to take in more.
  let inPattern = 0;
  let inNames = 0;
  let retryPattern = -1;
  let retryNames = 0;
  while (inNames < names.length) {
    const component = pattern[inPattern];
    if (component !== undefined && isDeep(component)) {
      retryPattern = ++inPattern;
      retryNames = inNames;
    } else if (component !== undefined && matchesComponent(component, names[inNames] ?? '')) {
      inPattern++;
      inNames++;
    } else if (retryPattern === -1) {
      return false;
    } else {
      inPattern = retryPattern;
      inNames = ++retryNames;
    }
  }
  return pattern.slice(inPattern).every(isDeep);
}

/** The components of a path; leading, doubled and trailing separators do not count. */
export function componentsOf(path: string): string[] {
  return path.split('\\').filter((name) => name !== '');
}

/** The components of a path in upper case. */
export function pathNames(path: string): string[] {
  return componentsOf(upcase(path));
}

/** The pattern of a path that says itself where it begins: with `**`, or with `root` behind a separator. Null if it does not. */
export function nativePattern(path: string, root: string, text: string): Pattern | null {
  const names = componentsOf(path);
  const [first] = names;
  const isRoot = path.startsWith('\\') && first !== undefined && upcase(first) === root;
  return isRoot || first === '**' ? normalPattern(parseNames(names, text)) : null;
}
