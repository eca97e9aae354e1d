import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const built = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

async function assertFails(running: Promise<unknown>): Promise<{ stdout: string; stderr: string }> {
  let failure: unknown = null;
  await assert.rejects(running, (error) => {
    failure = error;
    return true;
  });
  return failure as { stdout: string; stderr: string };
}

describe('examples/rules.yaml in the simulator', () => {
  it('examples/watch-rules.ts prints what its rules let through, also after they have changed', async () => {
    const { stdout, stderr } = await run(process.execPath, [built('examples/watch-rules.js')]);
    assert.equal(stderr, '');
    const lines = stdout.trim().split('\n');
    // Events come when they come; the rules may be there before the last of the old ones has been printed.
    const change = 'Other rules are in force for what begins after event #2';
    assert.equal(lines.filter((line) => line === change).length, 1, stdout);
    assert.deepEqual(
      lines.filter((line) => line !== change),
      [
        '#1 RegNtPostSetValueKey HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run ContosoNotes (started at logon)',
        '#2 RegNtPreSetValueKey HKLM\\SYSTEM\\ControlSet001\\Services\\ContosoNotesSync ImagePath (program of a service)',
        '#3 RegNtPostCreateKeyEx HKCU\\Software\\Contoso (other rules)',
        '#4 RegNtPostSetValueKey HKCU\\Software\\Contoso From (other rules)',
        '4 notifications of interest, 0 lost',
      ],
    );
  });

  it('cmbridge watch blocks what its rules block, or as a dry run says so', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'rules-'));
    const file = path.join(folder, 'policy.yaml');
    const rule = "{ operations: SetValueKey, keys: 'HKLM\\**\\Services\\**', valueNames: ImagePath, action: block }";
    await writeFile(file, `version: 1\nrules: [${rule}]\n`);
    const watch = [built('lib/cli/main.js'), 'watch', '--simulate', 'examples/sample.reg', '--rules', file, '--json'];
    const decisionOf = (stdout: string) => {
      const [event, ...more] = stdout.trim().split('\n');
      assert.deepEqual(more, []);
      const { class: name, decision, statusName } = JSON.parse(event ?? '') as Record<string, unknown>;
      const { kind, decidedBy, dryRun } = decision as Record<string, unknown>;
      return { name, statusName, kind, decidedBy, dryRun };
    };
    try {
      const common = { name: 'RegNtPostSetValueKey', kind: 'block', decidedBy: 'rule' };
      const dry = await run(process.execPath, [...watch, '--dry-run']);
      assert.deepEqual(decisionOf(dry.stdout), { ...common, statusName: 'STATUS_SUCCESS', dryRun: true });
      // The import fails at the value.
      const real = await assertFails(run(process.execPath, watch));
      assert.deepEqual(decisionOf(real.stdout), { ...common, statusName: 'STATUS_ACCESS_DENIED', dryRun: false });
      assert.match(real.stderr, /STATUS_ACCESS_DENIED/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('cmbridge watch prints what examples/rules.yaml lets through, and rules explain agrees', async () => {
    const watch = [built('lib/cli/main.js'), 'watch', '--simulate', 'examples/sample.reg'];
    const filtered = await run(process.execPath, [...watch, '--rules', 'examples/rules.yaml', '--json']);
    const events = filtered.stdout.trim().split('\n');
    assert.deepEqual(
      events.map((line) => (JSON.parse(line) as { valueName: string }).valueName),
      ['ContosoNotes', 'ImagePath'],
    );
    assert.match(filtered.stderr, /2 events shown; 2 notifications/);
    const all = await run(process.execPath, [...watch, '--json']);
    const explain = run(process.execPath, [
      built('lib/cli/main.js'),
      'rules',
      'explain',
      'examples/rules.yaml',
      '--json',
      '--event',
      '-',
    ]);
    explain.child.stdin?.end(all.stdout);
    const explained = (await explain).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; rule: number | null });
    assert.ok(explained.length > 20);
    // What explains without a driver agrees with what the driver has decided.
    assert.deepEqual(
      explained.filter(({ action }) => action === 'notify').map(({ rule }) => rule),
      [1, 2],
    );
  });

  it('cmbridge watch leaves out what exceeds its rate limit, and says so', async () => {
    const watch = [built('lib/cli/main.js'), 'watch', '--simulate', 'examples/sample.reg', '--rate-limit', '1'];
    const { stdout, stderr } = await run(process.execPath, watch);
    assert.match(stdout, /events were lost \(rate-limit\)/);
    assert.match(stderr, / LOST\.\n$/);
  });
});
