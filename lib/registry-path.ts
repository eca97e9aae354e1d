import { invalidArgument } from './errors.js';
import { quote } from './options.js';

/** The user whose keys HKCU means in the simulator. */
export const simulatedUserSid = 'S-1-5-21-3623811015-3361044348-30300820-1013';

const machine = '\\REGISTRY\\MACHINE';
const user = '\\REGISTRY\\USER';

/** `HKLM\...` or `HKU\...` for the configuration manager's own name of a key; null where people have no other name for it. */
export function displayKey(keyPath: string): string | null {
  return replaceRoot(keyPath, machine, 'HKLM') ?? replaceRoot(keyPath, user, 'HKU');
}

/** `\REGISTRY\...` for a key in any form that people write. HKCU is the user with `userSid`. */
export function nativeKey(path: string, userSid = simulatedUserSid): string {
  if (typeof path !== 'string' || path === '') throw invalidArgument(`A key path must be a string, not ${quote(path)}`);
  if (/^\\REGISTRY(\\|$)/i.test(path)) return path;
  const end = path.indexOf('\\');
  const root = (end === -1 ? path : path.slice(0, end)).toUpperCase();
  const rest = end === -1 ? '' : path.slice(end);
  const native = nativeRoot(root, userSid);
  if (native === null) {
    throw invalidArgument(
      `${quote(path)} does not begin with a root key; expected HKLM, HKU, HKCU, HKCR, HKCC, one of their long names, or \\REGISTRY`,
    );
  }
  return native + rest.replace(/\\+$/, '');
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

function replaceRoot(path: string, root: string, replacement: string): string | null {
  const rest = path.slice(root.length);
  if (rest !== '' && !rest.startsWith('\\')) return null;
  return path.slice(0, root.length).toUpperCase() === root ? replacement + rest : null;
}
