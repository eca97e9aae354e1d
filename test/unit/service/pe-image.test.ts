import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { compareDrivers, packageDriver, readDriver } from '../../../lib/service/machine.js';
import { readImage } from '../../../lib/service/pe-image.js';
import { signerOf } from '../../../lib/service/trust.js';
import { checksumOffset, driverFile, signedFile, testCertificate } from '../support/driver-file.js';

describe('a driver file', () => {
  it('a driver file has the same hash before and after it is signed, and whatever its checksum', () => {
    const file = driverFile({ filling: 'a' });
    const { hash } = readImage(file, 'x.sys');
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.equal(readImage(signedFile(file, testCertificate), 'x.sys').hash, hash);
    file.writeUInt32LE(0x55555, checksumOffset);
    assert.equal(readImage(file, 'x.sys').hash, hash);
    assert.notEqual(readImage(driverFile({ filling: 'b' }), 'x.sys').hash, hash);
  });

  it('a driver file of a length that is no multiple of 8 is hashed with what a signer fills it up with', () => {
    const file = Buffer.concat([driverFile(), Buffer.from('odd')]);
    assert.equal(readImage(signedFile(file, testCertificate), 'x.sys').hash, readImage(file, 'x.sys').hash);
  });

  it('a driver file tells its certificates, its version and its machine', () => {
    const image = readImage(signedFile(driverFile({ version: [1, 2, 3, 4] }), testCertificate), 'x.sys');
    assert.deepEqual(
      image.certificates.map((bytes) => Buffer.from(bytes)),
      [testCertificate],
    );
    assert.equal(signerOf(image)?.subject, 'CN=cmbridge test signing of tests');
    assert.equal(image.version, '1.2.3.4');
    assert.equal(image.machine, 0x8664);
    assert.deepEqual(readImage(driverFile(), 'x.sys').certificates, []);
    assert.equal(readImage(driverFile(), 'x.sys').version, null);
  });

  it('a damaged driver file is an error wherever it is cut, and never a crash', () => {
    const file = signedFile(driverFile(), testCertificate);
    for (let length = 0; length < file.length; length++) {
      try {
        readImage(file.subarray(0, length), 'x.sys');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'CMB_DRIVER_FILE', `${length} bytes: ${String(error)}`);
      }
    }
    assert.throws(() => readImage(Buffer.from('no program at all'), 'x.sys'), { code: 'CMB_DRIVER_FILE' });
  });

  it('a driver file for another machine, and one that is no driver, are refused by name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cmbridge-image-'));
    const path = join(folder, 'x.sys');
    try {
      writeFileSync(path, driverFile({ machine: 0xaa64 }));
      assert.throws(() => readDriver(path, 0x8664), /x\.sys is for arm64, and this machine is x64/);
      writeFileSync(path, driverFile({ subsystem: 3 }));
      assert.throws(() => readDriver(path, 0x8664), /is no driver/);
      assert.throws(() => readDriver(join(folder, 'none.sys'), 0x8664), { code: 'CMB_DRIVER_FILE' });
    } finally {
      rmSync(folder, { recursive: true });
    }
    assert.equal(packageDriver('/p', 0xaa64), join('/p', 'prebuilds', 'win32-arm64', 'cmbridge.sys'));
  });

  it('a driver file is compared by its hash first, and then by its version', () => {
    const image = (version?: readonly [number, number, number, number], filling = '') =>
      readImage(driverFile(version === undefined ? { filling } : { version, filling }), 'x.sys');
    assert.equal(compareDrivers(image([1, 0, 0, 0]), image([1, 0, 0, 0])), 'same');
    assert.equal(compareDrivers(image([1, 9, 0, 0]), image([1, 10, 0, 0])), 'older');
    assert.equal(compareDrivers(image([2, 0, 0, 0]), image([1, 10, 0, 0])), 'newer');
    assert.equal(compareDrivers(image([1, 0, 0, 0], 'a'), image([1, 0, 0, 0], 'b')), 'different');
    assert.equal(compareDrivers(image(undefined), image([1, 0, 0, 0])), 'different');
  });
});
