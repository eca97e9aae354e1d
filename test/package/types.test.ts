// The declarations of the tarball that npm would publish, as the compiler of a program sees them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

describe('the declarations of the packed tarball', () => {
  let project = '';

  before(async () => {
    project = await mkdtemp(join(tmpdir(), 'cmbridge-consumer-'));
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      cwd: root,
    });
    const [packed] = JSON.parse(stdout) as [{ filename: string }];
    const installed = join(project, 'node_modules', 'cmbridge');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', join(project, packed.filename), '-C', installed, '--strip-components=1']);
    // What npm would install beside it, and the types of Node, which programs bring along.
    const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of [...Object.keys(dependencies), '@types', 'undici-types'])
      await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name));
    await cp(join(root, 'test/package/consumer/program.ts'), join(project, 'program.ts'));
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  });

  after(() => rm(project, { recursive: true, force: true }));

  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    it(`the packed declarations compile in a program with module resolution ${moduleResolution} that checks libraries`, async () => {
      const options = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', types: ['node'] };
      const config = { compilerOptions: { ...options, module, moduleResolution }, files: ['program.ts'] };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
      const compiler = join(root, 'node_modules/typescript/bin/tsc');
      const output = await run(process.execPath, [compiler, '-p', project]).then(
        () => '',
        (error: unknown) => (error as { stdout: string }).stdout,
      );
      assert.equal(output, '');
    });
  }
});
