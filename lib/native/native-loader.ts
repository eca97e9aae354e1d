// Finds the native addon of this platform and loads it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CmBridgeError } from '../base/errors.js';
import type { NativeAddon } from './native.js';

interface PackageInfo {
  readonly root: string;
  readonly version: string;
}

/** The directory of this package, whether this file runs from `dist/lib` or from a bundle below it. */
export function packageInfo(): PackageInfo {
  for (let root = dirname(fileURLToPath(import.meta.url)); ; root = dirname(root)) {
    const manifest = join(root, 'package.json');
    if (existsSync(manifest)) {
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
      return { root, version };
    }
    if (dirname(root) === root)
      throw new CmBridgeError('CMB_NATIVE_MISSING', 'The package.json of cmbridge is missing');
  }
}

/** A build made on this machine comes before the binary that was shipped. */
export function addonCandidates(root: string): string[] {
  const platform = `${process.platform}-${process.arch}`;
  return [join(root, 'build', 'Release', 'cmbridge.node'), join(root, 'prebuilds', platform, 'cmbridge.node')];
}

export function loadNative(info: PackageInfo = packageInfo()): NativeAddon {
  const require = createRequire(import.meta.url);
  const attempts: string[] = [];
  let cause: unknown;
  for (const path of addonCandidates(info.root)) {
    if (!existsSync(path)) {
      attempts.push(`${path}: does not exist`);
      continue;
    }
    try {
      const addon = require(path) as NativeAddon;
      if (addon.version === info.version) return addon;
      attempts.push(`${path}: was built for version ${addon.version}, this is ${info.version}`);
    } catch (error) {
      cause ??= error;
      attempts.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new CmBridgeError('CMB_NATIVE_MISSING', `${describe(attempts)}\n${advice(info.root)}`, { cause });
}

function describe(attempts: readonly string[]): string {
  const where = `${process.platform}-${process.arch}, Node.js ${process.version}`;
  return [
    `The native part of cmbridge could not be loaded (${where}). Tried:`,
    ...attempts.map((line) => `  ${line}`),
  ].join('\n');
}

function advice(root: string): string {
  if (existsSync(join(root, 'binding.gyp')))
    return 'Build it with: npm run build:native (needs a C++20 compiler and Python)';
  const prebuilds = join(root, 'prebuilds');
  const shipped = existsSync(prebuilds) ? readdirSync(prebuilds).join(', ') : 'no platform at all';
  if (process.platform === 'win32' && process.arch === 'arm64' && shipped.includes('win32-x64'))
    return 'Use Node.js for x64, which runs on ARM64 machines, too. The driver is the one for ARM64 all the same.';
  return `This package carries binaries for ${shipped}. If yours is among them, install cmbridge again; otherwise build it from its repository.`;
}
