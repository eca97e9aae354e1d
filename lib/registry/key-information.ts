// The decoders of answers that the simulator’s keys ask for.

import { Captured } from '../wire/captured.js';
import { decodeUtf16, decodeValue, type RegistryValue } from './registry-value.js';

/** KEY_INFORMATION_CLASS and KEY_VALUE_INFORMATION_CLASS. */
export const KeyBasicInformation = 0;
export const KeyFullInformation = 2;
export const KeyValueFullInformation = 1;
export const KeyValuePartialInformation = 2;
/** KEY_SET_INFORMATION_CLASS. */
export const KeyWriteTimeInformation = 0;

export interface KeyInformation {
  /** 100 ns units since 1601. */
  readonly lastWriteTime: bigint;
  readonly className: string;
  readonly subKeys: number;
  readonly values: number;
  /** In bytes. */
  readonly maxNameLength: number;
  readonly maxValueNameLength: number;
  readonly maxValueDataLength: number;
}

export interface NamedValue {
  readonly name: string;
  readonly value: RegistryValue;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function decodeKeyName(bytes: Uint8Array): string {
  return decodeUtf16(bytes, 16, 16 + viewOf(bytes).getUint32(12, true));
}

export function decodeKeyInformation(bytes: Uint8Array): KeyInformation {
  const view = viewOf(bytes);
  const classOffset = view.getUint32(12, true);
  const classLength = view.getUint32(16, true);
  return {
    lastWriteTime: view.getBigInt64(0, true),
    className: classLength === 0 ? '' : decodeUtf16(bytes, classOffset, classOffset + classLength),
    subKeys: view.getUint32(20, true),
    values: view.getUint32(32, true),
    maxNameLength: view.getUint32(24, true),
    maxValueNameLength: view.getUint32(36, true),
    maxValueDataLength: view.getUint32(40, true),
  };
}

export function decodePartialValue(bytes: Uint8Array): RegistryValue {
  const view = viewOf(bytes);
  return wholeValue(view.getUint32(4, true), bytes.slice(12, 12 + view.getUint32(8, true)));
}

export function decodeFullValue(bytes: Uint8Array): NamedValue {
  const view = viewOf(bytes);
  const offset = view.getUint32(8, true);
  const data = bytes.slice(offset, offset + view.getUint32(12, true));
  return {
    name: decodeUtf16(bytes, 20, 20 + view.getUint32(16, true)),
    value: wholeValue(view.getUint32(4, true), data),
  };
}

/** The text of an OBJECT_NAME_INFORMATION follows its UNICODE_STRING, whose pointer means nothing here. */
export function decodeObjectName(bytes: Uint8Array): string {
  const length = viewOf(bytes).getUint16(0, true);
  return decodeUtf16(bytes, 16, 16 + length);
}

function wholeValue(type: number, bytes: Uint8Array): RegistryValue {
  return decodeValue(type, Captured.of(bytes));
}
