// What is remembered of an installation, in the key of the service: it goes with the service.

import type { NativeWindows } from '../native/native.js';
import { SERVICE_KEY } from './context.js';

const key = `${SERVICE_KEY}\\Parameters`;
const REG_SZ = 1;

export interface InstallRecord {
  readonly packageVersion: string;
  /** Authenticode hash of the file that was put there. */
  readonly hash: string;
  /** SHA-1, in hexadecimal, of the certificate that was made for it and whose private key is destroyed; empty: signed elsewhere. */
  readonly certificate: string;
  /** The certificate was added to those that this machine trusts. */
  readonly isTrusted: boolean;
}

const names = {
  packageVersion: 'PackageVersion',
  hash: 'DriverHash',
  certificate: 'Certificate',
  isTrusted: 'TrustedCertificate',
} as const;

/** Null: the service was made by somebody else. */
export function readRecord(windows: NativeWindows): InstallRecord | null {
  const read = (name: string) => registryText(windows, key, name) ?? '';
  const record = {
    packageVersion: read(names.packageVersion),
    hash: read(names.hash),
    certificate: read(names.certificate),
    isTrusted: read(names.isTrusted) !== '',
  };
  return record.hash === '' ? null : record;
}

export function writeRecord(windows: NativeWindows, record: InstallRecord): void {
  const write = (name: string, value: string) => {
    windows.writeRegistry(key, name, REG_SZ, Buffer.from(`${value}\0`, 'utf16le'));
  };
  write(names.packageVersion, record.packageVersion);
  write(names.hash, record.hash);
  write(names.certificate, record.certificate);
  write(names.isTrusted, record.isTrusted ? record.certificate : '');
}

/** A REG_SZ or REG_EXPAND_SZ below HKEY_LOCAL_MACHINE; null when there is none. */
export function registryText(windows: NativeWindows, path: string, name: string): string | null {
  const value = windows.readRegistry(path, name);
  if (value === null || (value.type !== 1 && value.type !== 2)) return null;
  return Buffer.from(value.data).toString('utf16le').split('\0', 1)[0] ?? '';
}

/** A REG_DWORD below HKEY_LOCAL_MACHINE; null when there is none. */
export function registryNumber(windows: NativeWindows, path: string, name: string): number | null {
  const value = windows.readRegistry(path, name);
  return value?.type === 4 && value.data.byteLength === 4 ? Buffer.from(value.data).readUInt32LE(0) : null;
}
