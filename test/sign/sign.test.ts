// Signing on Linux with the tools themselves.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readImage } from '../../lib/service/pe-image.js';
import { signDriver } from '../../lib/service/service.js';
import { driverFile } from '../unit/support/driver-file.js';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'cmbridge-sign-test-'));
const unsigned = join(folder, 'unsigned.sys');
writeFileSync(unsigned, driverFile({ filling: 'code' }));

/** What osslsigncode says of a file; a root that nobody trusts lets it end with 1. */
async function verify(file: string): Promise<string> {
  const args = ['verify', '-in', file];
  return run('osslsigncode', args).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { stdout: string }).stdout,
  );
}

describe('signing a driver on Linux', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('a driver is signed with a certificate made for it, and osslsigncode finds the digest right', async () => {
    const out = join(folder, 'made.sys');
    const signed = await signDriver({ file: unsigned, out });
    const text = await verify(out);
    const digests = [...text.matchAll(/message digest +: ([0-9A-F]{64})/gi)].map(([, digest = '']) =>
      digest.toLowerCase(),
    );
    assert.deepEqual(digests, [signed.hash, signed.hash], text);
    assert.match(text, /Subject: \/CN=cmbridge test signing/);
    assert.equal(readImage(readFileSync(unsigned), 'x').hash, signed.hash);
    assert.match(signed.subject, /^CN=cmbridge test signing [0-9a-f-]{36}$/);
  });

  it('a driver is signed with a certificate and a key of somebody', async () => {
    const [certificate, key] = [join(folder, 'own.pem'), join(folder, 'own.key')];
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-subj', '/CN=Contoso'],
      ...['-addext', 'extendedKeyUsage=codeSigning'],
    ]);
    const out = join(folder, 'own.sys');
    const { subject } = await signDriver({ file: unsigned, out, certificate: { certificate, key } });
    assert.equal(subject, 'CN=Contoso');
    assert.match(await verify(out), /Subject: \/CN=Contoso/);
  });

  it('a driver that is signed already, a file that exists, and a thumbprint are refused', async () => {
    const out = join(folder, 'again.sys');
    await assert.rejects(signDriver({ file: join(folder, 'made.sys'), out }), { code: 'CMB_SIGNING_FAILED' });
    await assert.rejects(signDriver({ file: unsigned, out: unsigned }), /exists already/);
    await assert.rejects(signDriver({ file: unsigned, out, certificate: { thumbprint: '00' } }), {
      code: 'CMB_INVALID_ARGUMENT',
    });
    const missing = { certificate: join(folder, 'none.pem'), key: join(folder, 'none.key') };
    await assert.rejects(signDriver({ file: unsigned, out, certificate: missing }), { code: 'CMB_SIGNING_FAILED' });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('again')),
      [],
    );
  });

  it('a run that is killed while the key is in use leaves no file with a key', async () => {
    const tools = join(folder, 'tools');
    const temporary = join(folder, 'temporary');
    await run('mkdir', [tools, temporary]);
    // In the place of osslsigncode: tells that the key can be read, and stays.
    writeFileSync(
      join(tools, 'osslsigncode'),
      '#!/bin/sh\ngrep -c "PRIVATE KEY" /dev/fd/3 > "$TMPDIR/seen"\nexec sleep 60\n',
    );
    chmodSync(join(tools, 'osslsigncode'), 0o755);
    const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));
    const args = [main, 'sign', '--file', unsigned, '--out', join(temporary, 'x.sys')];
    const env = { ...process.env, PATH: `${tools}:${process.env['PATH'] ?? ''}`, TMPDIR: temporary };
    const child = spawn(process.execPath, args, { env, stdio: 'ignore', detached: true });
    const seen = () => readdirSync(temporary).includes('seen') && readFileSync(join(temporary, 'seen'), 'utf8') !== '';
    while (!seen()) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(readFileSync(join(temporary, 'seen'), 'utf8').trim(), '2');
    process.kill(-child.pid!, 'SIGKILL');
    await once(child, 'exit');
    const files = readdirSync(temporary, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { parentPath, name } of files) {
      assert.doesNotMatch(readFileSync(join(parentPath, name), 'latin1'), /PRIVATE KEY/, name);
    }
  });
});
