import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as flags from '../../../lib/registry/flags.js';
import { ntStatusName, ntStatusText, NtStatus } from '../../../lib/base/nt-status.js';
import { Random } from '../support/random.js';

describe('flags', () => {
  it('a mask of flags has the names of its bits, lowest first', () => {
    assert.deepEqual(flags.keyAccess(0x20019), {
      value: 0x20019,
      names: ['KEY_QUERY_VALUE', 'KEY_ENUMERATE_SUB_KEYS', 'KEY_NOTIFY', 'READ_CONTROL'],
    });
    assert.deepEqual(flags.keyAccess(0xf003f).names.length, 10);
    assert.deepEqual(flags.keyAccess(0x8200_0200).names, ['KEY_WOW64_32KEY', 'MAXIMUM_ALLOWED', 'GENERIC_READ']);
    assert.deepEqual(flags.createOptions(0x11).names, ['REG_OPTION_VOLATILE', 'REG_OPTION_DONT_VIRTUALIZE']);
    assert.deepEqual(flags.objectAttributes(0x640).names, [
      'OBJ_CASE_INSENSITIVE',
      'OBJ_KERNEL_HANDLE',
      'OBJ_FORCE_ACCESS_CHECK',
    ]);
    assert.deepEqual(flags.wow64Flags(0x100).names, ['KEY_WOW64_64KEY']);
    assert.deepEqual(flags.loadFlags(0x2010).names, ['REG_APP_HIVE', 'REG_OPEN_READ_ONLY']);
    assert.deepEqual(flags.restoreFlags(9).names, ['REG_WHOLE_HIVE_VOLATILE', 'REG_FORCE_RESTORE']);
    assert.deepEqual(flags.saveFormat(2).names, ['REG_LATEST_FORMAT']);
    assert.deepEqual(flags.securityInformation(0x8000_0014).names, [
      'DACL_SECURITY_INFORMATION',
      'LABEL_SECURITY_INFORMATION',
      'PROTECTED_DACL_SECURITY_INFORMATION',
    ]);
  });

  it('a mask of flags keeps the bits that have no name', () => {
    assert.deepEqual(flags.keyAccess(0).names, []);
    assert.deepEqual(flags.keyAccess(0xc1).names, ['KEY_QUERY_VALUE', '0xC0']);
    assert.deepEqual(flags.saveFormat(0x8000_0000), { value: 0x8000_0000, names: ['0x80000000'] });
    assert.equal(flags.saveFormat(-1).value, 0xffff_ffff);
  });

  it('a mask of flags is one frozen object, until a caller has made up too many others', () => {
    const first = flags.keyAccess(0x2001f);
    assert.equal(flags.keyAccess(0x2001f), first);
    assert.ok(Object.isFrozen(first) && Object.isFrozen(first.names));
    for (let mask = 0; mask < 5000; mask++) flags.keyAccess(mask);
    assert.notEqual(flags.keyAccess(0x2001f), first);
    assert.deepEqual(flags.keyAccess(0x2001f), first);
  });

  it('a mask of flags can be put together again from its names', () => {
    const random = new Random(1);
    const bits = new Map(
      Array.from({ length: 32 }, (_, bit) => [flags.keyAccess((1 << bit) >>> 0).names[0]!, (1 << bit) >>> 0]),
    );
    for (let round = 0; round < 500; round++) {
      const mask = random.u32();
      const sum = flags.keyAccess(mask).names.reduce((rest, name) => rest + (bits.get(name) ?? Number(name)), 0);
      assert.equal(sum, mask);
    }
  });
});

describe('names of statuses', () => {
  it('ntStatusName() knows the statuses that the registry returns', () => {
    assert.equal(ntStatusName(0x104), 'STATUS_REPARSE');
    assert.equal(ntStatusName(0xc00000d8), 'STATUS_CANT_WAIT');
    assert.equal(ntStatusName(0xc0190001 | 0), 'STATUS_TRANSACTIONAL_CONFLICT');
    assert.equal(ntStatusName(0xc0000218), 'STATUS_CANNOT_LOAD_REGISTRY_FILE');
    assert.equal(new Set(Object.values(NtStatus)).size, Object.keys(NtStatus).length);
  });

  it('ntStatusText() writes a status without a name as a number', () => {
    assert.equal(ntStatusText(0xc0000503), 'STATUS_CALLBACK_BYPASS');
    assert.equal(ntStatusText(0xe0001234 | 0), '0xE0001234');
  });
});
