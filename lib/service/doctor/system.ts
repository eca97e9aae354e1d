// The Windows that runs, its processor, and who asks.

import { existsSync } from 'node:fs';
import { machineName, packageDriver } from '../machine.js';
import { registryNumber, registryText } from '../record.js';
import type { ServiceContext } from '../context.js';
import { finding, type Finding } from './finding.js';

const currentVersion = 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion';
/** Windows 10 1809: the oldest whose kernel exports all that the driver imports. */
const oldestBuild = 17763;
/** Of Windows 11. */
const windows11Build = 22000;

export function windowsVersion({ windows }: ServiceContext): Finding {
  const build = Number(registryText(windows, currentVersion, 'CurrentBuildNumber') ?? Number.NaN);
  const revision = registryNumber(windows, currentVersion, 'UBR');
  const release =
    registryText(windows, currentVersion, 'DisplayVersion') ?? registryText(windows, currentVersion, 'ReleaseId');
  // Windows 11 still calls itself Windows 10 there.
  const product = (registryText(windows, currentVersion, 'ProductName') ?? 'Windows').replace(
    'Windows 10',
    build >= windows11Build ? 'Windows 11' : 'Windows 10',
  );
  const text = [product, release, `build ${build}${revision === null ? '' : `.${revision}`}`].filter(Boolean).join(' ');
  if (build >= oldestBuild) return finding('windows', 'ok', text, null, { build, revision });
  return finding(
    'windows',
    'problem',
    `${text}: the driver needs Windows 10 1809 (build ${oldestBuild}) or newer`,
    'Update Windows',
    {
      build,
    },
  );
}

export function architecture(context: ServiceContext): Finding {
  const machine = context.windows.nativeMachine();
  const name = machineName(machine);
  const details = { machine: name, node: process.arch };
  const emulated =
    name === process.arch ? '' : ` Node.js is for ${process.arch} and emulated; the driver must be for ${name}.`;
  if (!existsSync(packageDriver(context.packageRoot, machine))) {
    return finding(
      'architecture',
      'problem',
      `The machine is ${name}, and this package carries no driver for it.${emulated}`,
      'Install a package that has it, or build the driver with driver/cmbridge.vcxproj',
      details,
    );
  }
  return finding('architecture', 'ok', `The machine is ${name}.${emulated}`, null, details);
}

export function administrator({ windows }: ServiceContext): Finding {
  if (windows.isElevated()) return finding('administrator', 'ok', 'This terminal has the rights of an administrator.');
  return finding(
    'administrator',
    'warning',
    'This terminal has no rights of an administrator: the driver can neither be installed nor opened from here.',
    'Open the terminal with "Run as administrator"',
  );
}
