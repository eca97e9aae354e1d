import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { describeStatus } from '../../../lib/cli/driver-command.js';
import { tryDriver, type TryEnvironment, type TryOptions } from '../../../lib/cli/try-command.js';
import type { DriverStatus, InstalledDriver } from '../../../lib/service/service.js';

const stopped: DriverStatus = {
  service: 'cmbridge',
  state: 'stopped',
  start: 'demand',
  file: 'C:\\cmbridge.sys',
  fileVersion: '0.1.0.0',
  packageVersion: '0.2.0',
  driver: 'older',
  sessions: null,
  registrations: null,
};

describe('cmbridge driver status', () => {
  it('a status tells the state, the version and the next command', () => {
    assert.match(
      describeStatus(stopped),
      /State: +stopped[\s\S]*version 0\.1\.0\.0, older than this package \(0\.2\.0\): npx cmbridge driver install --upgrade$/,
    );
    assert.match(
      describeStatus({ ...stopped, state: 'running', sessions: 2, registrations: 3 }),
      /Programs: 2, with 3 registrations$/,
    );
    assert.equal(
      describeStatus({ ...stopped, state: 'not-installed' }),
      'The driver is not installed: npx cmbridge driver install',
    );
    for (const driver of ['same', 'newer', 'different', 'missing', 'altered', 'foreign'] as const) {
      assert.doesNotMatch(describeStatus({ ...stopped, driver }), /Driver: +\?/);
    }
  });
});

interface Trying {
  readonly log: string[];
  readonly finished: Promise<void>;
}

interface Changes extends Partial<TryEnvironment> {
  readonly isNew?: boolean;
  readonly whileInstalling?: () => void;
}

function startTry(options: TryOptions, changes: Changes = {}): Trying {
  const log: string[] = [];
  let isRemoved = false;
  const remove = () => {
    if (!isRemoved) log.push('removed');
    isRemoved = true;
    return Promise.resolve();
  };
  const { isNew = true, whileInstalling, ...others } = changes;
  const installed: InstalledDriver = { isNew, isStarted: true, remove, [Symbol.asyncDispose]: remove };
  const environment: TryEnvironment = {
    platform: 'win32',
    install: () => {
      whileInstalling?.();
      log.push('installed');
      return Promise.resolve(installed);
    },
    ask: () => Promise.resolve('y'),
    note: (line) => log.push(line),
    watch: (count) => {
      log.push(`watched ${count ?? 'on'}`);
      return Promise.resolve();
    },
    ...others,
  };
  return { log, finished: tryDriver(options, environment) };
}

describe('cmbridge try', () => {
  it('a try that is agreed to installs, watches and takes away', async () => {
    const { log, finished } = startTry({ count: 3 });
    await finished;
    assert.deepEqual(log, ['installed', 'watched 3', 'removed', 'The driver is uninstalled again.']);
    const before = startTry({ yes: true }, { isNew: false, ask: () => Promise.reject(new Error('asked')) });
    await before.finished;
    assert.equal(before.log.at(-1), 'The driver is stopped again; it was installed before.');
  });

  it('a try that nobody agrees to, or elsewhere than on Windows, does nothing', async () => {
    for (const answer of ['', 'n', 'no', 'what?']) {
      const { log, finished } = startTry({}, { ask: () => Promise.resolve(answer) });
      await assert.rejects(finished, { code: 'CMB_ABORTED', message: 'Nothing was done' });
      assert.deepEqual(log, []);
    }
    await assert.rejects(startTry({ yes: true }, { platform: 'linux' }).finished, { code: 'CMB_INVALID_ARGUMENT' });
  });

  it('a try whose watching fails takes the driver away all the same', async () => {
    const { log, finished } = startTry({ yes: true }, { watch: () => Promise.reject(new Error('no device')) });
    await assert.rejects(finished, /no device/);
    assert.deepEqual(log, ['installed', 'removed']);
  });

  it('a try that is interrupted again and again takes the driver away before it ends', async () => {
    const { log, finished } = startTry(
      { yes: true },
      {
        watch: async (_count, { signal }) => {
          const aborted = once(signal, 'abort');
          process.emit('SIGHUP');
          await aborted;
          process.emit('SIGINT');
          process.emit('SIGINT');
        },
      },
    );
    await finished;
    const first = 'The driver is being taken away first.';
    assert.deepEqual(log, ['installed', first, first, 'removed', 'The driver is uninstalled again.']);
    assert.equal(process.listenerCount('SIGHUP'), 0);
  });

  it('a try that is interrupted while the driver is installed does not watch', async () => {
    const { log, finished } = startTry({ yes: true }, { whileInstalling: () => process.emit('SIGINT') });
    await finished;
    assert.deepEqual(log, ['installed', 'removed', 'The driver is uninstalled again.']);
  });
});
