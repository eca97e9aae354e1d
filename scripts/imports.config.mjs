// What may import what in lib/, for dependency-cruiser (npm run lint:imports). A room is a folder with a file rooms.txt, which says what
// the room is and names the rooms that it imports, one in a line. Folders inside it that have no such file belong to it.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LIST = 'rooms.txt';
/** Rooms that most programs can do without. Only the command line and these rooms themselves may import them. */
const OPTIONAL = ['sigma', 'export', 'recording', 'service', 'view'];

const lib = path.resolve('lib');
const rooms = new Map(
  readdirSync(lib, { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => path.posix.basename(name) === LIST)
    .map((name) => [path.posix.dirname(name), readList(name)])
    .sort(),
);
for (const { name } of readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  if (!rooms.has(name)) throw new Error(`lib/${name}/ has no ${LIST} that says what it imports`);
}
for (const room of rooms.keys()) findCircle(room, []);

function readList(name) {
  const lines = readFileSync(path.join(lib, name), 'utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

function findCircle(room, way) {
  const from = way.at(-1) ?? room;
  if (!rooms.has(room)) throw new Error(`lib/${from}/${LIST}: there is no room ${room}`);
  if (way.includes(room)) throw new Error(`Rooms that import each other: ${[...way, room].join(' -> ')}`);
  for (const next of rooms.get(room)) findCircle(next, [...way, room]);
}

/** Matches the files of one room: those of a room inside it are not among them. */
function filesOf(room) {
  const folder = room === '.' ? '' : `${room}/`;
  const inner = [...rooms.keys()].filter((name) => name !== '.' && name !== room && name.startsWith(folder));
  const others = inner.map((name) => `${name.slice(folder.length)}/`).join('|');
  return `^lib/${folder}${others === '' ? '' : `(?!${others})`}`;
}

const place = (room) => (room === '.' ? 'lib/' : `lib/${room}/`);

export default {
  forbidden: [
    ...[...rooms].map(([room, allowed]) => ({
      name: `room ${place(room)}`,
      comment: `${place(room)} may import ${allowed.length === 0 ? 'no other room' : `${allowed.join(', ')} only`}, as ${place(room)}${LIST} says.`,
      severity: 'error',
      from: { path: filesOf(room) },
      to: { path: '^lib/', pathNot: [room, ...allowed].map(filesOf) },
    })),
    {
      name: 'optional room',
      comment: `The core must not import ${OPTIONAL.map((room) => `${room}/`).join(', ')}: a program that only watches does not load them.`,
      severity: 'error',
      from: { path: '^lib/', pathNot: `^lib/(${OPTIONAL.join('|')}|cli)/` },
      to: { path: `^lib/(${OPTIONAL.join('|')})/` },
    },
    {
      name: 'circle',
      comment: 'Files must not import each other at run time: which of them is loaded first would depend on who asks.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'shipped',
      comment: 'lib/ is all that the package has: it imports Node.js, its dependencies and itself.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { pathNot: '^lib/', dependencyTypesNot: ['core', 'npm'] },
    },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true },
};
