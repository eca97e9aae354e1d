// The package as a user gets it: packed, and installed into an empty project with scripts disabled and no compiler in reach.

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

const find = (name) => execFileSync('which', [name], { encoding: 'utf8' }).trim();

/** `{ project, folder, size, files }`: where it lies, bytes of the tarball, names in it. */
export function installPackage(project) {
  const tools = join(project, 'tools');
  mkdirSync(tools, { recursive: true });
  symlinkSync(process.execPath, join(tools, 'node'));
  for (const name of ['sh', 'npm']) symlinkSync(find(name), join(tools, name));
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ filename, size, files }] = JSON.parse(packed);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync(join(tools, 'npm'), ['install', ...options, join(project, filename)], {
    cwd: project,
    env: environment(tools),
  });
  return { project, folder: join(project, 'node_modules', 'cmbridge'), size, files: files.map(({ path }) => path) };
}

const environment = (tools) => ({ PATH: tools, HOME: process.env.HOME ?? '/', TMPDIR: process.env.TMPDIR ?? '/tmp' });
