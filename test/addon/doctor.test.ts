import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { examine } from '../../lib/service/service.js';

const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

describe('cmbridge doctor where there is no Windows', () => {
  it('the doctor looks at the C library, the addon and the driver in the simulator', async () => {
    const { platform, findings, level } = await examine();
    assert.equal(platform, process.platform);
    assert.deepEqual(
      findings.map(({ check }) => check),
      ['c-library', 'addon', 'simulator'],
    );
    assert.equal(level, 'ok', JSON.stringify(findings));
  });

  it('the command prints the same as JSON, and ends with 0 when there is no problem', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, 'doctor', '--json']);
    assert.equal((JSON.parse(stdout) as { level: string }).level, 'ok');
  });

  it('commands for the driver of Windows say so elsewhere', async () => {
    for (const command of [
      ['driver', 'status'],
      ['driver', 'install'],
      ['try', '--yes'],
    ]) {
      const failed = await promisify(execFile)(process.execPath, [main, ...command]).then(
        () => null,
        (error: unknown) => error as { code: number; stderr: string },
      );
      assert.match(failed?.stderr ?? '', /cmbridge watch --simulate FILE\.reg/, command.join(' '));
    }
  });
});
