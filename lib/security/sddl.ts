// Security descriptors from SDDL.

import { invalidArgument } from '../base/errors.js';
import { checkOptions, quote } from '../base/options.js';
import { aceBytes } from './sddl-ace.js';
import * as T from './sddl-tables.js';
import { SddlText } from './sddl-text.js';

export interface SddlOptions {
  /** `S-1-5-21-...` of the domain or machine, which names such as DA and LA need. */
  readonly domainSid?: string | undefined;
}

interface Acl {
  readonly flags: number;
  /** Null for NO_ACCESS_CONTROL. */
  readonly bytes: Buffer | null;
}

const headerSize = 20;
const aclRevision = 2;
/** Of an ACL with entries that have GUIDs. */
const aclRevisionDs = 4;

/**
 * A self-relative security descriptor from its text. Besides what Windows takes, data after the SID may be `#` and hexadecimal
 * bytes: so `SecurityDescriptor.sddl` writes conditions and resource attributes.
 */
export function parseSddl(sddl: string, options: SddlOptions = {}): Uint8Array {
  if (typeof sddl !== 'string') throw invalidArgument(`A security descriptor must be a string, not ${quote(sddl)}`);
  checkOptions('parseSddl', options, ['domainSid']);
  const text = new SddlText(sddl, options.domainSid);
  const sids: { O?: Uint8Array; G?: Uint8Array } = {};
  const acls: { D?: Acl; S?: Acl } = {};
  while (!text.isAtEnd) {
    const tag = text.oneOf(['O:', 'G:', 'D:', 'S:'])?.charAt(0) as 'O' | 'G' | 'D' | 'S' | undefined;
    if (tag === undefined) throw text.error('expected O:, G:, D: or S:');
    if (tag in sids || tag in acls) throw text.error(`there is a second ${tag}:`, text.position - 2);
    if (tag === 'O' || tag === 'G') sids[tag] = text.sid();
    else acls[tag] = parseAcl(text, tag);
  }
  return assemble(sids.O, sids.G, acls.D, acls.S);
}

function parseAcl(text: SddlText, tag: 'D' | 'S'): Acl {
  let flags: number = tag === 'D' ? T.control.daclPresent : T.control.saclPresent;
  for (;;) {
    if (text.oneOf(['NO_ACCESS_CONTROL']) !== null) return { flags, bytes: null };
    const flag = text.oneOf(T.aclControl[tag].map(([name]) => name));
    if (flag === null) break;
    flags |= T.aclControl[tag].find(([name]) => name === flag)?.[1] ?? 0;
  }
  const aces: Buffer[] = [];
  let revision = aclRevision;
  const start = text.position;
  while (text.oneOf(['(']) !== null) {
    const { bytes, isObject } = aceBytes(text);
    if (isObject) revision = aclRevisionDs;
    aces.push(bytes);
  }
  const size = aces.reduce((sum, ace) => sum + ace.byteLength, 8);
  if (size > 0xffff) throw text.error(`its entries need ${size} bytes, and an ACL has at most 65535`, start);
  const header = Buffer.alloc(8);
  header[0] = revision;
  header.writeUInt16LE(size, 2);
  header.writeUInt16LE(aces.length, 4);
  return { flags, bytes: Buffer.concat([header, ...aces]) };
}

function assemble(owner?: Uint8Array, group?: Uint8Array, dacl?: Acl, sacl?: Acl): Uint8Array {
  const header = Buffer.alloc(headerSize);
  header[0] = 1;
  header.writeUInt16LE(T.control.selfRelative | (dacl?.flags ?? 0) | (sacl?.flags ?? 0), 2);
  const parts: Uint8Array[] = [header];
  let offset = headerSize;
  const add = (part: Uint8Array | null | undefined, field: number) => {
    if (part === null || part === undefined) return;
    header.writeUInt32LE(offset, field);
    parts.push(part);
    offset += part.byteLength;
  };
  add(owner, 4);
  add(group, 8);
  add(sacl?.bytes, 12);
  add(dacl?.bytes, 16);
  return new Uint8Array(Buffer.concat(parts));
}
