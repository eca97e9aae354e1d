// Values that a program gives, as bytes.

import { invalidArgument } from '../base/errors.js';
import { didYouMean, quote } from '../base/options.js';
import { registryTypeNumber, type RegistryType } from './registry-value.js';

export type ValueData = string | number | bigint | readonly string[] | Uint8Array;

/**
 * What to store. Without a type: a string is REG_SZ, a number REG_DWORD, a bigint REG_QWORD, an array of strings REG_MULTI_SZ, and
 * bytes are REG_BINARY. Bytes are stored as they are, whatever the type.
 */
export type ValueInput = ValueData | { readonly type: RegistryType | (string & {}) | number; readonly data: ValueData };

export interface EncodedValue {
  readonly type: number;
  readonly data: Uint8Array;
}

export function encodeValue(input: ValueInput): EncodedValue {
  if (typeof input === 'object' && input !== null && !(input instanceof Uint8Array) && 'data' in input) {
    const type = typeNumber(input.type);
    return { type, data: encodeData(type, input.type, input.data) };
  }
  const type = naturalType(input);
  return { type, data: encodeData(type, type, input) };
}

function typeNumber(type: string | number): number {
  if (typeof type === 'number' && Number.isInteger(type) && type >= 0 && type <= 0xffff_ffff) return type;
  const number = typeof type === 'string' ? registryTypeNumber(type) : undefined;
  if (number !== undefined) return number;
  const near = didYouMean(String(type), [
    'REG_NONE',
    'REG_SZ',
    'REG_EXPAND_SZ',
    'REG_BINARY',
    'REG_DWORD',
    'REG_MULTI_SZ',
    'REG_QWORD',
  ]);
  throw invalidArgument(`${quote(type)} is no type of a registry value${near}`);
}

function naturalType(data: ValueData): number {
  if (typeof data === 'string') return 1;
  if (typeof data === 'number') return 4;
  if (typeof data === 'bigint') return 11;
  if (Array.isArray(data)) return 7;
  if (data instanceof Uint8Array) return 3;
  throw invalidArgument(`${quote(data)} cannot be stored in a registry value`);
}

function encodeData(type: number, typeName: string | number, data: ValueData): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string' && (type === 1 || type === 2)) return Buffer.from(`${data}\0`, 'utf16le');
  if (typeof data === 'string' && type === 6) return Buffer.from(data, 'utf16le');
  if (Array.isArray(data) && type === 7) {
    return Buffer.from([...(data as readonly string[]), ''].map((text) => `${text}\0`).join(''), 'utf16le');
  }
  const isInteger = typeof data === 'bigint' || (typeof data === 'number' && Number.isSafeInteger(data));
  if (isInteger && (type === 4 || type === 5 || type === 11)) return encodeInteger(type, BigInt(data));
  throw invalidArgument(`${quote(data)} is no data for a value of type ${quote(typeName)}`);
}

function encodeInteger(type: number, value: bigint): Uint8Array {
  const bits = type === 11 ? 64 : 32;
  if (BigInt.asUintN(bits, value) !== value) throw invalidArgument(`${value} does not fit into ${bits} bits`);
  const bytes = Buffer.alloc(bits / 8);
  if (type === 11) bytes.writeBigUInt64LE(value);
  else if (type === 4) bytes.writeUInt32LE(Number(value));
  else bytes.writeUInt32BE(Number(value));
  return bytes;
}
