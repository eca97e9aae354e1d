import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Output } from '../../../lib/cli/output.js';
import { watch, type WatchEnvironment, type WatchOptions } from '../../../lib/cli/watch.js';
import { openDriverWith } from '../../../lib/driver/open-driver.js';
import { FakeAddon } from '../support/fake-addon.js';

interface Watching {
  readonly lines: string[];
  readonly notes: string[];
  readonly addon: FakeAddon;
  readonly finished: Promise<void>;
  readonly interrupt: AbortController;
  readonly close: AbortController;
}

function startWatch(options: Partial<WatchOptions>): Watching {
  const addon = new FakeAddon();
  const lines: string[] = [];
  const notes: string[] = [];
  const interrupt = new AbortController();
  const close = new AbortController();
  const output: Output = {
    isTTY: false,
    columns: null,
    closed: close.signal,
    write: (line) => {
      lines.push(line);
      return undefined;
    },
  };
  const environment: WatchEnvironment = {
    open: (driverOptions) => openDriverWith(() => addon, driverOptions),
    output,
    note: (line) => notes.push(line),
    env: {},
    platform: 'win32',
    signal: interrupt.signal,
  };
  return { lines, notes, addon, interrupt, close, finished: watch({ color: true, ...options }, environment) };
}

async function registered(watching: Watching): Promise<bigint> {
  for (;;) {
    const [cookie] = watching.addon.channels[0]?.registered.keys() ?? [];
    if (cookie !== undefined && watching.notes.length > 0) return cookie;
    await tick();
  }
}

describe('watch', () => {
  it('cmbridge watch ends on Ctrl-C: it unregisters, prints what is on its way, then the counts', async () => {
    const watching = startWatch({ altitude: '5' });
    const cookie = await registered(watching);
    watching.addon.channel.queueLimit = 3;
    // Four RECEIVEs are pended, three records fit into the queue.
    for (let i = 0; i < 12; i++) watching.addon.channel.notify({ cookie });
    watching.interrupt.abort();
    await watching.finished;
    assert.equal(watching.lines.length, 8);
    assert.match(watching.lines.at(-1) ?? '', /5 events were lost/);
    assert.match(watching.notes[0] ?? '', /altitude 5, cookie 1000\. Ctrl-C/);
    assert.match(watching.notes.at(-1) ?? '', /8 events shown.* 5 LOST/);
    assert.deepEqual([watching.addon.channel.registered.size, watching.addon.channel.isClosed], [0, true]);
  });

  it('cmbridge watch ends after a count of events, and when nobody reads its output any more', async () => {
    const counted = startWatch({ count: 2, json: true });
    const cookie = await registered(counted);
    for (let i = 0; i < 6; i++) counted.addon.channel.notify({ cookie });
    await counted.finished;
    assert.deepEqual(
      counted.lines.map((line) => (JSON.parse(line) as { sequence: string }).sequence),
      ['1', '2'],
    );
    const unread = startWatch({});
    await registered(unread);
    unread.close.abort();
    await unread.finished;
    assert.equal(unread.addon.channel.isClosed, true);
  });

  it('cmbridge watch takes notification classes and operations by name', async () => {
    const watching = startWatch({ class: ['SetValueKey', 'RegNtPreDeleteKey'] });
    await registered(watching);
    assert.equal(watching.addon.channel.lastClassMask, 0x10003n);
    watching.interrupt.abort();
    await watching.finished;
    const wrong = startWatch({ class: ['SetValeKey'] });
    await assert.rejects(wrong.finished, { code: 'CMB_INVALID_ARGUMENT', message: /"SetValueKey"/ });
    assert.equal(
      wrong.addon.channels.every((channel) => channel.isClosed),
      true,
    );
  });

  it('cmbridge watch says why it cannot use a .reg file', async () => {
    await assert.rejects(startWatch({ simulate: '/nowhere/x.reg' }).finished, {
      code: 'CMB_INVALID_ARGUMENT',
      message: /Cannot read \/nowhere/,
    });
    const self = new URL(import.meta.url).pathname;
    await assert.rejects(startWatch({ simulate: self }).finished, {
      code: 'CMB_REG_FILE',
      message: /watch\.test\.js: line 1, column 1:/,
    });
  });
});
