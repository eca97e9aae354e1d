// Paths of keys: the native ones, and those that people write.

import { invalidArgument } from '../base/errors.js';
import { quote } from '../base/options.js';

/** The user whose keys HKCU means in the simulator. */
export const simulatedUserSid = 'S-1-5-21-3623811015-3361044348-30300820-1013';

/** `\REGISTRY\MACHINE`, `\REGISTRY\USER`, application hives below `\REGISTRY\A`, and those of containers below `\REGISTRY\WC`. */
export type KeyHive = 'machine' | 'user' | 'application' | 'silo';

const separator = 0x5c;
const registry = '\\REGISTRY';
const machine = '\\REGISTRY\\MACHINE';
const user = '\\REGISTRY\\USER';
const applications = '\\REGISTRY\\A';
const silos = '\\REGISTRY\\WC';
const applicationTag = '<AppHive ';
const siloTag = '<SiloHive ';

/** Which hives a path of the configuration manager leads to; null for another path, and for `\REGISTRY` itself. */
export function keyHive(keyPath: string): KeyHive | null {
  const start = afterComponent(keyPath, 0, 'REGISTRY');
  if (start === -1 || keyPath.charCodeAt(0) !== separator) return null;
  if (afterComponent(keyPath, start, 'MACHINE') !== -1) return 'machine';
  if (afterComponent(keyPath, start, 'USER') !== -1) return 'user';
  if (afterComponent(keyPath, start, 'A') !== -1) return 'application';
  if (afterComponent(keyPath, start, 'WC') !== -1) return 'silo';
  return null;
}

/**
 * What people call the key with this name of the configuration manager: `HKLM\...`, `HKU\...`, `HKCU\...` where it is one of the
 * user with `userSid`, `<AppHive NAME>\...` and `<SiloHive NAME>\...` for the hives below `\REGISTRY\A` and `\REGISTRY\WC`. Null
 * where people have no other name for it. `nativeKey` takes all of these back.
 */
export function displayKey(keyPath: string, userSid: string | null = null): string | null {
  const start = afterComponent(keyPath, 0, 'REGISTRY');
  if (start === -1 || keyPath.charCodeAt(0) !== separator) return null;
  let end = afterComponent(keyPath, start, 'MACHINE');
  if (end !== -1) return `HKLM${keyPath.slice(end)}`;
  end = afterComponent(keyPath, start, 'USER');
  if (end !== -1) return displayUserKey(keyPath, end, userSid);
  end = afterComponent(keyPath, start, 'A');
  if (end !== -1) return displayTagged(keyPath, end, applicationTag);
  end = afterComponent(keyPath, start, 'WC');
  return end === -1 ? null : displayTagged(keyPath, end, siloTag);
}

function displayUserKey(keyPath: string, start: number, userSid: string | null): string {
  if (userSid !== null) {
    let end = afterComponent(keyPath, start, userSid);
    if (end !== -1) return `HKCU${keyPath.slice(end)}`;
    end = afterComponent(keyPath, start, userSid, '_CLASSES');
    if (end !== -1) return `HKCU\\Software\\Classes${keyPath.slice(end)}`;
  }
  return `HKU${keyPath.slice(start)}`;
}

function displayTagged(keyPath: string, start: number, tag: string): string | null {
  const first = skipSeparators(keyPath, start);
  if (first === keyPath.length) return null;
  const end = keyPath.indexOf('\\', first);
  return end === -1 ? `${tag}${keyPath.slice(first)}>` : `${tag}${keyPath.slice(first, end)}>${keyPath.slice(end)}`;
}

/** `\REGISTRY\...` for a key in any form that people write or `displayKey` gives. HKCU is the user with `userSid`. */
export function nativeKey(path: string, userSid = simulatedUserSid): string {
  if (typeof path !== 'string' || path === '') throw invalidArgument(`A key path must be a string, not ${quote(path)}`);
  if (path.charCodeAt(0) === separator && afterComponent(path, 0, 'REGISTRY') !== -1) return path;
  const end = path.indexOf('\\');
  const root = end === -1 ? path : path.slice(0, end);
  const native = nativeRoot(root.toUpperCase(), userSid) ?? taggedRoot(root);
  if (native === null) {
    throw invalidArgument(
      `${quote(path)} does not begin with a root key; expected HKLM, HKU, HKCU, HKCR, HKCC, one of their long names, <AppHive ...>, ` +
        `<SiloHive ...>, or ${registry}`,
    );
  }
  return native + withoutTrailing(end === -1 ? '' : path.slice(end));
}

function nativeRoot(root: string, userSid: string): string | null {
  switch (root) {
    case 'HKLM':
    case 'HKEY_LOCAL_MACHINE':
      return machine;
    case 'HKU':
    case 'HKEY_USERS':
      return user;
    case 'HKCU':
    case 'HKEY_CURRENT_USER':
      return `${user}\\${userSid}`;
    case 'HKCR':
    case 'HKEY_CLASSES_ROOT':
      return `${machine}\\SOFTWARE\\Classes`;
    case 'HKCC':
    case 'HKEY_CURRENT_CONFIG':
      return `${machine}\\SYSTEM\\CurrentControlSet\\Hardware Profiles\\Current`;
    default:
      return null;
  }
}

function taggedRoot(root: string): string | null {
  const isApplication = startsWith(root, applicationTag);
  const tag = isApplication ? applicationTag : siloTag;
  if ((!isApplication && !startsWith(root, siloTag)) || !root.endsWith('>') || root.length === tag.length + 1)
    return null;
  return `${isApplication ? applications : silos}\\${root.slice(tag.length, -1)}`;
}

function startsWith(text: string, prefix: string): boolean {
  return text.slice(0, prefix.length).toUpperCase() === prefix.toUpperCase();
}

function withoutTrailing(path: string): string {
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === separator) end--;
  return path.slice(0, end);
}

export function skipSeparators(path: string, start: number): number {
  let position = start;
  while (path.charCodeAt(position) === separator) position++;
  return position;
}

/** Where the component at `start` ends when it is `name`, followed by `suffix`, in any case of its ASCII letters; otherwise -1. */
export function afterComponent(path: string, start: number, name: string, suffix = ''): number {
  const first = skipSeparators(path, start);
  const end = first + name.length + suffix.length;
  if (end > path.length || (end < path.length && path.charCodeAt(end) !== separator)) return -1;
  return sameLetters(path, first, name) && sameLetters(path, first + name.length, suffix) ? end : -1;
}

function sameLetters(path: string, start: number, name: string): boolean {
  // The usual case: the kernel's own spelling.
  if (path.startsWith(name, start)) return true;
  for (let index = 0; index < name.length; index++) {
    const unit = path.charCodeAt(start + index);
    const other = name.charCodeAt(index);
    if (unit !== other && upperLetter(unit) !== upperLetter(other)) return false;
  }
  return true;
}

function upperLetter(unit: number): number {
  return unit >= 0x61 && unit <= 0x7a ? unit - 32 : unit;
}
