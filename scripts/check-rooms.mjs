// What may include what in driver/ and native/ (npm run lint:rooms). A room is a folder with C or C++ files; its rooms.txt says what it is and names
// the rooms that it uses, one in a line, from driver/ or native/ on. Where lines "door X.h" stand, others may include these headers only.
// An argument is the folder to check in place of the project.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LIST = 'rooms.txt';
const root = path.resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const tops = ['driver', 'native'];
/** As the build files have them. Names in <> are headers of a system or a kernel, whichever is in use. */
const includePaths = ['.', 'driver', 'native/simulator', 'native/simulator/include'];
const problems = [];
const isFile = (name) => existsSync(path.join(root, name));
const files = tops.flatMap((top) =>
  readdirSync(path.join(root, top), { recursive: true })
    .map((name) => `${top}/${name.replaceAll('\\', '/')}`)
    .filter((name) => /\.(c|cc|h)$/.test(name))
    .sort(),
);
const rooms = new Map(
  [...new Set(files.map((name) => path.posix.dirname(name)))].sort().map((room) => [room, read(room)]),
);

function read(room) {
  if (!isFile(`${room}/${LIST}`)) {
    problems.push(`${room}/ has no ${LIST} that says what it is and what it uses.`);
    return { uses: [], doors: [] };
  }
  const lines = readFileSync(path.join(root, room, LIST), 'utf8').split('\n');
  const names = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const doors = names.filter((name) => name.startsWith('door ')).map((name) => `${room}/${name.slice(5)}`);
  for (const door of doors)
    if (!isFile(door)) problems.push(`${room}/${LIST} names the door ${door}, which does not exist.`);
  return { uses: names.filter((name) => !name.startsWith('door ')).map((name) => fullName(room, name)), doors };
}

/** Names begin below driver/ or native/; a room of the other one has its whole name. */
function fullName(room, name) {
  const here = `${room.split('/')[0]}/${name}`;
  return files.some((file) => path.posix.dirname(file) === here) ? here : name;
}

const isBelow = (room, folder) => room === folder || room.startsWith(`${folder}/`);
const isSimulator = (room) => isBelow(room, 'native/simulator');

/** What no list may say, and what it says for nothing. */
function checkUse(room, used) {
  const refuse = (sentence) => problems.push(`${room}/${LIST} names ${used}: ${sentence}`);
  if (!rooms.has(used)) refuse('there is no such room.');
  else if (isBelow(room, 'driver') && !isBelow(used, 'driver')) refuse('the driver uses nothing but itself.');
  else if (isSimulator(room) && !isSimulator(used)) refuse('the simulator uses nothing but itself.');
  else if (isBelow(room, 'native') && isBelow(used, 'driver') && used !== 'driver/protocol')
    refuse('of the driver native/ knows the protocol alone.');
  else if (isSimulator(used) && !isSimulator(room) && room !== 'native/simulator_channel')
    refuse('only native/simulator_channel/ and the tests know both the simulator and the driver.');
  else if (!isUsed(room, used)) problems.push(`${room}/${LIST} names ${used}, which nothing in it includes.`);
}

function isUsed(room, used) {
  const own = files.filter((file) => path.posix.dirname(file) === room);
  return own.some((file) => includes.get(file).some((included) => path.posix.dirname(included) === used));
}

const includes = new Map(
  files.map((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const found = [];
    for (const [, name] of text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      const included = [path.posix.dirname(file), ...includePaths]
        .map((folder) => path.posix.join(folder, name))
        .find(isFile);
      if (included === undefined) problems.push(`${file} includes "${name}", which is no file of the project.`);
      else found.push(included);
    }
    return [file, found];
  }),
);

function checkInclude(file, included) {
  const [room, used] = [path.posix.dirname(file), path.posix.dirname(included)];
  if (room === used) return;
  if (!rooms.get(room).uses.includes(used))
    problems.push(`${file} includes ${included}, but ${room}/${LIST} does not name ${used}/.`);
  else if (rooms.get(used).doors.length > 0 && !rooms.get(used).doors.includes(included))
    problems.push(`${file} includes ${included}, which ${used}/${LIST} does not name as a door.`);
}

/** The first way that comes back to where it has been, from every start; each is told once. */
function checkCircles(graph, sentence) {
  const done = new Set();
  const follow = (node, way) => {
    const start = way.indexOf(node);
    if (start !== -1) problems.push(`${sentence}: ${[...way.slice(start), node].join(' -> ')}.`);
    if (start !== -1 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) follow(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) follow(node, []);
}

for (const [room, { uses }] of rooms) for (const used of uses) checkUse(room, used);
for (const [file, found] of includes) for (const included of found) checkInclude(file, included);
checkCircles(new Map([...rooms].map(([room, { uses }]) => [room, uses])), 'Rooms that use each other');
checkCircles(includes, 'Files that include each other');

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
