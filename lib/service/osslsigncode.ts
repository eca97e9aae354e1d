// Signing on Linux with osslsigncode. A key that is made here never has a name in a file system.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { runTool, type ToolOptions } from './run-tool.js';
import { CERTIFICATE_NAME } from './sign-script.js';
import type { SigningCertificate } from './sign.js';

const days = 5 * 365;
/** Where a program finds the first file that it is given. */
const firstFile = '/dev/fd/3';

export async function signWithOsslsigncode(file: string, certificate: SigningCertificate | null): Promise<void> {
  if (certificate !== null && !('key' in certificate)) {
    throw invalidArgument(
      'A thumbprint names a certificate of Windows; here a certificate and its key are two PEM files',
    );
  }
  const output = `${file}.signed`;
  const arguments_ = (cert: string, key: string) => [
    ...['sign', '-h', 'sha256', '-ph', '-certs', cert, '-key', key],
    ...['-in', file, '-out', output],
  ];
  if (certificate !== null) {
    await run('osslsigncode', arguments_(certificate.certificate, certificate.key));
  } else {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
    const key = namelessFile(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    try {
      const made = namelessFile(await makeCertificate(key));
      try {
        await run('osslsigncode', arguments_('/dev/fd/4', firstFile), { files: [key, made] });
      } finally {
        closeSync(made);
      }
    } finally {
      closeSync(key);
    }
  }
  renameSync(output, file);
}

/** The file has lost its name before anything is written to it, and is gone when the last program has closed it, killed or not. */
function namelessFile(content: string | Buffer): number {
  const path = join(tmpdir(), `cmbridge-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  writeSync(file, content.toString());
  return file;
}

async function makeCertificate(key: number): Promise<Buffer> {
  const args = [
    ...['req', '-x509', '-new', '-sha256', '-key', firstFile, '-days', `${days}`],
    ...['-subj', `/CN=${CERTIFICATE_NAME} ${randomUUID()}`],
    ...['-addext', 'extendedKeyUsage=codeSigning', '-addext', 'keyUsage=digitalSignature'],
  ];
  return run('openssl', args, { files: [key] });
}

async function run(program: string, args: readonly string[], options?: ToolOptions): Promise<Buffer> {
  const { code, output, errors } = await runTool(program, args, options).catch((cause: unknown) => {
    throw new CmBridgeError(
      'CMB_SIGNING_FAILED',
      `${program} does not start; it is a package of that name of most distributions`,
      { cause },
    );
  });
  if (code === 0) return output;
  throw new CmBridgeError('CMB_SIGNING_FAILED', `${program} could not sign: ${errors.trim()}`);
}
