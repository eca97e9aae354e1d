// What may import what in lib/, for dependency-cruiser (npm run lint:imports). A room is a folder with a file rooms.txt, which says what
// the room is and names the rooms that it imports, one in a line. Where lines "door X.ts" stand, others may import these files only.
// Folders inside it that have no such file belong to it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
const used = usedRooms();
for (const [room, { uses, doors }] of rooms) {
  findCircle(room, []);
  const unused = uses.find((name) => !used.has(`${room} ${name}`));
  if (unused !== undefined) throw new Error(`${place(room)}${LIST} names ${unused}, which nothing in it imports.`);
  for (const door of doors)
    if (!existsSync(path.join(lib, room, door))) throw new Error(`lib/${room}/${LIST}: there is no door ${door}`);
}

function readList(name) {
  const text = readFileSync(path.join(lib, name), 'utf8').split('\n');
  const lines = text.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const isDoor = (line) => line.startsWith('door ');
  return {
    uses: lines.filter((line) => !isDoor(line)),
    doors: lines.filter(isDoor).map((line) => line.slice('door '.length)),
  };
}

function findCircle(room, way) {
  const from = way.at(-1) ?? room;
  if (!rooms.has(room)) throw new Error(`lib/${from}/${LIST}: there is no room ${room}`);
  if (way.includes(room)) throw new Error(`Rooms that import each other: ${[...way, room].join(' -> ')}`);
  for (const next of rooms.get(room).uses) findCircle(next, [...way, room]);
}

/** "X Y" for each room X with a file that imports one of room Y. */
function usedRooms() {
  const files = readdirSync(lib, { recursive: true }).map((name) => name.replaceAll('\\', '/'));
  const pairs = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const imports = readFileSync(path.join(lib, name), 'utf8').matchAll(/\b(?:from|import) ?\(?'(\.[^']+)'/g);
      return [...imports].map(
        ([, other]) => `${roomOf(name)} ${roomOf(path.posix.join(path.posix.dirname(name), other))}`,
      );
    });
  return new Set(pairs);
}

function roomOf(file) {
  const folder = path.posix.dirname(file);
  return rooms.has(folder) ? folder : roomOf(folder);
}

function place(room) {
  return room === '.' ? 'lib/' : `lib/${room}/`;
}

/** Matches the files of one room: those of a room inside it are not among them. */
function filesOf(room) {
  const folder = room === '.' ? '' : `${room}/`;
  const inner = [...rooms.keys()].filter((name) => name !== '.' && name !== room && name.startsWith(folder));
  const others = inner.map((name) => `${name.slice(folder.length)}/`).join('|');
  return `^lib/${folder}${others === '' ? '' : `(?!${others})`}`;
}

export default {
  forbidden: [
    ...[...rooms].map(([room, { uses: allowed }]) => ({
      name: `room ${place(room)}`,
      comment: `${place(room)} may import ${allowed.length === 0 ? 'no other room' : `${allowed.join(', ')} only`}, as ${place(room)}${LIST} says.`,
      severity: 'error',
      from: { path: filesOf(room) },
      to: { path: '^lib/', pathNot: [room, ...allowed].map(filesOf) },
    })),
    ...[...rooms]
      .filter(([, { doors }]) => doors.length > 0)
      .map(([room, { doors }]) => ({
        name: `doors of ${place(room)}`,
        comment: `Of ${place(room)} other rooms may import ${doors.join(', ')} only, as ${place(room)}${LIST} says.`,
        severity: 'error',
        from: { path: '^lib/', pathNot: filesOf(room) },
        to: { path: filesOf(room), pathNot: doors.map((door) => `^lib/${room}/${door.replaceAll('.', '\\.')}$`) },
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
      comment:
        'lib/ is all that the package has: it imports Node.js, its dependencies and itself (what createRequire() loads is not seen).',
      severity: 'error',
      from: { path: '^lib/' },
      to: { pathNot: '^lib/', dependencyTypesNot: ['core', 'npm'] },
    },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true },
};
