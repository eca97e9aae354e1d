// Who may write to a folder. A driver is not loaded from where a plain user could put another one in its place.

import { dirname, parse } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { sidText } from '../security/sid.js';

/** They can replace the kernel anyway: SYSTEM, administrators, and the installer of Windows. */
const trustedSids: readonly string[] = [
  'S-1-5-18',
  'S-1-5-32-544',
  'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464',
];

/** FILE_DELETE_CHILD, WRITE_DAC, WRITE_OWNER, GENERIC_ALL: with any of them what is inside can be exchanged. */
const exchange = 0x40 | 0x40000 | 0x80000 | 0x10000000;
const remove = 0x10000;
/** FILE_ADD_FILE, which of a file is FILE_WRITE_DATA, and GENERIC_WRITE. */
const write = 0x2 | 0x40000000;
const everyone = 'S-1-1-0';
const inheritOnly = 0x08;
/** ACCESS_ALLOWED_ACE and ACCESS_ALLOWED_CALLBACK_ACE, whose condition may be true. */
const allowed: readonly number[] = [0, 9];

export interface FolderFacts {
  /** Owner and DACL, self-relative. */
  fileSecurity(path: string): Uint8Array;
  /** `C:\Windows`: who owns that is trusted, too. */
  readonly systemRoot: string;
}

/** Throws if others than administrators can change what is in `folder`, or exchange it or a folder above it. */
export function requireSafeFolder(folder: string, facts: FolderFacts): void {
  const trusted = new Set(trustedSids);
  const systemOwner = owner(facts.fileSecurity(facts.systemRoot));
  if (systemOwner !== null) trusted.add(systemOwner);
  const { root } = parse(folder);
  for (let path = folder; ; path = dirname(path)) {
    const mask = exchange | (path === folder ? write : 0) | (path === root ? 0 : remove);
    const [writer] = writers(facts.fileSecurity(path), mask).filter((sid) => !trusted.has(sid));
    if (writer !== undefined) {
      throw new CmBridgeError(
        'CMB_FOLDER_UNSAFE',
        `${path} can be changed by ${writer}, who is no administrator: a driver is not loaded from there`,
      );
    }
    if (path === root) return;
  }
}

/** SIDs of the owner and of all to whom a right of the mask is given. What takes rights away is not counted. */
export function writers(descriptor: Uint8Array, mask: number): string[] {
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  const found = [owner(descriptor) ?? everyone];
  const daclPresent = (view.getUint16(2, true) & 0x4) !== 0;
  const dacl = view.getUint32(16, true);
  // Without a DACL everybody has all rights.
  if (!daclPresent || dacl === 0) return [...found, everyone];
  const count = view.getUint16(dacl + 4, true);
  let ace = dacl + 8;
  for (let index = 0; index < count; index++) {
    const [type, flags] = [view.getUint8(ace), view.getUint8(ace + 1)];
    const rights = view.getUint32(ace + 4, true);
    if (allowed.includes(type) && (flags & inheritOnly) === 0 && (rights & mask) !== 0) {
      found.push(sidText(descriptor, ace + 8) ?? everyone);
    }
    ace += view.getUint16(ace + 2, true);
  }
  return found;
}

function owner(descriptor: Uint8Array): string | null {
  const offset = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength).getUint32(4, true);
  return offset === 0 ? null : sidText(descriptor, offset);
}
