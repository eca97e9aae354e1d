// Answers to NtQuerySecurityObject.

import { CmBridgeError } from '../base/errors.js';
import { NtStatus } from '../base/nt-status.js';
import { quote } from '../base/options.js';
import { CMB_REPLY_OUTPUT } from '../wire/protocol.js';
import { parseSddl } from '../security/sddl.js';
import { sidLength } from '../security/sid.js';
import { requireSize } from './check.js';
import { DecisionError } from './error.js';
import { align, putNumbers, type Output } from './layout.js';

/** SECURITY_INFORMATION */
const asks = { owner: 0x1, group: 0x2, dacl: 0x4, sacl: 0x8, label: 0x10 } as const;
/** SECURITY_DESCRIPTOR_CONTROL: the bits that go with each part. */
const control = { owner: 0x0001, group: 0x0002, dacl: 0x140c, sacl: 0x2830, selfRelative: 0x8000 } as const;
const present = { dacl: 0x0004, sacl: 0x0010 } as const;
const headerSize = 20;
const mandatoryLabelAce = 0x11;

/** The asked parts of a descriptor; all or nothing. */
export function fitSecurity(
  what: string,
  answer: string | Uint8Array,
  information: number,
  length: number,
  where: string,
): Output {
  const data = selectParts(new Descriptor(what, descriptorBytes(what, answer, where), where), information);
  const fits = data.byteLength <= length;
  requireSize(what, fits ? data.byteLength : 0, where);
  return {
    flags: CMB_REPLY_OUTPUT,
    status: fits ? NtStatus.STATUS_SUCCESS : NtStatus.STATUS_BUFFER_TOO_SMALL,
    resultLength: data.byteLength,
    data: fits ? data : data.subarray(0, 0),
  };
}

function descriptorBytes(what: string, answer: string | Uint8Array, where: string): Uint8Array {
  if (answer instanceof Uint8Array) return answer;
  try {
    return parseSddl(answer);
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    throw new DecisionError(where, `${what}: ${quote(answer)}: ${error.message}`, { cause: error });
  }
}

function selectParts(descriptor: Descriptor, information: number): Uint8Array {
  const asked = (bit: number) => (information & bit) !== 0;
  const owner = asked(asks.owner) ? descriptor.sid(4) : null;
  const group = asked(asks.group) ? descriptor.sid(8) : null;
  const dacl = asked(asks.dacl) ? descriptor.acl(16, present.dacl) : null;
  const sacl = asked(asks.sacl | asks.label) ? descriptor.acl(12, present.sacl) : null;
  const kept =
    (owner === null ? 0 : control.owner) |
    (group === null ? 0 : control.group) |
    (asked(asks.dacl) ? control.dacl : 0) |
    (asked(asks.sacl | asks.label) ? control.sacl : 0);
  const list = sacl === null ? null : selectEntries(sacl, asked(asks.sacl), asked(asks.label));
  return assemble(control.selfRelative | (descriptor.control & kept), list, dacl, owner, group);
}

/** The parts stand in the order in which the kernel's RtlAbsoluteToSelfRelativeSD puts them. */
function assemble(bits: number, ...parts: readonly (Uint8Array | null)[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + align(part?.byteLength ?? 0, 4), headerSize);
  const bytes = Buffer.alloc(size);
  bytes[0] = 1;
  bytes.writeUInt16LE(bits, 2);
  let next = headerSize;
  const [sacl = 0, dacl = 0, owner = 0, group = 0] = parts.map((part) => {
    if (part === null) return 0;
    const offset = next;
    bytes.set(part, offset);
    next += align(part.byteLength, 4);
    return offset;
  });
  putNumbers(bytes, 4, [owner, group, sacl, dacl]);
  return bytes;
}

/** The label is an entry of the SACL, and asked for apart from it. */
function selectEntries(acl: Uint8Array, audits: boolean, label: boolean): Uint8Array {
  const entries = entriesOf(acl);
  const isLabel = (entry: Uint8Array) => entry[0] === mandatoryLabelAce;
  const selected = [
    ...(audits ? entries.filter((entry) => !isLabel(entry)) : []),
    ...(label ? entries.filter(isLabel) : []),
  ];
  const header = Buffer.alloc(8);
  header[0] = acl[0] ?? 0;
  header.writeUInt16LE(
    selected.reduce((sum, entry) => sum + entry.byteLength, 8),
    2,
  );
  header.writeUInt16LE(selected.length, 4);
  return Buffer.concat([header, ...selected]);
}

function entriesOf(acl: Uint8Array): Uint8Array[] {
  const view = new DataView(acl.buffer, acl.byteOffset, acl.byteLength);
  const entries: Uint8Array[] = [];
  let offset = 8;
  for (let count = view.getUint16(4, true); count > 0; count--) {
    const size = view.getUint16(offset + 2, true);
    entries.push(acl.subarray(offset, offset + size));
    offset += size;
  }
  return entries;
}

/** A self-relative descriptor out of a program, so each offset in it may be wrong. */
class Descriptor {
  readonly control: number;
  readonly #what: string;
  readonly #where: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(what: string, bytes: Uint8Array, where: string) {
    this.#what = what;
    this.#where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength < headerSize || bytes[0] !== 1) throw this.#damaged('its header');
    this.control = this.#view.getUint16(2, true);
    if ((this.control & control.selfRelative) === 0)
      throw this.#damaged('its control bits, which say that it is absolute,');
  }

  sid(field: number): Uint8Array | null {
    const offset = this.#view.getUint32(field, true);
    if (offset === 0) return null;
    const length = offset < headerSize ? null : sidLength(this.#bytes, offset);
    if (length === null) throw this.#damaged(field === 4 ? 'the owner' : 'the group');
    return this.#bytes.subarray(offset, offset + length);
  }

  acl(field: number, bit: number): Uint8Array | null {
    const offset = (this.control & bit) === 0 ? 0 : this.#view.getUint32(field, true);
    if (offset === 0) return null;
    const name = field === 12 ? 'the SACL' : 'the DACL';
    if (offset < headerSize || offset + 8 > this.#bytes.byteLength) throw this.#damaged(name);
    const end = offset + this.#view.getUint16(offset + 2, true);
    if (end > this.#bytes.byteLength || end < offset + 8) throw this.#damaged(name);
    let entry = offset + 8;
    for (let count = this.#view.getUint16(offset + 4, true); count > 0; count--) {
      const size = entry + 4 > end ? 0 : this.#view.getUint16(entry + 2, true);
      if (size < 8 || size % 4 !== 0 || entry + size > end) throw this.#damaged(name);
      entry += size;
    }
    return this.#bytes.subarray(offset, end);
  }

  #damaged(part: string): DecisionError {
    return new DecisionError(
      this.#where,
      `${this.#what}: the bytes are no self-relative security descriptor: ${part} cannot be; parseSddl() makes one of a text`,
    );
  }
}
