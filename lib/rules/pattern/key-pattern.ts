// Patterns for keys, as people write them.

import { invalidArgument } from '../../base/errors.js';
import { upcase } from '../../registry/key-case.js';
import { didYouMean } from '../../base/options.js';
import {
  componentsOf,
  isDeep,
  isLiteral,
  literal,
  nativePattern,
  normalPattern,
  parseNames,
  quotePattern,
  type Component,
  type Pattern,
} from './pattern.js';
import type { RuleContext } from './context.js';

/** One way to read a pattern for keys. */
export interface KeyAlternative {
  readonly pattern: Pattern;
  /** It came from HKCU: what stands behind `USER` is an account, not the hive of an account's classes. */
  readonly isOfAccount: boolean;
}

const registry = literal('REGISTRY');
const machine = [registry, literal('MACHINE')];
const users = [registry, literal('USER')];
const classes = [literal('SOFTWARE'), literal('Classes')];
const currentConfig = ['SYSTEM', 'CurrentControlSet', 'Hardware Profiles'].map(literal);
const defaultAccount = literal('.DEFAULT');
/** The accounts of users, and the hives of their classes as well. */
const anyAccount: Component = ['S-1-', ''];
/** A SID ends with a digit, the name of a hive of classes does not. */
const accountsByDigit: readonly Component[] = Array.from({ length: 10 }, (_, digit) => ['S-1-', String(digit)]);

const longNames = new Map([
  ['HKEY_LOCAL_MACHINE', 'HKLM'],
  ['HKEY_USERS', 'HKU'],
  ['HKEY_CURRENT_USER', 'HKCU'],
  ['HKEY_CLASSES_ROOT', 'HKCR'],
  ['HKEY_CURRENT_CONFIG', 'HKCC'],
]);
const rootNames = [...longNames.values(), ...longNames.keys()];
const tags = new Map([
  ['<APPHIVE ', 'A'],
  ['<SILOHIVE ', 'WC'],
]);

/** The native patterns that a pattern stands for, not yet under the other names of the keys. */
export function parseKeyPattern(text: string, context: RuleContext = {}): KeyAlternative[] {
  const [root, ...rest] = componentsOf(text);
  if (root === undefined) {
    throw invalidArgument(`${quotePattern(text)} names no key; "**" stands for every key`);
  }
  const native = nativePattern(text, 'REGISTRY', text);
  if (native !== null) return plain([native]);
  if (text.startsWith('\\')) {
    throw invalidArgument(`${quotePattern(text)} begins with a separator, so it must begin with \\REGISTRY`);
  }
  return expandRoot(root, parseNames(rest, text), text, context);
}

function expandRoot(root: string, rest: Pattern, text: string, context: RuleContext): KeyAlternative[] {
  const upper = upcase(root);
  switch (longNames.get(upper) ?? upper) {
    case 'HKLM':
      return plain([[...machine, ...rest]]);
    case 'HKU':
      return plain([[...users, ...rest]]);
    case 'HKCU':
      return ofAccounts(rest, context);
    case 'HKCR':
      return [...plain([[...machine, ...classes, ...rest]]), ...ofAccounts([...classes, ...rest], context)];
    case 'HKCC':
      // `Current` is a link to the only profile that Windows has since Vista.
      return plain(['Current', '0001'].map((profile) => [...machine, ...currentConfig, literal(profile), ...rest]));
  }
  for (const [tag, name] of tags) {
    if (!upper.startsWith(tag) || !upper.endsWith('>') || root.length === tag.length + 1) continue;
    return plain([[registry, literal(name), ...parseNames([root.slice(tag.length, -1)], text), ...rest]]);
  }
  throw invalidArgument(`${quotePattern(text)} does not begin with a root key${rootAdvice(root, text)}`);
}

function rootAdvice(root: string, text: string): string {
  if (text.includes('/') && !text.includes('\\')) return '; components are separated by backslashes';
  if (upcase(root) === 'REGISTRY') return `; write ${quotePattern(`\\${text}`)}`;
  const near = didYouMean(root, rootNames);
  if (near !== '') return near;
  const advice = `; expected HKLM, HKU, HKCU, HKCR, HKCC, one of their long names, <AppHive ...>, <SiloHive ...>, \\REGISTRY`;
  return `${advice}, or "**\\" for any place`;
}

function ofAccounts(rest: Pattern, { userSid }: RuleContext): KeyAlternative[] {
  return accounts(rest, userSid).map((account) => ({
    pattern: normalPattern([...users, account, ...rest]),
    isOfAccount: true,
  }));
}

function accounts(rest: Pattern, userSid: string | undefined): readonly Component[] {
  if (userSid !== undefined) return [literal(userSid)];
  const first = rest[0];
  // A hive of classes holds file types and classes: `HKCU\*` must not take it for an account, `HKCU\Software` may.
  const isSafe = first !== undefined && (isLiteral(first) || isDeep(first));
  return isSafe ? [anyAccount, defaultAccount] : [...accountsByDigit, defaultAccount];
}

function plain(patterns: readonly Pattern[]): KeyAlternative[] {
  return patterns.map((pattern) => ({ pattern: normalPattern(pattern), isOfAccount: false }));
}
