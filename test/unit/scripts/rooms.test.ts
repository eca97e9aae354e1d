import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../../scripts/check-rooms.mjs', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'cmb-rooms-'));
let count = 0;

/** What `npm run lint:rooms` says of a tree with these files. */
function check(files: Readonly<Record<string, string>>): string[] {
  const tree = path.join(folder, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    writeFileSync(path.join(tree, name), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [script, tree], { encoding: 'utf8' });
  const sentences = stderr.split('\n').filter((line) => line !== '');
  assert.equal(status, sentences.length > 0 ? 1 : 0, stderr);
  return sentences;
}

const tree = {
  'driver/protocol/rooms.txt': '# Below.\n',
  'driver/protocol/protocol.h': '',
  'driver/queue/rooms.txt': '# Above.\ndoor queue.h\nprotocol\n',
  'driver/queue/queue.h': '#include "protocol/protocol.h"\n#include <ntifs.h>\n',
  'driver/queue/ring.h': '',
  'driver/session/rooms.txt': '# On top.\nqueue\n',
  'driver/session/session.h': '#include "queue/queue.h"\n',
  'native/windows/rooms.txt': 'driver/protocol\n',
  'native/windows/channel.cc': '#include "driver/protocol/protocol.h"\n',
  'native/simulator/nt/rooms.txt': '',
  'native/simulator/nt/kernel.h': '',
};

after(() => {
  rmSync(folder, { recursive: true });
});

describe('the check of rooms', () => {
  it('an include of a room that the list names is right', () => {
    assert.deepEqual(check(tree), []);
  });

  it('an include of any other room is refused', () => {
    assert.deepEqual(check({ ...tree, 'driver/queue/queue.c': '#include "session/session.h"\n' }), [
      'driver/queue/queue.c includes driver/session/session.h, but driver/queue/rooms.txt does not name driver/session/.',
    ]);
  });

  it('an include of a header that is no door is refused', () => {
    assert.deepEqual(check({ ...tree, 'driver/session/session.c': '#include "queue/ring.h"\n' }), [
      'driver/session/session.c includes driver/queue/ring.h, which driver/queue/rooms.txt does not name as a door.',
    ]);
  });

  it('headers that include each other, and rooms that name each other, are refused', () => {
    const headers = {
      'driver/queue/ring.h': '#include "queue/rate.h"\n',
      'driver/queue/rate.h': '#include "ring.h"\n',
    };
    assert.deepEqual(check({ ...tree, ...headers }), [
      'Files that include each other: driver/queue/rate.h -> driver/queue/ring.h -> driver/queue/rate.h.',
    ]);
    const rooms = { 'driver/protocol/rooms.txt': 'queue\n', 'driver/protocol/up.c': '#include "queue/queue.h"\n' };
    assert.deepEqual(check({ ...tree, ...rooms }), [
      'Rooms that use each other: driver/protocol -> driver/queue -> driver/protocol.',
    ]);
  });

  it('what no room may know is refused, whatever its list says', () => {
    assert.deepEqual(check({ ...tree, 'driver/queue/rooms.txt': 'protocol\nnative/windows\n' }), [
      'driver/queue/rooms.txt names native/windows: the driver uses nothing but itself.',
    ]);
    assert.deepEqual(check({ ...tree, 'native/simulator/nt/rooms.txt': 'driver/protocol\n' }), [
      'native/simulator/nt/rooms.txt names driver/protocol: the simulator uses nothing but itself.',
    ]);
    assert.deepEqual(check({ ...tree, 'native/windows/rooms.txt': 'driver/protocol\ndriver/queue\nsimulator/nt\n' }), [
      'native/windows/rooms.txt names driver/queue: of the driver native/ knows the protocol alone.',
      'native/windows/rooms.txt names native/simulator/nt: only native/simulator_channel/ and the tests know both the simulator and the driver.',
    ]);
  });

  it('a list that names a room which no file there includes is refused', () => {
    assert.deepEqual(check({ ...tree, 'driver/session/rooms.txt': 'queue\nprotocol\n' }), [
      'driver/session/rooms.txt names driver/protocol, which nothing in it includes.',
    ]);
  });

  it('a folder without a list and a name that means nothing are refused', () => {
    assert.deepEqual(
      check({ ...tree, 'driver/new/new.c': '#include "gone.h"\n', 'driver/session/rooms.txt': 'queue\nattic\n' }),
      [
        'driver/new/ has no rooms.txt that says what it is and what it uses.',
        'driver/new/new.c includes "gone.h", which is no file of the project.',
        'driver/session/rooms.txt names attic: there is no such room.',
      ],
    );
  });
});
