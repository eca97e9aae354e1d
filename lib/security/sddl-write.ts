// Security descriptors as SDDL.

import * as T from './sddl-tables.js';
import { sidLength, sidText } from './sid.js';

const headerSize = 20;
const aliasOfSid = new Map(Object.entries(T.sidAliases).map(([alias, sid]) => [sid, alias]));
const noFlags = ['', ''] as const;

/** SDDL of a self-relative security descriptor; null when it is damaged or holds what SDDL has no words for. */
export function writeSddl(bytes: Uint8Array): string | null {
  if (bytes.byteLength < headerSize || bytes[0] !== 1) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const control = view.getUint16(2, true);
  if ((control & T.control.selfRelative) === 0) return null;
  const owner = sidPart('O', bytes, view.getUint32(4, true));
  const group = sidPart('G', bytes, view.getUint32(8, true));
  const dacl = (control & T.control.daclPresent) === 0 ? '' : aclPart('D', view, control, view.getUint32(16, true));
  const sacl = (control & T.control.saclPresent) === 0 ? '' : aclPart('S', view, control, view.getUint32(12, true));
  if (owner === null || group === null || dacl === null || sacl === null) return null;
  return owner + group + dacl + sacl;
}

function sidPart(tag: string, bytes: Uint8Array, offset: number): string | null {
  if (offset === 0) return '';
  const sid = offset < headerSize ? null : sddlSid(bytes, offset);
  return sid === null ? null : `${tag}:${sid}`;
}

function sddlSid(bytes: Uint8Array, offset: number): string | null {
  const sid = sidText(bytes, offset);
  return sid === null ? null : (aliasOfSid.get(sid) ?? sid);
}

function aclPart(tag: 'D' | 'S', view: DataView, control: number, offset: number): string | null {
  const head = `${tag}:${bitNames(control, T.aclControl[tag])}`;
  if (offset === 0) return `${head}NO_ACCESS_CONTROL`;
  if (offset < headerSize || view.byteLength - offset < 8) return null;
  const end = offset + view.getUint16(offset + 2, true);
  const count = view.getUint16(offset + 4, true);
  if (end > view.byteLength) return null;
  let text = head;
  let position = offset + 8;
  for (let index = 0; index < count; index++) {
    if (end - position < 4) return null;
    const size = view.getUint16(position + 2, true);
    const ace = size % 4 !== 0 || size > end - position ? null : aceText(view, position, size);
    if (ace === null) return null;
    text += ace;
    position += size;
  }
  return text;
}

function aceText(view: DataView, offset: number, size: number): string | null {
  const ace = new Uint8Array(view.buffer, view.byteOffset + offset, size);
  const type = T.aceTypes.get(ace[0] ?? 0);
  if (type === undefined || size < 16) return null;
  const mask = view.getUint32(offset + 4, true);
  const guids = type.object ? guidPart(ace) : { texts: noFlags, end: 8 };
  const length = guids === null ? null : sidLength(ace, guids.end);
  if (guids === null || length === null) return null;
  const [objectType, inheritedType] = guids.texts;
  const data = type.data ? dataText(ace.subarray(guids.end + length)) : '';
  const flags = flagText(ace[0] ?? 0, ace[1] ?? 0);
  if (flags === null) return null;
  const rights = rightsText(ace[0] ?? 0, mask);
  return `(${type.name};${flags};${rights};${objectType};${inheritedType};${sddlSid(ace, guids.end) ?? ''}${data})`;
}

/** Null when there are bits that SDDL has no name for. */
function flagText(type: number, flags: number): string | null {
  const bits = [...T.inheritanceFlags, ...(T.auditAces.has(type) ? T.auditFlags : T.otherFlags)];
  return bits.reduce((left, [, bit]) => left & ~bit, flags) === 0 ? bitNames(flags, bits) : null;
}

function rightsText(type: number, mask: number): string {
  if (mask === 0) return '';
  if (type === T.mandatoryLabelAce) return mask <= 7 ? bitNames(mask, T.labelRights) : hexMask(mask);
  const whole = T.wholeRights.find(([, rights]) => rights === mask);
  if (whole !== undefined) return whole[0];
  const rest = T.singleRights.reduce((left, [, bit]) => left & ~bit, mask);
  return rest === 0 ? bitNames(mask, T.singleRights) : hexMask(mask);
}

function hexMask(mask: number): string {
  return `0x${mask.toString(16)}`;
}

function bitNames(value: number, bits: readonly (readonly [string, number])[]): string {
  let text = '';
  for (const [name, bit] of bits) if ((value & bit) !== 0) text += name;
  return text;
}

function guidPart(ace: Uint8Array): { texts: readonly [string, string]; end: number } | null {
  const view = new DataView(ace.buffer, ace.byteOffset, ace.byteLength);
  const present = view.getUint32(8, true);
  const texts: [string, string] = ['', ''];
  let end = 12;
  for (const index of [0, 1] as const) {
    if ((present & (1 << index)) === 0) continue;
    if (ace.byteLength - end < 16) return null;
    texts[index] = guidText(view, end);
    end += 16;
  }
  return { texts, end };
}

function guidText(view: DataView, offset: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const tail = Array.from({ length: 8 }, (_, index) => hex(view.getUint8(offset + 8 + index), 2)).join('');
  const head = `${hex(view.getUint32(offset, true), 8)}-${hex(view.getUint16(offset + 4, true), 4)}`;
  return `${head}-${hex(view.getUint16(offset + 6, true), 4)}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

/** Conditions and resource attributes stay the bytes that they are, in SDDL's way to write bytes. */
function dataText(data: Uint8Array): string {
  return data.byteLength === 0 ? '' : `;#${Buffer.from(data).toString('hex')}`;
}
