// The same sources make the same files, so that anybody can see what the files that npm delivers were made of.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { root } from './pe-files.js';

const run = promisify(execFile);
const files = [
  'win32-x64/cmbridge.sys',
  'win32-x64/cmbridge.pdb',
  'win32-x64/cmbridge.node',
  'linux-x64/cmbridge.node',
];

const hash = async (folder: string, name: string) =>
  createHash('sha256')
    .update(await readFile(join(folder, 'prebuilds', name)))
    .digest('hex');

describe('a second build in another folder', () => {
  let copy = '';

  before(
    async () => {
      copy = await mkdtemp(join(tmpdir(), 'cmbridge-second-build-'));
      for (const name of ['CMakeLists.txt', 'package.json', 'driver', 'native', 'scripts', 'test/wine'])
        await cp(join(root, name), join(copy, name), { recursive: true });
      await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
      await run('npm', ['run', '--silent', 'build:windows'], { cwd: copy, maxBuffer: 1 << 26 });
    },
    { timeout: 1_800_000 },
  );

  after(() => rm(copy, { recursive: true, force: true }));

  for (const name of files) {
    it(`the second build of ${name} is the first one byte for byte`, async () => {
      assert.equal(await hash(copy, name), await hash(root, name));
    });
  }
});
