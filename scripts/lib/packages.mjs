// The Debian packages that the full test command needs, and how they get there.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LISTS = JSON.parse(readFileSync(new URL('../packages.json', import.meta.url), 'utf8'));

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

function isSame(pattern, name) {
  const [start, end] = pattern.split('*');
  return end === undefined ? name === pattern : name.startsWith(start) && name.endsWith(end);
}

// `a|b` is a, unless b is installed; one * in b stands for anything.
function missing(names) {
  const choices = names.map((name) => name.split('|'));
  const result = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Abbrev}\n', ...choices.flat()], {
    encoding: 'utf8',
  });
  const installed = (result.stdout ?? '')
    .split('\n')
    .filter((line) => line.endsWith(' ii ') || line.endsWith(' ii'))
    .map((line) => line.split(' ')[0]);
  return choices
    .filter((choice) => !choice.some((pattern) => installed.some((name) => isSame(pattern, name))))
    .map(([first]) => first);
}

function apt(args) {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [command, ...rest] = [
    ...sudo,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-o',
    'Dpkg::Use-Pty=0',
    ...args,
  ];
  return spawnSync(command, rest, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

/** Installs what is lacking where that is allowed; otherwise says exactly what to install and resolves to false. */
export function ensurePackages(groups) {
  const names = [...new Set(groups.flatMap((group) => LISTS[group]))];
  if (names.length === 0) return true;
  if (!has('dpkg-query') || !has('apt-get')) {
    console.error(
      `The tests need these Debian or Ubuntu packages (or what your system calls them): ${names.map((name) => name.split('|')[0]).join(' ')}`,
    );
    console.error('This system has no apt-get. On it, run single steps instead: node scripts/test.mjs --list');
    return false;
  }
  const lacking = missing(names);
  if (lacking.length === 0) return true;
  const mayInstall = process.getuid?.() === 0 || spawnSync('sudo', ['-n', 'true']).status === 0;
  if (!mayInstall) {
    console.error('The tests need packages that are not installed, and this user may not install them. Run:');
    console.error(`  sudo apt-get install --no-install-recommends ${lacking.join(' ')}`);
    return false;
  }
  console.log(`Installing ${lacking.join(' ')}`);
  return apt(['update']) && apt(['install', '-y', '--no-install-recommends', ...lacking]);
}
