// Security identifiers, as bytes and as text.

import { invalidArgument } from '../base/errors.js';
import { quote } from '../base/options.js';

const maxSubAuthorities = 15;

/** Length of the SID that starts at `offset`; null when there is no whole one. */
export function sidLength(bytes: Uint8Array, offset = 0): number | null {
  if (bytes.byteLength - offset < 8 || bytes[offset] !== 1) return null;
  const count = bytes[offset + 1] ?? 0;
  const length = 8 + 4 * count;
  return count <= maxSubAuthorities && bytes.byteLength - offset >= length ? length : null;
}

/** `S-1-...` for the SID that starts at `offset`; null when there is no whole one. What follows it is not looked at. */
export function sidText(bytes: Uint8Array, offset = 0): string | null {
  const length = sidLength(bytes, offset);
  if (length === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  const high = view.getUint16(2);
  const low = view.getUint32(4);
  let text = high === 0 ? `S-1-${low}` : `S-1-0x${hex(high, 4)}${hex(low, 8)}`;
  for (let position = 8; position < length; position += 4) text += `-${view.getUint32(position, true)}`;
  return text;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** The bytes of a SID that is written as `S-1-...`. Two-letter names belong to SDDL, which `parseSddl` reads. */
export function parseSid(text: string): Uint8Array {
  const bytes = typeof text === 'string' ? sidBytes(text) : null;
  if (bytes !== null) return bytes;
  throw invalidArgument(`${quote(text)} is no SID; expected S-1-, an authority, and up to 15 numbers of 32 bits`);
}

function sidBytes(text: string): Uint8Array | null {
  const [s, revision, authority = '', ...rest] = text.split('-');
  if (s?.toUpperCase() !== 'S' || revision !== '1' || rest.length > maxSubAuthorities) return null;
  const isHex = /^0[xX][0-9A-Fa-f]{1,12}$/.test(authority);
  const identifier = isHex ? Number(authority) : decimal(authority);
  const subAuthorities = rest.map(decimal);
  if (identifier === null || subAuthorities.includes(null)) return null;
  const bytes = Buffer.alloc(8 + 4 * rest.length);
  bytes[0] = 1;
  bytes[1] = rest.length;
  bytes.writeUIntBE(identifier, 2, 6);
  subAuthorities.forEach((value, index) => bytes.writeUInt32LE(value ?? 0, 8 + 4 * index));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decimal(text: string): number | null {
  if (!/^[0-9]{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : null;
}
