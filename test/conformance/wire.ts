import type { NativeChannel } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';

/** Requests below the typed layer, so that tests can forge them. */
export function request(size: number, fill: (view: DataView) => void = () => undefined): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, P.CMB_STRUCTURE_VERSION, true);
  fill(view);
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export async function hello(
  channel: NativeChannel,
  major: number = P.CMB_PROTOCOL_MAJOR,
): Promise<{ status: number; major: number }> {
  const input = request(P.CMB_HELLO_REQUEST.size, (view) => {
    view.setUint16(P.CMB_HELLO_REQUEST.ProtocolMajor, major, true);
  });
  const view = viewOf(await channel.control(P.CMB_IOCTL_HELLO, input, P.CMB_HELLO_REPLY.size));
  return {
    status: view.getUint32(P.CMB_HELLO_REPLY.Status, true),
    major: view.getUint16(P.CMB_HELLO_REPLY.ProtocolMajor, true),
  };
}

export async function unregister(channel: NativeChannel, cookie: bigint): Promise<number> {
  const input = request(P.CMB_UNREGISTER_REQUEST.size, (view) => {
    view.setBigInt64(P.CMB_UNREGISTER_REQUEST.Cookie, cookie, true);
  });
  const reply = await channel.control(P.CMB_IOCTL_UNREGISTER, input, P.CMB_UNREGISTER_REPLY.size);
  return viewOf(reply).getUint32(P.CMB_UNREGISTER_REPLY.Status, true);
}

export interface RegisterFields {
  altitude: string;
  classMask?: bigint;
  maxDataBytes?: number;
  altitudeSize?: number;
  reserved?: number;
  flags?: number;
  size?: number;
}

export function registerRequest(fields: RegisterFields): Uint8Array {
  const altitude = Buffer.from(fields.altitude, 'utf16le');
  const bytes = request(P.CMB_REGISTER_REQUEST.size + altitude.length, (view) => {
    if (fields.size !== undefined) view.setUint32(0, fields.size, true);
    view.setUint16(6, fields.flags ?? 0, true);
    view.setBigUint64(P.CMB_REGISTER_REQUEST.ClassMask, fields.classMask ?? 2n, true);
    view.setUint32(P.CMB_REGISTER_REQUEST.MaxDataBytes, fields.maxDataBytes ?? 0, true);
    view.setUint16(P.CMB_REGISTER_REQUEST.AltitudeSize, fields.altitudeSize ?? altitude.length, true);
    view.setUint16(P.CMB_REGISTER_REQUEST.Reserved, fields.reserved ?? 0, true);
  });
  bytes.set(altitude, P.CMB_REGISTER_REQUEST.size);
  return bytes;
}

export async function register(channel: NativeChannel, fields: RegisterFields): Promise<number> {
  const reply = await channel.control(P.CMB_IOCTL_REGISTER, registerRequest(fields), P.CMB_REGISTER_REPLY.size);
  return viewOf(reply).getUint32(P.CMB_REGISTER_REPLY.Status, true);
}

export interface RulesReply {
  readonly status: number;
  readonly reason: number;
  readonly offset: number;
}

/** The program starts at the next multiple of 8 behind the altitude. */
export async function registerWithRules(
  channel: NativeChannel,
  altitude: string,
  program: Uint8Array,
  classMask?: bigint,
): Promise<RulesReply & { readonly cookie: bigint }> {
  const head = registerRequest({ altitude, ...(classMask === undefined ? {} : { classMask }) });
  const start = Math.ceil(head.length / 8) * 8;
  const input = new Uint8Array(start + program.length);
  input.set(head);
  input.set(program, start);
  const request = viewOf(input);
  request.setUint32(P.CMB_HEADER.Size, input.length, true);
  request.setUint32(P.CMB_REGISTER_REQUEST.ProgramSize, program.length, true);
  const R = P.CMB_REGISTER_REPLY;
  const view = viewOf(await channel.control(P.CMB_IOCTL_REGISTER, input, R.size));
  return {
    status: view.getUint32(R.Status, true),
    reason: view.getUint32(R.Reason, true),
    offset: view.getUint32(R.Offset, true),
    cookie: view.getBigInt64(R.Cookie, true),
  };
}

export async function setRules(channel: NativeChannel, cookie: bigint, program: Uint8Array): Promise<RulesReply> {
  const Q = P.CMB_SET_RULES_REQUEST;
  const input = request(Q.size + program.length, (view) => {
    view.setBigInt64(Q.Cookie, cookie, true);
    view.setUint32(Q.ProgramSize, program.length, true);
  });
  input.set(program, Q.size);
  const R = P.CMB_SET_RULES_REPLY;
  const view = viewOf(await channel.control(P.CMB_IOCTL_SET_RULES, input, R.size));
  return {
    status: view.getUint32(R.Status, true),
    reason: view.getUint32(R.Reason, true),
    offset: view.getUint32(R.Offset, true),
  };
}
