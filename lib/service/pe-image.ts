// A driver file: its processor, its version, its certificates, and the hash that a signature speaks of.

import { createHash } from 'node:crypto';
import { CmBridgeError } from '../base/errors.js';

export interface DriverImage {
  /** IMAGE_FILE_MACHINE_*. */
  readonly machine: number;
  /** IMAGE_SUBSYSTEM_NATIVE: a program for the kernel. */
  readonly isNative: boolean;
  /** SHA-256 in hexadecimal of what a signature covers: signing the file does not change it. */
  readonly hash: string;
  /** Of the version resource, `0.1.0.0`; null when there is none. */
  readonly version: string | null;
  /** X.509 certificates of the signature, DER; empty when the file is not signed. */
  readonly certificates: readonly Uint8Array[];
}

const optionalHeader = 24;
/** Offsets in the optional header of 64-bit images. */
const checksumField = 64;
const subsystemField = 68;
const directoriesField = 112;
const securityDirectory = 4;
const native = 1;
/** Of VS_FIXEDFILEINFO, with the version of the structure behind it. */
const versionSignature = Buffer.from([0xbd, 0x04, 0xef, 0xfe, 0x00, 0x00, 0x01, 0x00]);

/** Throws when `bytes` is no 64-bit PE file. */
export function readImage(bytes: Uint8Array, name: string): DriverImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = () => new CmBridgeError('CMB_DRIVER_FILE', `${name} is no 64-bit driver file, or it is damaged`);
  if (file.length < 0x40 || file.readUInt16LE(0) !== 0x5a4d) throw damaged();
  const header = file.readUInt32LE(0x3c);
  const optional = header + optionalHeader;
  const security = optional + directoriesField + securityDirectory * 8;
  if (security + 8 > file.length || file.readUInt32LE(header) !== 0x4550) throw damaged();
  if (file.readUInt16LE(optional) !== 0x20b) throw damaged();
  const table = file.readUInt32LE(security);
  const size = file.readUInt32LE(security + 4);
  if (table !== 0 && (table < security + 8 || size < 8 || table + size > file.length)) throw damaged();
  return {
    machine: file.readUInt16LE(header + 4),
    isNative: file.readUInt16LE(optional + subsystemField) === native,
    hash: hash(file, optional + checksumField, security, table === 0 ? file.length : table),
    version: version(file),
    certificates: table === 0 ? [] : certificates(file.subarray(table + 8, table + size)),
  };
}

/** All but the checksum, the entry that says where the signature is, and the signature; filled up to 8 bytes, as a signer does. */
function hash(file: Buffer, checksum: number, security: number, end: number): string {
  const sum = createHash('sha256');
  sum.update(file.subarray(0, checksum));
  sum.update(file.subarray(checksum + 4, security));
  sum.update(file.subarray(security + 8, end));
  sum.update(Buffer.alloc((8 - (end % 8)) % 8));
  return sum.digest('hex');
}

function version(file: Buffer): string | null {
  const at = file.indexOf(versionSignature);
  if (at === -1 || at + 16 > file.length) return null;
  const [high, low] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12)];
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].join('.');
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/**
 * PKCS #7: ContentInfo { type, [0] { SignedData { version, algorithms, content, [0] certificates, ... } } }. Nothing that is decided
 * rests on it: the kernel verifies signatures, and this tells whose they are.
 */
function certificates(der: Buffer): Buffer[] {
  const signed = children(children(children(der)[0]?.content)[1]?.content)[0];
  const set = children(signed?.content).find(({ tag }) => tag === 0xa0);
  return children(set?.content).map(({ whole }) => whole);
}

/** The elements of DER, one after the other, up to what is damaged. */
function children(der: Buffer | undefined): Element[] {
  const found: Element[] = [];
  for (let at = 0; der !== undefined && at + 2 <= der.length;) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    const count = first < 0x80 ? 0 : first & 0x7f;
    if (count > 4 || at + 2 + count > der.length) break;
    const length = count === 0 ? first : der.readUIntBE(at + 2, count);
    const start = at + 2 + count;
    if (tag === 0 || start + length > der.length) break;
    found.push({ tag, content: der.subarray(start, start + length), whole: der.subarray(at, start + length) });
    at = start + length;
  }
  return found;
}
