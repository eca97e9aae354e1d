import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulatedUserSid } from '../../../lib/registry/registry-path.js';
import { RegistryThread } from '../../../lib/simulator/registry-thread.js';
import { FakeThread } from './fake-thread.js';

const SOFTWARE = '\\REGISTRY\\MACHINE\\SOFTWARE';
const NOT_FOUND = { name: 'NtStatusError', code: 'CMB_NT_STATUS', ntStatus: 0xc0000034 };

describe('links, hives, transactions, tokens and security of the simulator', () => {
  it('a thread of the simulator passes on whatever a create or an open may ask for', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    await using transaction = await thread.createTransaction();
    const descriptor = Uint8Array.of(1, 2);
    await thread.createKey(`${SOFTWARE}\\A`, {
      access: 0x8000_0001,
      view: 32,
      options: 5,
      attributes: 0x1000,
      transaction,
      securityDescriptor: descriptor,
    });
    await thread.openKey(SOFTWARE, { view: 64, transaction });
    assert.deepEqual(native.calls, [
      `create ${SOFTWARE}\\A 80000201 5 null 1040 ${transaction.handle} 0102`,
      `open ${SOFTWARE} f013f 0 40 ${transaction.handle}`,
    ]);
    const bad: object[] = [
      { access: -1 },
      { view: 16 },
      { options: 'volatile' },
      { attributes: 2 ** 32 },
      { transaction: 8 },
      { className: 5 },
      { securityDescriptor: 'D:' },
      { root: { handle: 4 } },
    ];
    for (const options of bad) {
      await assert.rejects(
        thread.createKey(SOFTWARE, options),
        { code: 'CMB_INVALID_ARGUMENT' },
        JSON.stringify(options),
      );
    }
  });

  it('a thread of the simulator makes symbolic links', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native, 'S-1-5-21-1');
    const link = await thread.createLink(`${SOFTWARE}\\L`, 'HKCU\\T', { options: 1 });
    const target = Buffer.from('\\REGISTRY\\USER\\S-1-5-21-1\\T', 'utf16le').toString('hex');
    assert.equal(link.path, `${SOFTWARE}\\L`);
    assert.deepEqual(native.calls, [`create ${SOFTWARE}\\L f003f 3 null 140 0`, `set SymbolicLinkValue 6 ${target}`]);
    await assert.rejects(thread.createLink(`${SOFTWARE}\\M`, 'nowhere'), { code: 'CMB_INVALID_ARGUMENT' });
    assert.equal(native.calls.length, 2);
  });

  it('a thread of the simulator loads, saves, restores and unloads hives', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    await thread.loadKey('HKU\\Loaded', '\\??\\Z:\\a', { flags: 0x2000 });
    const key = await thread.openKey('HKU\\Loaded');
    await key.save('\\??\\Z:\\b');
    await key.save('\\??\\Z:\\b', { format: 2 });
    await key.restore('\\??\\Z:\\b', { flags: 8 });
    await key.replace('\\??\\Z:\\new', '\\??\\Z:\\old');
    await key.saveMerged(await thread.openKey(SOFTWARE), '\\??\\Z:\\m');
    await thread.unloadKey('HKU\\Loaded');
    await assert.rejects(thread.unloadKey('HKU\\Loaded', { force: true }), NOT_FOUND);
    const path = '\\REGISTRY\\USER\\Loaded';
    assert.deepEqual(
      native.calls.filter((call) => !call.startsWith('open')),
      [
        `load ${path} \\??\\Z:\\a 8192 0`,
        `save ${path} \\??\\Z:\\b 1`,
        `save ${path} \\??\\Z:\\b 2`,
        `restore ${path} \\??\\Z:\\b 8`,
        `replace \\??\\Z:\\new ${path} \\??\\Z:\\old`,
        `save merged ${path} ${SOFTWARE} \\??\\Z:\\m`,
        `unload ${path} 0`,
        `unload ${path} 1`,
      ],
    );
    const own = await thread.loadAppKey('\\??\\Z:\\app', { flags: 0x20 });
    assert.match(own.path, /^\\REGISTRY\\A\\\{[0-9a-f-]{36}\}$/);
    assert.equal(native.calls.at(-1), `load ${own.path} \\??\\Z:\\app 48 f003f`);
    await assert.rejects(key.save('a', { flags: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
    await assert.rejects(key.save('a', { format: 'latest' as never }), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(key.saveMerged(4 as never, 'a'), { code: 'CMB_INVALID_ARGUMENT', message: /"low" must be/ });
    await assert.rejects(key.restore('', {}), { code: 'CMB_INVALID_ARGUMENT' });
    await assert.rejects(thread.unloadKey('HKU\\x', { force: 1 as never }), { code: 'CMB_INVALID_ARGUMENT' });
  });

  it('a thread of the simulator commits and closes a transaction', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    const transaction = await thread.createTransaction();
    await transaction.commit();
    await assert.rejects(transaction.rollback(), { ntStatus: 0xc0190003, message: /NtRollbackTransaction/ });
    await transaction.close();
    await transaction.close();
    assert.deepEqual(native.calls, [
      `commit ${transaction.handle}`,
      `roll back ${transaction.handle}`,
      'close transaction',
    ]);
  });

  it('a thread of the simulator impersonates, and calls as the kernel does', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    await thread.impersonate();
    await thread.impersonate({ user: 'S-1-5-18', level: 'identification' });
    await thread.revertToSelf();
    await thread.setCaller({ mode: 'kernel', irql: 'apc' });
    await thread.setCaller();
    const usual = { integrityLevel: 0x2000, elevated: false, sessionId: 1 };
    const system = { userSid: 'S-1-5-18', integrityLevel: 0x4000, elevated: true, sessionId: 0 };
    assert.deepEqual(native.calls, [
      `impersonate ${JSON.stringify({ userSid: simulatedUserSid, ...usual })} 2`,
      `impersonate ${JSON.stringify(system)} 1`,
      'revert',
      'caller true 1',
      'caller false 0',
    ]);
    for (const options of [{ level: 'all' }, { level: 2 }, { user: 'x' }]) {
      await assert.rejects(thread.impersonate(options as never), { code: 'CMB_INVALID_ARGUMENT' });
    }
    for (const options of [{ mode: 'System' }, { irql: 2 }]) {
      await assert.rejects(thread.setCaller(options as never), { code: 'CMB_INVALID_ARGUMENT' });
    }
  });

  it('a key of the simulator reads and sets its security, and duplicates its handle', async () => {
    const native = new FakeThread(SOFTWARE);
    native.security = new Uint8Array(2000).fill(1);
    const key = await new RegistryThread(native).openKey(SOFTWARE);
    assert.equal((await key.querySecurity()).length, 2000);
    await key.setSecurity(0x8000_0004, Uint8Array.of(9));
    assert.deepEqual(native.calls.slice(1), [
      'query security 7 1024',
      'query security 7 2000',
      'set security 2147483652 09',
    ]);
    await assert.rejects(key.setSecurity(4, [] as never), { code: 'CMB_INVALID_ARGUMENT' });
    const other = await key.duplicate();
    assert.deepEqual([other.path, other.disposition], [SOFTWARE, null]);
    assert.notEqual(other.handle, key.handle);
    await key.close();
    await assert.rejects(key.duplicate(), { ntStatus: 0xc0000008, message: /NtDuplicateObject/ });
  });

  it('a key of the simulator gives what the kernel answers to a query of any class and length', async () => {
    const native = new FakeThread(SOFTWARE);
    const key = await new RegistryThread(native).openKey(SOFTWARE);
    await key.setValue('s', 'text');
    const { status, data, length, touches } = await key.raw.queryValue('s', 2, 5);
    assert.deepEqual([status, data.length, length, touches], [0x80000005, 5, 22, null]);
    assert.equal((await key.raw.queryValue('none', 2, 5)).status, 0xc0000034);
    assert.equal((await key.raw.enumerateKey(0, 0, 100)).status, 0x8000001a);
    assert.equal((await key.raw.enumerateValue(0, 1, 100)).status, 0);
    assert.equal((await key.raw.queryMultipleValues(['s'], 0)).length, 10);
    assert.equal((await key.raw.queryName(1000)).data.length, 16 + SOFTWARE.length * 2);
    assert.equal((await key.raw.querySecurity(4, 3)).status, 0xc0000023);
    assert.equal((await key.raw.queryKey(3, 10, { hostile: 'change', after: 2 })).touches, 3);
    assert.equal(native.calls.at(-1), 'hostile change 2 3 10');
    const bad: Promise<unknown>[] = [
      key.raw.queryKey(-1, 0),
      key.raw.queryKey(0, 2 ** 30),
      key.raw.queryKey(0, undefined as never),
      key.raw.queryKey(0, 0, { hostile: 'kind' as never }),
      key.raw.enumerateKey(-1, 0, 0),
      key.raw.queryValue(5 as never, 0, 0),
    ];
    for (const call of bad) await assert.rejects(call, { code: 'CMB_INVALID_ARGUMENT' });
  });
});
