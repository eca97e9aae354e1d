// One entry of an access control list, from SDDL to bytes.

import { quote } from '../base/options.js';
import * as T from './sddl-tables.js';
import type { SddlText } from './sddl-text.js';

const typeOfName = new Map([...T.aceTypes].map(([number, type]) => [type.name, { number, ...type }]));
const aceFlags = new Map([...T.inheritanceFlags, ...T.auditFlags, ...T.otherFlags]);
const rights = new Map([...T.wholeRights, ...T.singleRights, ...T.labelRights]);

/** One entry of an ACL; its opening parenthesis has been taken. */
export function aceBytes(text: SddlText): { bytes: Buffer; isObject: boolean } {
  const start = text.position;
  const name = text.until(';)');
  const type = typeOfName.get(name);
  if (type === undefined) throw text.error(`${quote(name)} is no type of an entry`, start);
  text.take(';');
  const flags = letters(text, aceFlags, 'a flag of an entry');
  text.take(';');
  const mask = accessMask(text);
  text.take(';');
  const objectType = guid(text);
  text.take(';');
  const inheritedType = guid(text);
  if (!type.object && (objectType ?? inheritedType) !== null) throw text.error(`an entry of type ${name} has no GUIDs`);
  text.take(';');
  const sid = text.sid();
  const data = text.oneOf([';']) === null ? Buffer.alloc(0) : hexData(text);
  if (!type.data && data.byteLength > 0) throw text.error(`an entry of type ${name} has no data`);
  text.take(')');
  const head = Buffer.alloc(8);
  const guids = type.object ? [presence(objectType, inheritedType), objectType, inheritedType] : [];
  const bytes = Buffer.concat([head, ...guids.filter((part) => part !== null), sid, data, padding(data.byteLength)]);
  if (bytes.byteLength > 0xffff) throw text.error(`the entry needs ${bytes.byteLength} bytes, more than 65535`, start);
  head[0] = type.number;
  head[1] = flags;
  head.writeUInt16LE(bytes.byteLength, 2);
  head.writeUInt32LE(mask, 4);
  head.copy(bytes);
  return { bytes, isObject: type.object };
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

function letters(text: SddlText, known: ReadonlyMap<string, number>, what: string): number {
  const start = text.position;
  const word = text.until(';)');
  let bits = 0;
  for (let index = 0; index < word.length; index += 2) {
    const name = word.slice(index, index + 2);
    const bit = known.get(name);
    if (bit === undefined) throw text.error(`${quote(name)} is not ${what}`, start + index);
    bits |= bit;
  }
  return bits >>> 0;
}

/** A number, hexadecimal with 0x and octal with 0, or two-letter names one after the other. */
function accessMask(text: SddlText): number {
  const start = text.position;
  const word = text.until(';)');
  if (word === '' || word.charCodeAt(0) > 0x39) {
    text.position = start;
    return letters(text, rights, 'an access right');
  }
  const isHex = /^0[xX][0-9A-Fa-f]+$/.test(word);
  const isOctal = /^0[0-7]+$/.test(word);
  const value = isHex || /^(0|[1-9][0-9]*)$/.test(word) ? Number(word) : isOctal ? parseInt(word, 8) : NaN;
  if (value <= 0xffff_ffff) return value;
  throw text.error(`${quote(word)} is no access mask of 32 bits`, start);
}

function guid(text: SddlText): Buffer | null {
  const start = text.position;
  const word = text.until(';)');
  if (word === '') return null;
  if (!/^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(word)) {
    throw text.error(`${quote(word)} is no GUID`, start);
  }
  const bytes = Buffer.from(word.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

function presence(objectType: Buffer | null, inheritedType: Buffer | null): Buffer {
  return Buffer.from([(objectType === null ? 0 : 1) | (inheritedType === null ? 0 : 2), 0, 0, 0]);
}

function hexData(text: SddlText): Buffer {
  const start = text.position;
  const word = text.until(')');
  if (/^#([0-9A-Fa-f]{2})*$/.test(word)) return Buffer.from(word.slice(1), 'hex');
  throw text.error(
    `${quote(word)} is not supported; conditions and attributes are read as # and hexadecimal bytes`,
    start,
  );
}
