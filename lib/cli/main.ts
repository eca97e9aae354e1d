#!/usr/bin/env node
// The command `cmbridge`: its subcommands, their options and its exit status.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CmBridgeError } from '../base/errors.js';
import { packageInfo } from '../native/native-loader.js';
import { openDriver } from '../driver/open-driver.js';
import { addDoctorCommand } from './doctor-command.js';
import { addDriverCommand, addSignCommand } from './driver-command.js';
import { interruptible, type Interruption } from './interruption.js';
import { StreamOutput } from './output.js';
import { formatProblem } from './rules-check.js';
import { addRulesCommand } from './rules-command.js';
import type { ExplainEnvironment } from './rules-explain.js';
import { wantsColor } from './style.js';
import { addTryCommand } from './try-command.js';
import { RulesError } from '../rules/problem.js';
import { watch, type WatchOptions } from './watch.js';

const examples = `
Examples:
  On Windows, from an elevated command prompt of a machine for tests (docs/windows.md):
    $ cmbridge try                 installs the driver, watches, and takes it away again
    $ cmbridge doctor              what stands between this machine and the first event
    $ cmbridge driver install

  With the driver installed:
    $ cmbridge watch
    $ cmbridge watch --class SetValueKey --phase post --old-values
    $ cmbridge watch --rules rules.yaml
    $ cmbridge watch --json > events.ndjson

  Anywhere, without Windows and without a driver: what would this file cause?
    $ cmbridge watch --simulate installer.reg
    $ cmbridge watch --simulate installer.reg --json | jq -r '.key // empty' | sort -u

Each line has the time, the process id, the phase (pre: before the registry acts; post: after it, with the status), the
operation, the key, and the value. [kernel], [as SID] and [transaction] mark calls of the kernel, of a thread that impersonates,
and inside a transaction. When the driver had to drop events, a line says how many and which.
--rules takes a YAML or JSON file whose first matching rule decides, in the driver, what becomes an event.
--class takes a notification class (RegNtPreSetValueKey) or an operation (SetValueKey), several times if you like.
--json writes one object per line: 64-bit numbers are strings, bytes are base64; cmbridge/event.schema.json describes it.
Ctrl-C unregisters, prints what is still on its way, and then the counts.`;

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError('It must be a whole number, at least 1.');
  return count;
}

function createProgram(): Command {
  const program = new Command('cmbridge')
    .description('Watches the Windows registry through a registry callback in the kernel.')
    .version(packageInfo().version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `${examples}\n\nAll options of a command: cmbridge watch --help, cmbridge rules check --help`)
    .exitOverride();
  program
    .command('watch')
    .description('Print registry events as they happen.')
    .option('--altitude <altitude>', 'decimal number that orders registry callbacks (default: a free one near 385210)')
    .option('--class <name...>', 'only these notification classes or operations')
    .addOption(new Option('--phase <phase>', 'only this phase').choices(['pre', 'post']))
    .option('--rules <file>', 'only what the rules of this file notify of; cmbridge rules --help tells more')
    .option('--dry-run', 'rules that block or bypass tell what they would do, and do nothing')
    .option('--rate-limit <n>', 'at most so many events per second; the rest is counted', parseCount)
    .option('--coalesce-reads', 'print identical reads that wait together once, with their number')
    .option('--json', 'print NDJSON')
    .option('--simulate <file>', 'import a .reg file in the simulator and watch that')
    .option('--old-values', 'read what was there before a value is set or deleted, and show that')
    .option('--process-name', 'print the name of the process, too')
    .option('--duration', 'print how long each operation took')
    .option('--no-color', 'print without colour, as the variable NO_COLOR does')
    .option('--count <n>', 'end after so many events', parseCount)
    .addHelpText('after', examples)
    .exitOverride()
    .action(async (options: WatchOptions) => {
      using interruption = interruptible(['SIGINT', 'SIGTERM'], () => process.exit(130));
      await runWatch(options, interruption);
    });
  addRulesCommand(program, runRules);
  addDriverCommand(program, finish);
  addSignCommand(program);
  addDoctorCommand(program, finish);
  addTryCommand(program, parseCount, (count, interruption) => runWatch({ count, color: true }, interruption));
  return program;
}

async function runWatch(options: WatchOptions, { signal }: Interruption): Promise<void> {
  process.stderr.on('error', () => undefined);
  const output = new StreamOutput(process.stdout);
  await watch(options, {
    open: openDriver,
    output,
    note: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
    platform: process.platform,
    signal,
  });
  if (output.failure !== null) {
    console.error(`cmbridge: cannot write the output: ${output.failure.message}`);
    process.exitCode = 1;
  }
}

function finish(exitCode: number): void {
  process.exitCode = exitCode;
}

async function runRules(command: (environment: ExplainEnvironment) => Promise<number>): Promise<void> {
  const output = new StreamOutput(process.stdout);
  process.exitCode = await command({ output, env: process.env, stdin: process.stdin });
  if (output.failure === null) return;
  console.error(`cmbridge: cannot write the output: ${output.failure.message}`);
  process.exitCode = 1;
}

/** 0 success, 1 failure, 2 wrong usage. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof RulesError) {
    const color = wantsColor(process.stderr, !process.argv.includes('--no-color'), process.env);
    for (const problem of error.problems) console.error(formatProblem(problem, error.fileName ?? 'rules', color));
    return 1;
  }
  console.error(`cmbridge: ${error instanceof CmBridgeError ? error.message : describe(error)}`);
  const isUsage =
    error instanceof CmBridgeError && ['CMB_INVALID_ARGUMENT', 'CMB_INVALID_ALTITUDE'].includes(error.code);
  return isUsage ? 2 : 1;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
}
