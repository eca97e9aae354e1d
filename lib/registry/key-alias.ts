// The names that lead to one and the same key, over links and in the forms that people write.

import { invalidArgument } from '../base/errors.js';
import { upcase } from './key-case.js';
import { checkOptions, quote } from '../base/options.js';
import { displayKey, nativeKey } from './registry-path.js';
import { sharedKeys } from './wow64-key.js';

export interface KeyAliasOptions {
  /** N of the ControlSet00N that CurrentControlSet means. Without it the two are taken for different keys. */
  readonly controlSet?: number | undefined;
  /** The user that HKCU and HKCR mean. */
  readonly userSid?: string | undefined;
}

type Names = readonly string[];

/** Two beginnings of a path below `\REGISTRY` that lead to the same key, as they are written and in upper case. */
interface Alias {
  readonly real: Names;
  readonly realUpper: Names;
  readonly other: Names;
  readonly otherUpper: Names;
}

function alias(real: Names, other: Names): Alias {
  return { real, realUpper: real.map(upcase), other, otherUpper: other.map(upcase) };
}

const software = ['MACHINE', 'SOFTWARE'] as const;
const machineClasses = [...software, 'Classes'];

/** Links of 64-bit Windows; later ones apply to what earlier ones made. */
const fixedAliases: readonly Alias[] = [
  alias([...machineClasses, 'WOW6432Node'], [...software, 'WOW6432Node', 'Classes']),
  ...['AppID', 'PROTOCOLS', 'TypeLib'].map((name) =>
    alias([...machineClasses, name], [...machineClasses, 'WOW6432Node', name]),
  ),
  ...sharedKeys.map((path) => {
    const names = path.split('\\');
    return alias([...software, ...names], [...software, 'WOW6432Node', ...names]);
  }),
];

/**
 * One spelling for all the names of a key, in upper case: two paths mean the same key when these texts are equal. Takes what
 * `nativeKey` takes.
 */
export function canonicalKey(path: string, options?: KeyAliasOptions): string {
  return join(realNames(path, checked(options)).upper);
}

/** All the native spellings of a key, the one of the real key first; the others lead over links. */
export function keyAliases(path: string, options?: KeyAliasOptions): string[] {
  const { names, aliases } = realNames(path, checked(options));
  const spellings = [names];
  // Backwards, as each alias may itself be reached by an earlier one.
  for (const { realUpper, other } of aliases.toReversed()) {
    for (const spelling of [...spellings]) {
      if (beginsWith(spelling.map(upcase), realUpper)) spellings.push([...other, ...spelling.slice(realUpper.length)]);
    }
  }
  return unique(spellings.map(join));
}

/** All the names that people use for a key: `HKLM\...`, `HKCU\...`, `HKCR\...` and so on. */
export function displayAliases(path: string, options?: KeyAliasOptions): string[] {
  const { userSid } = checked(options);
  const names = keyAliases(path, options).flatMap((native) => {
    const display = displayKey(native, userSid ?? null) ?? native;
    const classes = ['HKLM\\SOFTWARE\\CLASSES', 'HKCU\\SOFTWARE\\CLASSES'].find((root) =>
      isBelow(upcase(display), root),
    );
    return classes === undefined ? [display] : [display, `HKCR${display.slice(classes.length)}`];
  });
  return unique(names);
}

/** N, for the ControlSet00N that a path such as the target of the CurrentControlSet link leads to; otherwise null. */
export function controlSetNumber(path: string): number | null {
  const names = split(path);
  const isSystem = beginsWith(names.map(upcase), ['REGISTRY', 'MACHINE', 'SYSTEM']);
  const set = upcase(names[3] ?? '');
  const digits = set.slice(10);
  const isSet = isSystem && set.startsWith('CONTROLSET') && digits.length === 3 && /^[0-9]+$/.test(digits);
  return isSet ? Number(digits) : null;
}

/** Pairs of beginnings of a native path, in upper case, that lead to the same key. The hives of users' classes are not among them. */
export function linkedKeys(controlSet?: number): (readonly [Names, Names])[] {
  return [...fixedAliases, ...controlSetAlias(controlSet)].map(({ realUpper, otherUpper }) => [
    ['REGISTRY', ...realUpper],
    ['REGISTRY', ...otherUpper],
  ]);
}

function realNames(path: string, { controlSet, userSid }: KeyAliasOptions) {
  let names: Names = split(nativeKey(path, userSid)).slice(1);
  let upper: Names = names.map(upcase);
  const aliases = [...fixedAliases, ...controlSetAlias(controlSet), ...classesAlias(names, upper)];
  for (const { real, realUpper, otherUpper } of aliases) {
    if (!beginsWith(upper, otherUpper)) continue;
    names = [...real, ...names.slice(otherUpper.length)];
    upper = [...realUpper, ...upper.slice(otherUpper.length)];
  }
  return { names, upper, aliases };
}

function controlSetAlias(controlSet: number | undefined): Alias[] {
  if (controlSet === undefined) return [];
  const real = `ControlSet${String(controlSet).padStart(3, '0')}`;
  return [alias(['MACHINE', 'SYSTEM', real], ['MACHINE', 'SYSTEM', 'CurrentControlSet'])];
}

/** The hive of a user's classes is mounted beside the user's own. Accounts of services have none. */
function classesAlias(names: Names, upper: Names): Alias[] {
  const account = upper[1] ?? '';
  const isUser = account.startsWith('S-1-5-21-') || account.startsWith('S-1-12-1-');
  if (!isUser || upper[0] !== 'USER') return [];
  const sid = account.endsWith('_CLASSES') ? names[1]?.slice(0, -'_CLASSES'.length) : names[1];
  return sid === undefined ? [] : [alias(['USER', `${sid}_Classes`], ['USER', sid, 'Software', 'Classes'])];
}

function beginsWith(upper: Names, prefix: Names): boolean {
  return prefix.length <= upper.length && prefix.every((name, index) => upper[index] === name);
}

function unique(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  return paths.filter((path) => seen.size !== seen.add(upcase(path)).size);
}

function isBelow(path: string, root: string): boolean {
  return path.startsWith(root) && (path.length === root.length || path[root.length] === '\\');
}

function split(path: string): Names {
  return path.split('\\').filter((name) => name !== '');
}

function join(names: Names): string {
  return ['\\REGISTRY', ...names].join('\\');
}

function checked(options: KeyAliasOptions | undefined): KeyAliasOptions {
  checkOptions('keyAliases', options, ['controlSet', 'userSid']);
  const { controlSet } = options ?? {};
  if (controlSet !== undefined && !(Number.isInteger(controlSet) && controlSet > 0 && controlSet < 1000)) {
    throw invalidArgument(`controlSet must be an integer from 1 to 999, not ${quote(controlSet)}`);
  }
  return options ?? {};
}
