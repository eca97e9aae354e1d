import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import {
  abortError,
  cmBridgeErrorCodes,
  CmBridgeError,
  NtStatusError,
  RegFileError,
} from '../../../lib/base/errors.js';
import { addonCandidates, loadNative } from '../../../lib/native/native-loader.js';
import { statusError } from '../../../lib/base/nt-error.js';
import { ntStatusName, ntSuccess } from '../../../lib/base/nt-status.js';
import { nativeError } from '../support/fake-addon.js';

describe('errors', () => {
  for (const page of ['api.md', 'troubleshooting.md']) {
    it(`docs/${page} lists every error code of the package and no others`, async () => {
      const text = await readFile(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8');
      const rows = text.split('\n').filter((line) => line.startsWith('| `CMB_'));
      const named = rows.flatMap((row) => row.split('|')[1]?.match(/CMB_\w+/g) ?? []);
      assert.deepEqual(named.sort(), [...cmBridgeErrorCodes].sort());
    });
  }

  it('an error of another copy of the package is an instance of the same error classes', async () => {
    const url = new URL('../../../lib/base/errors.js?another-copy', import.meta.url);
    const other = (await import(url.href)) as typeof import('../../../lib/base/errors.js');
    assert.notEqual(other.CmBridgeError, CmBridgeError);
    assert.ok(new other.CmBridgeError('CMB_NT_STATUS', 'x') instanceof CmBridgeError);
    assert.ok(new other.NtStatusError('CMB_NT_STATUS', 1, 'x') instanceof NtStatusError);
    assert.ok(new NtStatusError('CMB_NT_STATUS', 1, 'x') instanceof CmBridgeError);
    assert.ok(!(new CmBridgeError('CMB_NT_STATUS', 'x') instanceof NtStatusError));
    assert.ok(!(new CmBridgeError('CMB_NT_STATUS', 'x') instanceof RegFileError));
    assert.ok(new RegFileError(1, 2, 'x') instanceof RegFileError);
    for (const value of [null, undefined, 1, 'x', {}, new Error('x')]) assert.ok(!(value instanceof CmBridgeError));
  });

  it('an NtStatusError has its NTSTATUS unsigned and by name', () => {
    const error = statusError(0xc0000022 | 0, 'Doing it', nativeError(1));
    assert.deepEqual(
      [error.code, error.ntStatus, error.ntStatusName],
      ['CMB_ACCESS_DENIED', 0xc0000022, 'STATUS_ACCESS_DENIED'],
    );
    assert.match(error.message, /^Doing it failed: access denied \(STATUS_ACCESS_DENIED, 0xC0000022\)$/);
    assert.equal((error.cause as Error).message, 'status 1');
    const unnamed = statusError(0xe0001234, 'Doing it');
    assert.deepEqual([unnamed.code, unnamed.ntStatusName], ['CMB_NT_STATUS', '0xE0001234']);
    assert.equal(error.name, 'NtStatusError');
  });

  it('an AbortError has the name that the platform uses, and the reason of the signal as its cause', () => {
    const error = abortError(AbortSignal.abort('why'), 'Waiting');
    assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'CMB_ABORTED', 'why']);
  });

  it('the error about a missing addon lists every path that was tried and what to do', () => {
    const root = '/nowhere/cmbridge';
    assert.throws(
      () => loadNative({ root, version: '1.0.0' }),
      (error: CmBridgeError) => {
        assert.equal(error.code, 'CMB_NATIVE_MISSING');
        for (const path of addonCandidates(root)) assert.ok(error.message.includes(`${path}: does not exist`));
        assert.match(error.message, /install cmbridge again/);
        return true;
      },
    );
  });
});

describe('NTSTATUS', () => {
  it('ntStatusName() knows the documented statuses, and ntSuccess() goes by the sign', () => {
    assert.equal(ntStatusName(0xc0000034), 'STATUS_OBJECT_NAME_NOT_FOUND');
    assert.equal(ntStatusName(0xc0000034 | 0), 'STATUS_OBJECT_NAME_NOT_FOUND');
    assert.equal(ntStatusName(0x12345678), null);
    for (const status of [0, 0x104, 0x40000000]) assert.ok(ntSuccess(status));
    for (const status of [0x80000005, 0xc0000001]) assert.ok(!ntSuccess(status));
  });
});
