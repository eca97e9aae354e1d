// The NT paths of files of this machine.

import { resolve } from 'node:path';
import { invalidArgument } from '../base/errors.js';
import { quote } from '../base/options.js';

/**
 * The NT path of a file: one that begins with a backslash is one, anything else is a path of this machine. Where there is no Windows,
 * the drive Z: is the root of the file system.
 */
export function nativeFile(name: string, path: unknown, platform = process.platform): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument(`"${name}" must be the path of a file, not ${quote(path)}`);
  }
  if (path.startsWith('\\')) return path;
  if (platform === 'win32') return `\\??\\${resolve(path)}`;
  if (path.includes('\\')) {
    throw invalidArgument(
      `"${name}" must be a path of this machine or an NT path such as "\\??\\Z:\\tmp\\a.hiv", not ${quote(path)}`,
    );
  }
  return `\\??\\Z:${resolve(path).replaceAll('/', '\\')}`;
}

/** The drive C: is HarddiskVolume3 to the kernel, and so on: one volume for each letter. */
export function deviceName(path: string): string {
  const [, letter, rest] = /^([A-Za-z]):(\\.*)$/s.exec(path) ?? [];
  if (letter === undefined || rest === undefined) return path;
  return `\\Device\\HarddiskVolume${letter.toUpperCase().charCodeAt(0) - 64}${rest}`;
}
