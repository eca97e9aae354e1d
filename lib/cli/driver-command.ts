// `cmbridge driver ...` and `cmbridge sign`: the driver as a service of this machine.

import { InvalidArgumentError, Option, type Command } from 'commander';
import { invalidArgument } from '../base/errors.js';
import {
  driverStatus,
  installDriver,
  signDriver,
  startDriver,
  stopDriver,
  uninstallDriver,
  type DriverStatus,
  type InstallDriverOptions,
} from '../service/service.js';

const examples = `
From an elevated command prompt of a test machine (docs/windows.md tells the whole way):
    $ cmbridge driver install                 sign it for this machine, install it, start it
    $ cmbridge driver install --start auto    the same, and let Windows start it from now on
    $ cmbridge driver status
    $ cmbridge driver install --upgrade       put the driver of this package in the place of another version
    $ cmbridge driver uninstall

A step that fails takes back what was done before it. Each command may be given again: what is done already is not done twice.
Exit status of status: 0 running, 3 installed and not running, 4 not installed.`;

interface ForceOption {
  readonly force?: boolean | undefined;
}

const say = (line: string) => {
  console.log(line);
};

/** What a terminal sends to programs that are to end: Ctrl-C, kill, a window that is closed, Ctrl-Break. */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;

/** Runs to its end, or takes back what it did, whatever is pressed meanwhile. */
export async function undisturbed<T>(action: () => Promise<T>): Promise<T> {
  const ignore = () => undefined;
  for (const signal of stopSignals) process.on(signal, ignore);
  try {
    return await action();
  } finally {
    for (const signal of stopSignals) process.off(signal, ignore);
  }
}

/** `finish` sets the exit status. */
export function addDriverCommand(program: Command, finish: (exitCode: number) => void): void {
  const driver = program
    .command('driver')
    .description('Install, start, stop, look at and uninstall the driver, on Windows.')
    .addHelpText('after', examples)
    .exitOverride();
  driver
    .command('install')
    .description('Sign the driver for this machine unless it is signed, install it as a service, and start it.')
    .addOption(new Option('--start <when>', 'when it starts (default: demand)').choices(['demand', 'auto', 'system']))
    .option('--upgrade', 'replace an installed driver of another version, also while it runs')
    .option('--stopped', 'do not start it now')
    .option('--file <path>', 'install this driver file, which was signed elsewhere perhaps')
    .option('--folder <path>', 'put the driver there (default: System32\\drivers)')
    .exitOverride()
    .action(async (options: InstallDriverOptions) => {
      let steps = 0;
      const onStep = (line: string) => {
        steps++;
        say(line);
      };
      await undisturbed(() => installDriver({ ...options, onStep }));
      if (steps === 0) say('The driver is installed already; nothing was changed.');
      else say('Next: npx cmbridge watch');
    });
  driver
    .command('start')
    .description('Start the installed driver.')
    .exitOverride()
    .action(async () => {
      if (!(await undisturbed(() => startDriver({ onStep: say })))) say('The driver runs already.');
    });
  driver
    .command('stop')
    .description('Stop the driver. Refused while a program has it open.')
    .option('--force', 'also when registrations persist, which end with it')
    .exitOverride()
    .action(async ({ force }: ForceOption) => {
      if (!(await undisturbed(() => stopDriver({ force, onStep: say })))) say('The driver does not run.');
    });
  driver
    .command('status')
    .description('Tell what is installed, and whether it runs. Needs no administrator.')
    .option('--json', 'print JSON')
    .exitOverride()
    .action(async ({ json }: { readonly json?: boolean }) => {
      const status = await driverStatus();
      say(json === true ? JSON.stringify(status) : describeStatus(status));
      finish(status.state === 'running' ? 0 : status.state === 'not-installed' ? 4 : 3);
    });
  driver
    .command('uninstall')
    .description('Stop the driver, and delete the service, the file, and trust in its certificate.')
    .option('--force', 'also when registrations persist, which end with it')
    .exitOverride()
    .action(async ({ force }: ForceOption) => {
      if (!(await undisturbed(() => uninstallDriver({ force, onStep: say })))) say('The driver is not installed.');
    });
}

export function describeStatus(status: DriverStatus): string {
  const { state, start, file, fileVersion, packageVersion, driver, sessions, registrations } = status;
  if (state === 'not-installed') return 'The driver is not installed: npx cmbridge driver install';
  const versions: Readonly<Record<string, string>> = {
    same: `the one of this package (${packageVersion})`,
    older: `version ${fileVersion ?? '?'}, older than this package (${packageVersion}): npx cmbridge driver install --upgrade`,
    newer: `version ${fileVersion ?? '?'}, newer than this package (${packageVersion}): update the package, or npx cmbridge driver install --upgrade`,
    different: `another one than that of this package (${packageVersion}): npx cmbridge driver install --upgrade`,
    missing: 'missing: npx cmbridge driver install --upgrade',
    altered: 'not the one that was installed: npx cmbridge driver install --upgrade',
    foreign: "somebody else's, of the same name",
  };
  const lines = [
    `State:    ${state}`,
    `Starts:   ${start ?? '?'}`,
    `File:     ${file ?? '?'}`,
    `Driver:   ${versions[driver ?? ''] ?? '?'}`,
  ];
  if (sessions !== null) lines.push(`Programs: ${sessions}, with ${registrations ?? 0} registrations`);
  return lines.join('\n');
}

interface SignFlags {
  readonly out?: string;
  readonly file?: string;
  readonly machine?: 'x64' | 'arm64';
  readonly certificate?: string;
  readonly key?: string;
  readonly thumbprint?: string;
}

const signExamples = `
    $ cmbridge sign                                     a certificate is made, and its key destroyed after this one signature
    $ cmbridge sign --certificate cert.pem --key key.pem        on Linux
    $ cmbridge sign --thumbprint 0123...                        on Windows: a certificate of a store, whose key may be in hardware

"cmbridge driver install" signs by itself. This is for drivers that go to another machine: cmbridge driver install --file.
What a test signature is good for, and what production needs: docs/windows.md.`;

function parseThumbprint(text: string): string {
  const plain = text.replaceAll(/[\s:]/g, '').toUpperCase();
  if (!/^[0-9A-F]{40}$/.test(plain)) throw new InvalidArgumentError('It has 40 hexadecimal digits.');
  return plain;
}

export function addSignCommand(program: Command): void {
  program
    .command('sign')
    .description('Sign a copy of the driver for test machines.')
    .option('--out <path>', 'where the signed driver goes (default: cmbridge.sys)')
    .option('--file <path>', 'sign this driver instead of the one of the package')
    .addOption(new Option('--machine <machine>', 'the driver for which machine').choices(['x64', 'arm64']))
    .option('--certificate <file>', 'a certificate, PEM')
    .option('--key <file>', 'its private key, PEM')
    .option('--thumbprint <hex>', 'a certificate in a store of Windows', parseThumbprint)
    .addHelpText('after', signExamples)
    .exitOverride()
    .action(async ({ certificate, key, thumbprint, ...options }: SignFlags) => {
      if ((certificate === undefined) !== (key === undefined)) {
        throw invalidArgument('--certificate and --key go together');
      }
      const named = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
      const signed = await signDriver({
        ...options,
        certificate: named ?? (thumbprint === undefined ? undefined : { thumbprint }),
      });
      say(`${signed.file} is signed by ${signed.subject} (${signed.thumbprint}).`);
      if (named === undefined && thumbprint === undefined) say('The private key is destroyed.');
    });
}
