// Signs a driver on the machine that will run it: Windows PowerShell does it on Windows, osslsigncode on Linux.

import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { signWithOsslsigncode } from './osslsigncode.js';
import { readImage, type DriverImage } from './pe-image.js';
import { signWithPowerShell } from './powershell.js';
import { signerOf } from './trust.js';

/** Null wherever a certificate is to be made, and its key destroyed when the file is signed. */
export type SigningCertificate =
  /** PEM files: for Linux. */
  | { readonly certificate: string; readonly key: string }
  /** Of a certificate with a private key in a store of the user or of the machine: for Windows. */
  | { readonly thumbprint: string };

export interface Signature {
  /** SHA-1 of the certificate, in hexadecimal. */
  readonly thumbprint: string;
  readonly subject: string;
  /** Authenticode hash of the file, before and after. */
  readonly hash: string;
}

/** Signs the file in its place; when that fails, the file is what it was. */
export async function signFile(file: string, certificate: SigningCertificate | null = null): Promise<Signature> {
  const before = readImage(readFileSync(file), file);
  if (before.certificates.length > 0) {
    throw new CmBridgeError(
      'CMB_SIGNING_FAILED',
      `${file} is signed already, by ${signerOf(before)?.subject ?? 'somebody'}`,
    );
  }
  // In a folder of its own beside it: signing tools write files of names of their own choice.
  const folder = mkdtempSync(join(dirname(file), 'cmbridge-sign-'));
  const copy = join(folder, `${randomUUID()}.sys`);
  try {
    copyFileSync(file, copy);
    await (process.platform === 'win32'
      ? signWithPowerShell(copy, certificate)
      : signWithOsslsigncode(copy, certificate));
    const signed = checkSigned(copy, before);
    renameSync(copy, file);
    return signed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the tool says is not asked: the file is signed, and of it all but the signature is what it was. */
function checkSigned(file: string, before: DriverImage): Signature {
  const after = readImage(readFileSync(file), file);
  const signer = signerOf(after);
  if (signer === null || after.hash !== before.hash) {
    throw new CmBridgeError('CMB_SIGNING_FAILED', 'The driver is not signed, or was altered while it was signed');
  }
  return { ...signer, hash: after.hash };
}
