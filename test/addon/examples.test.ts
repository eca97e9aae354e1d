import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

interface ExampleResult {
  readonly lines: string[];
  readonly status: number | null;
}

/** Runs an example to its end. `answers` are given one by one, when what has been printed matches. */
async function runExample(
  name: string,
  programArguments: readonly string[] = [],
  answers: readonly (readonly [prompt: RegExp, answer: string])[] = [],
): Promise<ExampleResult> {
  const file = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  const example = spawn(process.execPath, [file, ...programArguments], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(example, 'exit') as Promise<[number | null]>;
  let text = '';
  const waiting = [...answers];
  example.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    const [next] = waiting;
    if (next?.[0].test(text) !== true) return;
    waiting.shift();
    example.stdin.write(next[1]);
  });
  const [status] = await ended;
  assert.deepEqual(waiting, [], text);
  return { lines: text.trim().split('\n'), status };
}

describe('examples in the simulator', () => {
  it('examples/protect-run-key.ts asks before what is started at logon changes, in the simulator', async () => {
    const { lines, status } = await runExample(
      'protect-run-key',
      ['3'],
      [
        [/SetValueKey "Updater" .*\? \[y\/N\] $/, 'y\n'],
        [/SetValueKey "Toolbar" .*\? \[y\/N\] $/, 'n\n'],
        // Nobody answers about the third, and then somebody does again.
        [/RenameKey .*\? \[y\/N\] $/, 'no\n'],
      ],
    );
    assert.equal(status, 0);
    const run = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run';
    const outcomes = lines
      .map((line) => line.split('[y/N] ').at(-1) ?? '')
      // A prompt that is given up.
      .filter((line) => line.trim() !== '')
      .map((line) => line.replace(/setup\.exe \(\d+\)/, 'setup.exe'));
    assert.deepEqual(outcomes, [
      'Ready, at altitude 385210.4773',
      `Allowed: setup.exe: SetValueKey "Updater" in ${run} = C:\\Users\\Public\\Updater.exe`,
      `Refused: setup.exe: SetValueKey "Toolbar" in ${run} = C:\\Users\\Public\\Toolbar.exe`,
      `Refused: setup.exe: SetValueKey "Miner" in ${run} = C:\\Users\\Public\\Miner.exe`,
      'Refused: setup.exe: RenameKey HKCU\\Software\\Microsoft\\Windows',
      'What will be started: Updater',
    ]);
  });

  it('examples/honeypot.ts has values that exist only in TypeScript, in the simulator', async () => {
    const { lines, status } = await runExample('honeypot');
    assert.equal(status, 0);
    const told = lines.filter((line) => line.startsWith('free-games.exe')).map((line) => line.split(', ').at(-1));
    assert.deepEqual(told, [
      'comes upon Account',
      'comes upon Password',
      'comes upon Keys',
      'comes upon Expires',
      'writes Password',
      'reads password',
    ]);
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('free-games.exe')),
      [
        'Ready, at altitude 385210.4774: HKLM\\SOFTWARE\\Contoso\\Vault',
        'The thief is told of 4 values:',
        '  Account = CONTOSO\\backup',
        '  Password = correct horse battery staple',
        '  Keys = 7d3c-11,7d3c-12',
        '  Expires = 30',
        'The password is: correct horse battery staple',
      ],
    );
  });

  it('examples/pretend-value.ts makes a program believe that values are other ones, in the simulator', async () => {
    const { lines, status } = await runExample('pretend-value');
    assert.equal(status, 0);
    assert.deepEqual(lines, [
      'Real: Edition Home, Seats missing, License 1111-2222',
      'Ready, at altitude 385210.4775',
      'Pretended: Edition Enterprise, Seats 1000, License missing',
      'notes.exe has read such values 3 times',
      'Real: Edition Home, Seats missing, License 1111-2222',
    ]);
  });
});
