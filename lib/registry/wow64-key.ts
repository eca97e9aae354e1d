// The two views of the registry that 32-bit and 64-bit programs have.

import { upcase } from './key-case.js';
import { nativeKey } from './registry-path.js';

/**
 * Keys below HKLM\SOFTWARE of which 32-bit and 64-bit programs see one and the same. Windows 7 and later.
 */
export const sharedKeys: readonly string[] = [
  'Clients',
  'Microsoft\\COM3',
  'Microsoft\\Cryptography\\Calais\\Current',
  'Microsoft\\Cryptography\\Calais\\Readers',
  'Microsoft\\Cryptography\\Services',
  'Microsoft\\CTF\\SystemShared',
  'Microsoft\\CTF\\TIP',
  'Microsoft\\DFS',
  'Microsoft\\Driver Signing',
  'Microsoft\\EnterpriseCertificates',
  'Microsoft\\EventSystem',
  'Microsoft\\MSMQ',
  'Microsoft\\Non-Driver Signing',
  'Microsoft\\Notepad\\DefaultFonts',
  'Microsoft\\OLE',
  'Microsoft\\RAS',
  'Microsoft\\RPC',
  'Microsoft\\Shared Tools\\MSInfo',
  'Microsoft\\SystemCertificates',
  'Microsoft\\TermServLicensing',
  'Microsoft\\TransactionServer',
  'Microsoft\\Windows\\CurrentVersion\\App Paths',
  'Microsoft\\Windows\\CurrentVersion\\Control Panel\\Cursors\\Schemes',
  'Microsoft\\Windows\\CurrentVersion\\Explorer\\AutoplayHandlers',
  'Microsoft\\Windows\\CurrentVersion\\Explorer\\DriveIcons',
  'Microsoft\\Windows\\CurrentVersion\\Explorer\\KindMap',
  'Microsoft\\Windows\\CurrentVersion\\Group Policy',
  'Microsoft\\Windows\\CurrentVersion\\Policies',
  'Microsoft\\Windows\\CurrentVersion\\PreviewHandlers',
  'Microsoft\\Windows\\CurrentVersion\\Setup',
  'Microsoft\\Windows\\CurrentVersion\\Telephony\\Locations',
  'Microsoft\\Windows NT\\CurrentVersion\\Console',
  'Microsoft\\Windows NT\\CurrentVersion\\FontDpi',
  'Microsoft\\Windows NT\\CurrentVersion\\FontLink',
  'Microsoft\\Windows NT\\CurrentVersion\\FontMapper',
  'Microsoft\\Windows NT\\CurrentVersion\\Fonts',
  'Microsoft\\Windows NT\\CurrentVersion\\FontSubstitutes',
  'Microsoft\\Windows NT\\CurrentVersion\\Gre_Initialize',
  'Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options',
  'Microsoft\\Windows NT\\CurrentVersion\\Language Pack',
  'Microsoft\\Windows NT\\CurrentVersion\\NetworkCards',
  'Microsoft\\Windows NT\\CurrentVersion\\Perflib',
  'Microsoft\\Windows NT\\CurrentVersion\\Ports',
  'Microsoft\\Windows NT\\CurrentVersion\\Print',
  'Microsoft\\Windows NT\\CurrentVersion\\ProfileList',
  'Microsoft\\Windows NT\\CurrentVersion\\Time Zones',
  'Policies',
  'RegisteredApplications',
];
const shared = new Set(sharedKeys.map(upcase));

/** Keys below a Classes key that 32-bit programs have of their own. */
const redirectedClasses = new Set(['CLSID', 'DIRECTSHOW', 'INTERFACE', 'MEDIA TYPE', 'MEDIAFOUNDATION']);

/** Where the key that a 32-bit program calls `path` really is, as a native path. Takes what `nativeKey` takes. */
export function wow64Location(path: string, userSid?: string): string {
  const names = split(nativeKey(path, userSid));
  const view = viewOf(names);
  if (view === null || isNode(names[view])) return join(names);
  const isRedirected =
    upcase(names[view - 1] ?? '') === 'SOFTWARE'
      ? !isShared(names.slice(view))
      : redirectedClasses.has(upcase(names[view] ?? ''));
  return join(isRedirected ? names.toSpliced(view, 0, 'WOW6432Node') : names);
}

/** What a 32-bit program calls the key at `path`: the same without WOW6432Node. Takes what `nativeKey` takes. */
export function wow64Name(path: string, userSid?: string): string {
  const names = split(nativeKey(path, userSid));
  const view = viewOf(names);
  return join(view !== null && isNode(names[view]) ? names.toSpliced(view, 1) : names);
}

/** Where WOW6432Node stands, or would stand, in a path of which there are two views. */
function viewOf(names: readonly string[]): number | null {
  const upper = names.slice(0, 6).map(upcase);
  if (upper[1] === 'MACHINE' && upper[2] === 'SOFTWARE') return upper[3] === 'CLASSES' ? 4 : 3;
  if (upper[1] !== 'USER') return null;
  if (upper[2]?.endsWith('_CLASSES') === true) return 3;
  return upper[3] === 'SOFTWARE' && upper[4] === 'CLASSES' ? 5 : null;
}

function isNode(name: string | undefined): boolean {
  return name !== undefined && upcase(name) === 'WOW6432NODE';
}

function isShared(names: readonly string[]): boolean {
  return names.some((_, index) => shared.has(upcase(names.slice(0, index + 1).join('\\'))));
}

function split(path: string): string[] {
  return path.split('\\').filter((name) => name !== '');
}

function join(names: readonly string[]): string {
  return `\\${names.join('\\')}`;
}
