import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { displayKey, nativeKey } from '../../../lib/registry/registry-path.js';
import { RegistryThread } from '../../../lib/simulator/registry-thread.js';
import { encodeValue, type ValueInput } from '../../../lib/registry/value-input.js';
import { FakeThread } from './fake-thread.js';

const SOFTWARE = '\\REGISTRY\\MACHINE\\SOFTWARE';
const NOT_FOUND = { name: 'NtStatusError', code: 'CMB_NT_STATUS', ntStatus: 0xc0000034 };

describe('registry paths', () => {
  it('a key path is understood in every form that people write', () => {
    assert.equal(nativeKey('HKLM\\Software\\A'), '\\REGISTRY\\MACHINE\\Software\\A');
    assert.equal(nativeKey('hkey_local_machine'), '\\REGISTRY\\MACHINE');
    assert.equal(nativeKey('HKEY_USERS\\x\\'), '\\REGISTRY\\USER\\x');
    assert.equal(nativeKey('HKCU\\x', 'S-1-5-21-1'), '\\REGISTRY\\USER\\S-1-5-21-1\\x');
    assert.equal(nativeKey('HKCR\\.txt'), '\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\.txt');
    assert.equal(nativeKey('HKCC'), '\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Hardware Profiles\\Current');
    assert.equal(nativeKey('\\Registry\\A\\{x}'), '\\Registry\\A\\{x}');
    for (const bad of ['', 'Software', 'HKXX\\a', '\\REGISTRYX', 5 as never]) {
      assert.throws(() => nativeKey(bad), { code: 'CMB_INVALID_ARGUMENT' });
    }
  });

  it('a key path is shown as people write it', () => {
    assert.equal(displayKey('\\REGISTRY\\MACHINE\\SOFTWARE'), 'HKLM\\SOFTWARE');
    assert.equal(displayKey('\\Registry\\User'), 'HKU');
    assert.equal(displayKey('\\REGISTRY\\MACHINEX\\a'), null);
    assert.equal(displayKey('\\REGISTRY\\A'), null);
  });
});

describe('values to store', () => {
  const hex = (input: ValueInput) => {
    const { type, data } = encodeValue(input);
    return `${type}:${Buffer.from(data).toString('hex')}`;
  };

  it('a value to store has its type by the kind of data, or by name or number', () => {
    assert.equal(hex('a'), '1:61000000');
    assert.equal(hex(0xffffffff), '4:ffffffff');
    assert.equal(hex(1n), '11:0100000000000000');
    assert.equal(hex(['a', '']), '7:6100000000000000');
    assert.equal(hex(Uint8Array.of(1)), '3:01');
    assert.equal(hex({ type: 'REG_EXPAND_SZ', data: 'a' }), '2:61000000');
    assert.equal(hex({ type: 'REG_DWORD_BIG_ENDIAN', data: 1 }), '5:00000001');
    assert.equal(hex({ type: 'REG_TYPE_0x000000FF', data: Uint8Array.of(1) }), '255:01');
    assert.equal(hex({ type: 'REG_DWORD', data: Uint8Array.of(1, 2, 3) }), '4:010203');
    assert.equal(hex({ type: 0x12345678, data: new Uint8Array() }), '305419896:');
  });

  it('a value to store is refused when its type and data do not fit', () => {
    const bad: unknown[] = [
      -1,
      1.5,
      2 ** 32,
      2n ** 64n,
      null,
      true,
      { type: 'REG_DWROD', data: 1 },
      { type: 'REG_DWORD', data: 'x' },
      { type: 'REG_SZ', data: 1 },
      { type: -1, data: 'x' },
    ];
    for (const input of bad) assert.throws(() => encodeValue(input as ValueInput), { code: 'CMB_INVALID_ARGUMENT' });
    assert.throws(() => encodeValue({ type: 'REG_DWROD', data: 1 }), /"REG_DWORD"/);
  });
});

describe('a thread of the simulator', () => {
  it('a thread of the simulator creates and opens keys, absolute and relative', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    assert.equal(thread.processId, 77);
    const key = await thread.createKey('HKLM\\SOFTWARE\\A', { access: 0x20019, options: 1, className: 'cls' });
    assert.deepEqual([key.path, key.disposition], [`${SOFTWARE}\\A`, 'created']);
    // The native thread would close the handle behind the back of the key.
    assert.deepEqual(Object.keys(key).sort(), ['disposition', 'handle', 'raw']);
    const child = await key.createKey('B');
    assert.equal(child.path, `${SOFTWARE}\\A\\B`);
    assert.equal((await thread.openKey('A\\B', { root: await thread.openKey(SOFTWARE) })).disposition, null);
    assert.equal((await key.createKey('B')).disposition, 'opened');
    assert.equal(native.calls[0], `create ${SOFTWARE}\\A 20019 1 cls 40 0`);
    await assert.rejects(thread.openKey('HKLM\\SOFTWARE\\None'), NOT_FOUND);
    await assert.rejects(thread.createKey('HKLM\\SOFTWARE\\X', { acces: 1 } as never), { code: 'CMB_UNKNOWN_OPTION' });
  });

  it('a thread of the simulator creates missing parents of a key, but no root', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    const key = await thread.createKeyPath('HKLM\\SOFTWARE\\A\\B\\C');
    assert.equal(key.path, `${SOFTWARE}\\A\\B\\C`);
    assert.equal(native.handles.size, 1);
    await assert.rejects(new RegistryThread(new FakeThread()).createKeyPath('\\REGISTRY\\NONE\\x'), NOT_FOUND);
  });

  it('a thread of the simulator sets, reads, lists and deletes values', async () => {
    const native = new FakeThread(SOFTWARE);
    const key = await new RegistryThread(native).openKey(SOFTWARE);
    await key.setValue('s', 'text');
    await key.setValue('big', new Uint8Array(5000).fill(7));
    assert.equal((await key.queryValue('s')).data, 'text');
    const big = await key.queryValue('big');
    assert.deepEqual([big.type, big.size, big.bytes.at(-1)], ['REG_BINARY', 5000, 7]);
    assert.deepEqual(native.calls.slice(-2), ['query big 1024', 'query big 5012']);
    assert.deepEqual(
      (await key.enumerateValues()).map(({ name, value }) => [name, value.size]),
      [
        ['s', 10],
        ['big', 5000],
      ],
    );
    assert.equal((await key.queryMultipleValues(['s', 'big'])).length, 5010);
    assert.deepEqual([(await key.query()).values, (await key.query()).lastWriteTime], [2, 5n]);
    assert.equal(await key.queryName(), SOFTWARE);
    await key.deleteValue('s');
    await assert.rejects(key.deleteValue('s'), { ...NOT_FOUND, message: /NtDeleteValueKey on .*SOFTWARE, "s"/ });
    await key.setLastWriteTime(1n);
    await key.injectNotification(43);
    await key.injectNotification(44, { status: 0xc0000022 });
    assert.deepEqual(native.calls.slice(-3), ['information 0 0100000000000000', 'inject 43 0', 'inject 44 c0000022']);
  });

  it('a thread of the simulator renames, deletes and closes keys', async () => {
    const native = new FakeThread(SOFTWARE);
    const thread = new RegistryThread(native);
    const key = await thread.createKey(`${SOFTWARE}\\Old`);
    await key.rename('New');
    assert.equal(key.path, `${SOFTWARE}\\New`);
    await thread.createKeyPath(`${SOFTWARE}\\T\\A\\B`);
    await thread.createKeyPath(`${SOFTWARE}\\T\\C`);
    assert.equal(await thread.deleteTree('HKLM\\SOFTWARE\\T'), true);
    assert.equal(await thread.deleteTree('HKLM\\SOFTWARE\\T'), false);
    await key.close();
    await key.close();
    assert.equal(native.calls.filter((call) => call === `close ${SOFTWARE}\\Old`).length, 1);
    await thread.close();
    await thread[Symbol.asyncDispose]();
    assert.equal(native.isClosed, true);
  });

  it('a thread of the simulator imports .reg files as regedit does', async () => {
    const native = new FakeThread(SOFTWARE, `${SOFTWARE}\\Gone`, `${SOFTWARE}\\Gone\\Child`);
    const thread = new RegistryThread(native, 'S-1-5-21-1');
    const file =
      'Windows Registry Editor Version 5.00\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\A\\B]\n@="x"\n"none"=-\n' +
      '[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Gone]\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Never]\n';
    await thread.importReg(file);
    assert.deepEqual([...native.keys.keys()].slice(2), [SOFTWARE, `${SOFTWARE}\\A`, `${SOFTWARE}\\A\\B`]);
    assert.equal(native.handles.size, 0);
    assert.ok(native.calls.includes('set  1 78000000'));
    const before = native.calls.length;
    await assert.rejects(thread.importReg(`${file}damage`), { code: 'CMB_REG_FILE', line: 7 });
    await assert.rejects(thread.importReg(file, { signal: AbortSignal.abort() }), { code: 'CMB_ABORTED' });
    assert.equal(native.calls.length, before);
  });
});
