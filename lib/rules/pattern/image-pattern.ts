import { invalidArgument } from '../../base/errors.js';
import { upcase } from '../../registry/key-case.js';
import {
  anyComponent,
  deep,
  literal,
  normalPattern,
  parseNames,
  quotePattern,
  type Component,
  type Pattern,
} from './pattern.js';
import type { RuleContext } from './context.js';

const device = literal('Device');

/** The pattern for the native path of a program. */
export function parseImagePattern(text: string, { drives = {} }: RuleContext = {}): Pattern {
  if (text === '') throw invalidArgument('"" names no program; "*" stands for every one');
  const path = text.replace(/^\\(\?\?|\\\?|\\\.)\\/, '');
  const names = path.split('\\').filter((name) => name !== '');
  const [first, ...rest] = names;
  if (first !== undefined && /^[A-Za-z]:$/.test(first)) {
    if (rest.length === 0) throw invalidArgument(`${quotePattern(text)} names a drive and no program; add \\**`);
    return normalPattern([...volume(first, drives), ...parseNames(rest, text)]);
  }
  if (!path.includes('\\')) return normalPattern([deep, ...parseNames(names, text)]);
  if (first === '**') return normalPattern(parseNames(names, text));
  if (path.startsWith('\\\\')) return normalPattern([device, literal('Mup'), ...parseNames(names, text)]);
  if (path.startsWith('\\') && first !== undefined && upcase(first) === 'DEVICE') {
    return normalPattern(parseNames(names, text));
  }
  throw invalidArgument(
    `${quotePattern(text)} does not say where it begins; expected a name without directory, a drive letter, \\Device\\..., \\\\server\\..., or "**\\" for any directory`,
  );
}

function volume(drive: string, drives: Readonly<Record<string, string>>): Component[] {
  const letter = Object.keys(drives).find((name) => name.toUpperCase() === drive.toUpperCase());
  const path = letter === undefined ? undefined : drives[letter];
  if (path === undefined) return [device, anyComponent];
  return path
    .split('\\')
    .filter((name) => name !== '')
    .map(literal);
}
