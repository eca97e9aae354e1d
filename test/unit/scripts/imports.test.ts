import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'cmb-imports-'));
let count = 0;

/** What `npm run lint:imports` says of a lib/ with these files. */
function check(files: Readonly<Record<string, string>>): { readonly status: number | null; readonly text: string } {
  const cwd = path.join(folder, String(count++));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(cwd, 'lib', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const tool = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = path.join(root, 'scripts/imports.config.mjs');
  const args = [tool, '--config', config, '--output-type', 'err-long', 'lib'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}`.replaceAll(/\s+/g, ' ') };
}

const lists = { 'rooms.txt': 'session\n', 'session/rooms.txt': '# Above.\nbase\n', 'base/rooms.txt': '# Below.\n' };
const base = {
  ...lists,
  'base/errors.ts': 'export const error = 1;\n',
  'session/list.ts': "export { error } from '../base/errors.js';\nexport type List = string[];\n",
  'index.ts': "export type { List } from './session/list.js';\n",
};

after(() => {
  rmSync(folder, { recursive: true });
});

describe('the check of imports', () => {
  it('an import of a room that the list names is right', () => {
    const { status, text } = check({ ...base, 'session/session.ts': "export { error } from '../base/errors.js';\n" });
    assert.equal(status, 0, text);
  });

  it('an import of any other room is refused with a sentence, even if it is of types only', () => {
    const { status, text } = check({ ...base, 'base/up.ts': "export type { List } from '../session/list.js';\n" });
    assert.notEqual(status, 0);
    assert.match(text, /lib\/base\/up\.ts → lib\/session\/list\.ts/);
    assert.match(text, /lib\/base\/ may import no other room, as lib\/base\/rooms\.txt says\./);
  });

  it('an import past the doors that the list names is refused with a sentence', () => {
    const house = (imported: string) => ({
      ...base,
      'base/rooms.txt': 'door errors.ts\n',
      'base/inner.ts': 'export const inner = 1;\n',
      'base/errors.ts': "export { inner } from './inner.js';\n",
      'session/session.ts': `export { inner } from '../base/${imported}.js';\n`,
    });
    assert.equal(check(house('errors')).status, 0);
    const { status, text } = check(house('inner'));
    assert.notEqual(status, 0);
    assert.match(text, /Of lib\/base\/ other rooms may import errors\.ts only, as lib\/base\/rooms\.txt says\./);
  });

  it('a circle of files is refused at run time, and not one of types', () => {
    const circle = (type: string) => ({
      ...base,
      'session/a.ts': "import { b } from './b.js';\nexport type A = number;\nexport const a = b;\n",
      'session/b.ts': `import ${type}{ ${type === '' ? 'a' : 'A'} } from './a.js';\nexport const b = 1 as unknown${type === '' ? ' ?? a' : ' as A'};\n`,
    });
    assert.equal(check(circle('type ')).status, 0);
    const { status, text } = check(circle(''));
    assert.notEqual(status, 0);
    assert.match(text, /Files must not import each other at run time/);
  });

  it('the core is refused what only some programs need, whatever its list says', () => {
    const { status, text } = check({
      ...base,
      'session/rooms.txt': 'base\nsigma\n',
      'sigma/rooms.txt': '',
      'sigma/sigma.ts': 'export const sigma = 1;\n',
      'session/session.ts': "export { sigma } from '../sigma/sigma.js';\n",
    });
    assert.notEqual(status, 0);
    assert.match(text, /The core must not import sigma\//);
  });

  it('a folder without a list, and lists that go in a circle, are refused', () => {
    assert.match(check({ ...base, 'new/file.ts': 'export {};\n' }).text, /lib\/new\/ has no rooms\.txt/);
    const circle = check({ ...base, 'base/rooms.txt': 'session\n' });
    assert.match(circle.text, /Rooms that import each other: /);
  });

  it('a list that names a room which no file there imports is refused', () => {
    const { status, text } = check({ ...base, 'session/list.ts': 'export type List = string[];\n' });
    assert.notEqual(status, 0);
    assert.match(text, /lib\/session\/rooms\.txt names base, which nothing in it imports\./);
  });
});
