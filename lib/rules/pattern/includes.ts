// Whether one pattern takes in all that another matches.

import { isAny, isDeep, isLiteral, matchesComponent, type Component, type Pattern } from './pattern.js';

/**
 * Whether `outer` certainly matches all that `inner` matches. It may say no where a closer look would find yes, as for `**` in
 * `inner` that several components of `outer` take in together; it never says yes wrongly.
 */
export function includesPattern(outer: Pattern, inner: Pattern): boolean {
  let states = withEmptyDeep(outer, [0]);
  for (const component of inner) {
    const next = states.filter((state) => isDeepAt(outer, state));
    for (const state of states) {
      const expected = outer[state];
      if (expected === undefined || isDeep(expected) || isDeep(component)) continue;
      if (includesComponent(expected, component)) next.push(state + 1);
    }
    if (next.length === 0) return false;
    states = withEmptyDeep(outer, next);
  }
  return states.includes(outer.length);
}

function isDeepAt(pattern: Pattern, index: number): boolean {
  const component = pattern[index];
  return component !== undefined && isDeep(component);
}

function withEmptyDeep(pattern: Pattern, states: readonly number[]): number[] {
  const result = new Set<number>();
  for (const state of states) {
    let position = state;
    result.add(position);
    while (isDeepAt(pattern, position)) result.add(++position);
  }
  return [...result];
}

/** Whether a component matches all that another one matches; neither is `**`. */
export function includesComponent(outer: Component, inner: Component): boolean {
  if (isAny(outer)) return true;
  const text = inner[0] ?? '';
  if (isLiteral(inner)) return matchesComponent(outer, text);
  if (isLiteral(outer)) return false;
  const first = outer[0] ?? '';
  const last = outer.at(-1) ?? '';
  const lastIndex = inner.length - 1;
  const lastText = inner[lastIndex] ?? '';
  if (!text.startsWith(first) || !lastText.endsWith(last)) return false;
  let index = 0;
  let position = first.length;
  for (const part of outer.slice(1, -1)) {
    // An asterisk of `inner` may stand for nothing, so a text has to be found between two of them.
    for (;;) {
      const candidate = inner[index] ?? '';
      const limit = index === lastIndex ? candidate.length - last.length : candidate.length;
      const found = candidate.indexOf(part, position);
      if (found !== -1 && found + part.length <= limit) {
        position = found + part.length;
        break;
      }
      if (++index > lastIndex) return false;
      position = 0;
    }
  }
  return true;
}
