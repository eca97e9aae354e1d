// Signs a kernel-mode PE file for test-signed Windows: node scripts/sign-driver.mjs IN OUT
// The certificate is made once and stays beside the output; it is good for tests only. Signing also writes the checksum.

import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [input, output] = process.argv.slice(2);
if (!input || !output) throw new Error('usage: node scripts/sign-driver.mjs IN OUT');

const certificate = join(dirname(output), 'test-signing.pem');
const key = join(dirname(output), 'test-signing.key');
const quietly = { stdio: ['ignore', 'pipe', 'pipe'] };

if (!existsSync(certificate) || !existsSync(key)) {
  const subject = [
    '-subj',
    '/CN=cmbridge test signing',
    '-addext',
    'extendedKeyUsage=codeSigning',
    '-addext',
    'keyUsage=digitalSignature',
  ];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:3072',
      '-sha256',
      '-nodes',
      '-days',
      '365',
      '-keyout',
      key,
      '-out',
      certificate,
      ...subject,
    ],
    quietly,
  );
}
rmSync(output, { force: true });
execFileSync(
  'osslsigncode',
  ['sign', '-h', 'sha256', '-ph', '-certs', certificate, '-key', key, '-in', input, '-out', output],
  quietly,
);
