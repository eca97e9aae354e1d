// `cmbridge try`: the driver for as long as one looks on.

import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { stopSignals, undisturbed } from './driver-command.js';
import { interruptible, type Interruption } from './interruption.js';
import { installDriver, type InstallDriverOptions } from '../service/service.js';

export interface TryOptions {
  readonly yes?: boolean | undefined;
  readonly count?: number | undefined;
  readonly file?: string | undefined;
}

const question = `This signs the driver of this package with a certificate made for it, installs and starts it, shows registry events until you
press Ctrl-C, and takes all of it away again. The machine must be one for tests, with test signing on: bcdedit /set testsigning on.
Go on? [y/N] `;

export interface TryEnvironment {
  readonly platform: NodeJS.Platform;
  readonly install: typeof installDriver;
  readonly ask: (text: string) => Promise<string>;
  readonly note: (line: string) => void;
  /** Watches until it is interrupted or the count is reached. */
  readonly watch: (count: number | undefined, interruption: Interruption) => Promise<void>;
}

/** Installs, watches, and puts back what was there before. */
export async function tryDriver({ yes, count, file }: TryOptions, environment: TryEnvironment): Promise<void> {
  if (environment.platform !== 'win32') {
    throw invalidArgument(
      `There is no Windows registry on ${environment.platform}. Try: cmbridge watch --simulate FILE.reg`,
    );
  }
  if (yes !== true && !/^y(es)?$/i.test((await environment.ask(question)).trim())) {
    throw new CmBridgeError('CMB_ABORTED', 'Nothing was done');
  }
  const options: InstallDriverOptions = { file, onStep: environment.note };
  // The driver never stays because somebody is in a hurry. A window that is closed leaves some seconds for this, too.
  using interruption = interruptible(stopSignals, () => {
    environment.note('The driver is being taken away first.');
  });
  await using installed = await environment.install(options);
  if (!interruption.signal.aborted) await environment.watch(count, interruption);
  await installed.remove();
  if (installed.isNew) environment.note('The driver is uninstalled again.');
  else if (installed.isStarted) environment.note('The driver is stopped again; it was installed before.');
}

export async function askOnTerminal(text: string): Promise<string> {
  if (!process.stdin.isTTY) throw invalidArgument('There is nobody to ask; --yes says yes');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C closes it, which is an answer, too.
    return await Promise.race([lines.question(text), once(lines, 'close').then(() => '')]);
  } finally {
    lines.close();
  }
}

export function addTryCommand(
  program: Command,
  parseCount: (text: string) => number,
  watch: TryEnvironment['watch'],
): void {
  program
    .command('try')
    .description('Install the driver on a test machine, watch, and take it away again, after one question.')
    .option('--yes', 'answer the question with yes')
    .option('--count <n>', 'end after so many events', parseCount)
    .option('--file <path>', 'with this driver file, which was signed elsewhere perhaps')
    .exitOverride()
    .action((options: TryOptions) =>
      undisturbed(() =>
        tryDriver(options, {
          platform: process.platform,
          install: installDriver,
          ask: askOnTerminal,
          note: (line) => process.stderr.write(`${line}\n`),
          watch,
        }),
      ),
    );
}
