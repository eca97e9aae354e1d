import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { NtStatusError } from '../../../lib/base/errors.js';
import { deviceName, nativeFile } from '../../../lib/simulator/host-file.js';
import type { NativeProcess, NativeProcessOptions, NativeSimulator } from '../../../lib/native/native.js';
import { simulatedUserSid } from '../../../lib/registry/registry-path.js';
import { Simulator } from '../../../lib/simulator/simulator.js';
import { FakeThread } from './fake-thread.js';
import { nativeError } from '../support/fake-addon.js';

const BAD = { code: 'CMB_INVALID_ARGUMENT' };

class FakeSimulator implements NativeSimulator {
  readonly started: NativeProcessOptions[] = [];
  readonly thread = new FakeThread('\\REGISTRY\\USER\\S-1-5-21-1');
  failure: Error | null = null;
  exits = 0;

  createProcess(options: NativeProcessOptions): NativeProcess {
    if (this.failure !== null) throw this.failure;
    this.started.push(options);
    return this.#process(options.id ?? 4096);
  }

  systemProcess(): NativeProcess {
    return this.#process(4);
  }

  hostProcess(): NativeProcess {
    return this.#process(77);
  }

  poolUsage = () => ({ blocks: 0, bytes: 0 });
  failAllocation = () => undefined;
  failEachStackOnce = () => undefined;
  failedAllocations = () => 0;

  #process(id: number): NativeProcess {
    return {
      id,
      createThread: () => this.thread,
      load: () => Promise.reject(new Error('not here')),
      exit: () => {
        this.exits++;
        return Promise.resolve();
      },
    };
  }
}

function start(options?: object): NativeProcessOptions {
  const native = new FakeSimulator();
  new Simulator(native).createProcess(options);
  const [started] = native.started;
  assert.ok(started);
  return started;
}

describe('a simulated process', () => {
  it('a simulated process is an elevated program of the usual user unless told otherwise', () => {
    assert.deepEqual(start(), {
      imagePath: '\\Device\\HarddiskVolume3\\Windows\\regedit.exe',
      commandLine: '"C:\\Windows\\regedit.exe"',
      userSid: simulatedUserSid,
      integrityLevel: 0x3000,
      elevated: true,
      sessionId: 1,
      parentId: 0,
      wow64: false,
      id: null,
    });
    const options = {
      imagePath: '\\Device\\Mup\\a.exe',
      commandLine: null,
      user: 'S-1-5-21-1-2-3-500',
      integrityLevel: 'low',
      elevated: true,
      sessionId: 0,
      parentId: 8,
      wow64: true,
      id: 1236,
    };
    const { user, ...same } = options;
    assert.deepEqual(start(options), { ...same, userSid: user, integrityLevel: 0x1000 });
  });

  it('a simulated process has the integrity level that goes with its elevation, and the other way round', () => {
    const of = (options: object) => {
      const { integrityLevel, elevated, sessionId } = start(options);
      return [integrityLevel, elevated, sessionId];
    };
    assert.deepEqual(of({ elevated: false }), [0x2000, false, 1]);
    assert.deepEqual(of({ integrityLevel: 'medium' }), [0x2000, false, 1]);
    assert.deepEqual(of({ integrityLevel: 0x3000 }), [0x3000, true, 1]);
    assert.deepEqual(of({ integrityLevel: 0 }), [0, false, 1]);
    assert.deepEqual(of({ user: 'S-1-5-18' }), [0x4000, true, 0]);
    assert.deepEqual(of({ user: 'S-1-5-18', integrityLevel: 'medium-plus', sessionId: 2 }), [0x2100, false, 2]);
  });

  it('a simulated process is refused when an option makes no sense, with what would', () => {
    const cases: [object, RegExp][] = [
      [{ imagePath: '' }, /"imagePath" must be a string of 1 to 32766/],
      [{ imagePath: 5 }, /"imagePath".*not 5/],
      [{ commandLine: 'x'.repeat(0x7fff) }, /"commandLine"/],
      [{ user: 'me' }, /"user" must be a SID such as "S-1-5-18", not "me"/],
      [{ user: 'S-1-5-4294967296' }, /"user" must be a SID/],
      [{ user: 'S-1-281474976710656-1' }, /"user" must be a SID/],
      [{ user: 'S-1-5' }, /"user" must be a SID/],
      [{ integrityLevel: 'hihg' }, /one of untrusted, low.*not "hihg".*"high"/],
      [{ integrityLevel: 'constructor' }, /"integrityLevel"/],
      [{ integrityLevel: -1 }, /"integrityLevel" must be an integer from 0/],
      [{ elevated: 'yes' }, /"elevated" must be true or false/],
      [{ wow64: 1 }, /"wow64" must be true or false/],
      [{ sessionId: -1 }, /"sessionId"/],
      [{ parentId: 1.5 }, /"parentId"/],
      [{ id: 0 }, /"id" must be an integer from 4/],
      [{ id: 6 }, /"id" must be a multiple of 4/],
    ];
    for (const [options, message] of cases) assert.throws(() => start(options), { ...BAD, message });
    assert.throws(() => start({ comandLine: '' }), { code: 'CMB_UNKNOWN_OPTION', message: /"commandLine"/ });
  });

  it('a simulated process cannot have the id of another one', () => {
    const native = new FakeSimulator();
    native.failure = nativeError(0xc0000035);
    const simulator = new Simulator(native);
    assert.throws(
      () => simulator.createProcess({ id: 8 }),
      (error) => {
        assert.ok(error instanceof NtStatusError);
        assert.equal(error.ntStatusName, 'STATUS_OBJECT_NAME_COLLISION');
        assert.match(error.message, /the id 8 belongs to another one/);
        return true;
      },
    );
    native.failure = new Error('the simulator runs only while ...');
    assert.throws(() => simulator.createProcess(), native.failure);
    assert.deepEqual(simulator.processes, []);
  });

  it('a simulated process has its user behind HKCU', async () => {
    const native = new FakeSimulator();
    const process = new Simulator(native).createProcess({ user: 'S-1-5-21-1' });
    assert.equal(process.user, 'S-1-5-21-1');
    await process.createKey('HKCU\\Software');
    assert.match(native.thread.calls[0] ?? '', /^create \\REGISTRY\\USER\\S-1-5-21-1\\Software /);
  });

  it('a simulated process may be the System process', async () => {
    const native = new FakeSimulator();
    const simulator = new Simulator(native);
    const system = simulator.systemProcess();
    assert.deepEqual([system.id, system.imagePath, system.user], [4, 'System', 'S-1-5-18']);
    assert.deepEqual(simulator.processes, [system]);
    await system.exit();
    assert.deepEqual(simulator.processes, []);
    assert.equal(native.exits, 1);
  });
});

describe('this program', () => {
  it('this program is a process of the simulator, too', () => {
    const host = new Simulator(new FakeSimulator()).hostProcess();
    assert.deepEqual([host.id, host.imagePath], [77, '\\Device\\HarddiskVolume1\\host.exe']);
    assert.match(host.user, /^S-1-5-21-.*-1013$/);
  });
});

describe('files of this machine', () => {
  it('a file of this machine lies on Z: where there is no Windows', () => {
    assert.equal(nativeFile('file', '/tmp/a b.hiv', 'linux'), '\\??\\Z:\\tmp\\a b.hiv');
    assert.equal(nativeFile('file', 'a.hiv', 'linux'), `\\??\\Z:${resolve('a.hiv').replaceAll('/', '\\')}`);
    assert.equal(nativeFile('file', '\\SystemRoot\\a.hiv', 'linux'), '\\SystemRoot\\a.hiv');
    assert.match(nativeFile('file', 'a.hiv', 'win32'), /^\\\?\?\\.*a\.hiv$/);
    for (const bad of ['', 5, undefined, 'a\0b', 'C:\\a.hiv', '/tmp/a\\b']) {
      assert.throws(() => nativeFile('file', bad, 'linux'), { ...BAD, message: /"file" must be (the|a) path/ });
    }
  });

  it('a file of this machine has the name of its volume to the kernel', () => {
    assert.equal(deviceName('C:\\Windows\\a.exe'), '\\Device\\HarddiskVolume3\\Windows\\a.exe');
    assert.equal(deviceName('z:\\a.exe'), '\\Device\\HarddiskVolume26\\a.exe');
    assert.equal(deviceName('a.exe'), 'a.exe');
  });
});
