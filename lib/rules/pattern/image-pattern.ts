// Patterns for the paths of programs.

import { invalidArgument } from '../../base/errors.js';
import {
  anyComponent,
  componentsOf,
  deep,
  literal,
  nativePattern,
  normalPattern,
  parseNames,
  quotePattern,
  type Component,
  type Pattern,
} from './pattern.js';
import { deviceOf, type RuleContext } from './context.js';

const device = literal('Device');

/** The pattern for the native path of a program. */
export function parseImagePattern(text: string, context: RuleContext = {}): Pattern {
  if (text === '') throw invalidArgument('"" names no program; "*" stands for every one');
  const path = text.replace(/^\\(\?\?|\\\?|\\\.)\\/, '');
  const names = componentsOf(path);
  const [first, ...rest] = names;
  if (first !== undefined && /^[A-Za-z]:$/.test(first)) {
    if (rest.length === 0) throw invalidArgument(`${quotePattern(text)} names a drive and no program; add \\**`);
    return normalPattern([...volume(first, context), ...parseNames(rest, text)]);
  }
  if (!path.includes('\\')) return normalPattern([deep, ...parseNames(names, text)]);
  if (path.startsWith('\\\\') && first !== '**') {
    return normalPattern([device, literal('Mup'), ...parseNames(names, text)]);
  }
  const native = nativePattern(path, 'DEVICE', text);
  if (native !== null) return native;
  throw invalidArgument(
    `${quotePattern(text)} does not say where it begins; expected a name without directory, a drive letter, \\Device\\..., \\\\server\\..., or "**\\" for any directory`,
  );
}

/** An unknown drive stands for any volume. */
function volume(drive: string, context: RuleContext): Component[] {
  const path = deviceOf(drive, context);
  return path === undefined ? [device, anyComponent] : componentsOf(path).map(literal);
}
