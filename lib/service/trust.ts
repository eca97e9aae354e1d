// Trust in the certificate that a driver was signed with. It is added only when Windows does not load the driver without, and only for a
// certificate whose private key this package has destroyed.

import { X509Certificate } from 'node:crypto';
import type { NativeWindows } from '../native/native.js';
import type { DriverImage } from './pe-image.js';

/** What makes a certificate a root, and its holder a publisher whose drivers need no question. */
const stores = ['Root', 'TrustedPublisher'] as const;

/** SHA-1 of the certificate in hexadecimal, which Windows calls its thumbprint. */
export function thumbprintOf(certificate: Uint8Array): string {
  return new X509Certificate(certificate).fingerprint.replaceAll(':', '').toLowerCase();
}

export function signerOf(image: DriverImage): { readonly thumbprint: string; readonly subject: string } | null {
  const [certificate] = image.certificates;
  if (certificate === undefined) return null;
  try {
    return { thumbprint: thumbprintOf(certificate), subject: new X509Certificate(certificate).subject };
  } catch {
    return null;
  }
}

export function isTrusted(windows: NativeWindows, thumbprint: string): boolean {
  return stores.every((store) => windows.hasCertificate(store, Buffer.from(thumbprint, 'hex')));
}

export function addTrust(windows: NativeWindows, certificate: Uint8Array): void {
  for (const store of stores) windows.addCertificate(store, certificate);
}

export function removeTrust(windows: NativeWindows, thumbprint: string): void {
  for (const store of stores) windows.removeCertificate(store, Buffer.from(thumbprint, 'hex'));
}
