// Crash dumps of this machine that name the driver.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { win32 } from 'node:path';
import type { ServiceContext } from '../context.js';
import { imageFile, fileName } from '../installation.js';
import { registryText } from '../record.js';
import { readCrashDump } from './crash-dump.js';
import { finding, type Finding } from './finding.js';

const crashControl = 'SYSTEM\\CurrentControlSet\\Control\\CrashControl';
/** Small dumps have less; others are not read as a whole. */
const largest = 32 * 1024 * 1024;
const newest = 20;

export function crashDumps(context: ServiceContext): Finding {
  const configured = registryText(context.windows, crashControl, 'MinidumpDir') ?? '%SystemRoot%\\Minidump';
  const folder = imageFile(configured.replace(/\\$/, ''), context.systemRoot);
  const named = dumpsIn(folder).flatMap((path) => {
    const dump = readCrashDump(readFileSync(path), fileName);
    return dump !== null && (dump.blamed === fileName || dump.isInside) ? [{ path, ...dump }] : [];
  });
  if (named.length === 0) return finding('crash-dumps', 'ok', `No small dump in ${folder} names cmbridge.sys.`);
  const lines = named.map(({ path, bugCheck }) => `${path}: bug check 0x${bugCheck.toString(16).toUpperCase()}`);
  return finding(
    'crash-dumps',
    'warning',
    `Windows stopped, and the dump names cmbridge.sys: ${lines.join('; ')}.`,
    `Send these files with the output of: npx cmbridge doctor --json. A dump holds parts of the memory of the kernel`,
    {
      dumps: named.map(({ parameters, ...rest }) => ({
        ...rest,
        parameters: parameters.map((value) => `0x${value.toString(16)}`),
      })),
    },
  );
}

function dumpsIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const dumps = names
    .filter((name) => name.toLowerCase().endsWith('.dmp'))
    .map((name) => win32.join(folder, name))
    .map((path) => ({ path, facts: statSync(path) }))
    .filter(({ facts }) => facts.isFile() && facts.size <= largest);
  return dumps
    .sort((a, b) => b.facts.mtimeMs - a.facts.mtimeMs)
    .slice(0, newest)
    .map(({ path }) => path);
}
