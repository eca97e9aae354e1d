// Which driver of the package this machine needs: the processor decides, not what Node.js was compiled for.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { readImage, type DriverImage } from './pe-image.js';

/** IMAGE_FILE_MACHINE_*, as Node.js names processors. */
export const machineNames = new Map<number, string>([
  [0x8664, 'x64'],
  [0xaa64, 'arm64'],
  [0x014c, 'ia32'],
]);

export function machineName(machine: number): string {
  return machineNames.get(machine) ?? `0x${machine.toString(16)}`;
}

/** Where the package carries the driver for a machine. */
export function packageDriver(root: string, machine: number): string {
  return join(root, 'prebuilds', `win32-${machineName(machine)}`, 'cmbridge.sys');
}

export interface DriverFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly image: DriverImage;
}

/** Reads a driver file once, and says what is wrong with it. */
export function readDriver(path: string, machine: number): DriverFile {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CmBridgeError('CMB_DRIVER_FILE', `The driver file cannot be read: ${why}`, { cause });
  }
  const image = readImage(bytes, path);
  if (!image.isNative) throw new CmBridgeError('CMB_DRIVER_FILE', `${path} is no driver: its subsystem is not native`);
  if (image.machine !== machine) {
    throw new CmBridgeError(
      'CMB_DRIVER_FILE',
      `${path} is for ${machineName(image.machine)}, and this machine is ${machineName(machine)}`,
    );
  }
  return { path, bytes, image };
}

/** Of the package, for a machine. */
export function readPackageDriver(root: string, machine: number): DriverFile {
  const path = packageDriver(root, machine);
  if (existsSync(path)) return readDriver(path, machine);
  const name = machineName(machine);
  throw new CmBridgeError(
    'CMB_DRIVER_FILE',
    `This package carries no driver for ${name}: ${path} does not exist. One that was built for ${name} with the WDK is taken by --file`,
  );
}

export type VersionComparison = 'same' | 'older' | 'newer' | 'different';

/** What one driver is to another one; `different`: their versions do not tell. */
export function compareDrivers(installed: DriverImage, other: DriverImage): VersionComparison {
  if (installed.hash === other.hash) return 'same';
  const [mine, theirs] = [parts(installed.version), parts(other.version)];
  for (let index = 0; index < 4; index++) {
    const difference = (mine[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0 && installed.version !== null && other.version !== null) {
      return difference < 0 ? 'older' : 'newer';
    }
  }
  return 'different';
}

function parts(version: string | null): number[] {
  return (version ?? '').split('.').map(Number);
}
