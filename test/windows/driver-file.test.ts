// Would the kernel of Windows 10 1809 load cmbridge.sys, and run it as it should?
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readImage } from '../../lib/service/pe-image.js';
import { signDriver } from '../../lib/service/service.js';
import {
  DLL_CHARACTERISTICS as DLL,
  driverPath,
  importNames,
  MACHINE,
  packageVersion,
  PeFile,
  SECTION,
} from './pe-files.js';

const file = new PeFile(driverPath);
const names = file.imports.flatMap((entry) => entry.names);
/** The WDK's libraries bring a load configuration; mingw-w64 has none for kernels. */
const isWdkBuild = file.loadConfiguration !== null;
const architecture = file.machine === MACHINE.ARM64 ? 'ARM64' : 'x64';

const has = (flag: keyof typeof DLL) => (file.dllCharacteristics & DLL[flag]) !== 0;
const named = (flag: keyof typeof SECTION) =>
  file.sections.filter(({ flags }) => (flags & SECTION[flag]) !== 0).map(({ name }) => name);

/** What hal.dll of Windows 7 for x64 exports, as the import library of mingw-w64 has it. */
function halExports(): Set<string> {
  const library = execFileSync('x86_64-w64-mingw32-gcc-posix', ['-print-file-name=libhal.a'], { encoding: 'utf8' });
  const symbols = execFileSync('x86_64-w64-mingw32-nm', ['--defined-only', library.trim()], { encoding: 'utf8' });
  return new Set([...symbols.matchAll(/ T (\w+)$/gm)].map(([, name]) => name ?? ''));
}

describe(`cmbridge.sys for ${architecture}, built with ${isWdkBuild ? 'the WDK' : 'clang and lld'}`, () => {
  it('the driver is a native image for 64-bit processors', () => {
    const native = 1;
    assert.equal(file.subsystem, native);
    assert.ok(file.machine === MACHINE.AMD64 || file.machine === MACHINE.ARM64);
  });

  it('the driver is not marked as one of Plug and Play, which the I/O manager would not unload when its service stops', () => {
    assert.equal(has('WDM_DRIVER'), false);
  });

  it('the driver may lie anywhere in memory and its data are not executable', () => {
    assert.deepEqual(
      (['NX_COMPAT', 'DYNAMIC_BASE', 'HIGH_ENTROPY_VA'] as const).filter((flag) => !has(flag)),
      [],
    );
    assert.notEqual(file.relocations, 0, 'no relocations');
  });

  it('the checksum in the header is the one that Windows computes', () => {
    assert.notEqual(file.checksum, 0);
    assert.equal(file.checksum, file.computeChecksum());
  });

  it('the sections begin at pages, and none is writable and executable', () => {
    assert.equal(file.sectionAlignment, 4096);
    const executable = named('EXECUTE');
    assert.deepEqual(
      named('WRITE').filter((name) => executable.includes(name)),
      [],
    );
  });

  it('what only DriverEntry needs is thrown away, and nothing else is', () => {
    assert.ok(file.section('INIT'), 'no section INIT');
    assert.equal(file.sectionAt(file.entryPoint)?.name, isWdkBuild ? file.sectionAt(file.entryPoint)?.name : 'INIT');
    const kept = named('DISCARDABLE').filter((name) => !/^(INIT|\.reloc|\.rsrc|GFIDS)$/.test(name));
    assert.deepEqual(kept, []);
  });

  it('every import is one that ntoskrnl.exe of Windows 10 1809 exports', async () => {
    assert.deepEqual(
      file.imports.map(({ library }) => library),
      ['ntoskrnl.exe'],
    );
    assert.equal(file.hasDelayImports, false);
    const listed = await importNames('ntoskrnl.def');
    const allowed = isWdkBuild ? new Set([...listed, ...(await importNames('ntoskrnl-wdk.def'))]) : listed;
    assert.deepEqual(
      names.filter((name) => !allowed.has(name)),
      [],
    );
    if (!isWdkBuild)
      assert.deepEqual(
        [...listed].filter((name) => !names.includes(name)),
        [],
        'listed in vain',
      );
  });

  if (process.platform === 'linux' && !isWdkBuild) {
    it('no import was a routine of hal.dll before Windows 10 2004 joined the two', () => {
      const hal = halExports();
      assert.ok(hal.has('KeQueryPerformanceCounter'), "mingw-w64's list of the exports of hal.dll is empty");
      assert.deepEqual(
        names.filter((name) => hal.has(name)),
        [],
      );
    });
  }

  it('the driver has an exception handler, and unwind data by which it is found', () => {
    assert.ok(names.includes('__C_specific_handler'));
    assert.ok(file.unwindEntries > 30, `of ${file.unwindEntries} functions only`);
  });

  it('a stack that was overrun ends in a fast fail, by cookies that are chosen when the driver starts', () => {
    if (isWdkBuild) {
      assert.notEqual(file.loadConfiguration?.securityCookie, 0n);
      return;
    }
    const cookie = Buffer.alloc(8);
    cookie.writeBigUInt64LE(0x2b992ddfa232n);
    assert.ok(file.contents(file.section('.data')!).includes(cookie), 'no cookie');
    const text = file.contents(file.section('.text')!);
    assert.ok(text.includes(Buffer.from('b902000000cd29', 'hex')), 'nothing ends when a cookie has changed');
    // xor rax, rsp and the like: each cookie on a stack is mixed with the place where it lies.
    const mixed = [...text.toString('hex').matchAll(/4831e[0-7]/g)].length;
    assert.ok(mixed > 20, `cookies in ${mixed} places only`);
  });

  if (isWdkBuild) {
    it('indirect calls are checked by Control Flow Guard', () => {
      assert.ok(has('GUARD_CF'));
      assert.notEqual(file.loadConfiguration?.guardFunctions, 0n);
    });
  }

  if (process.platform === 'linux') {
    it('a signed copy is the same to a signature, has a right checksum, and osslsigncode finds its digest right', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cmbridge-signed-'));
      try {
        const out = join(folder, 'signed.sys');
        const machine = architecture === 'x64' ? 'x64' : 'arm64';
        const { hash } = await signDriver({ file: driverPath, out, machine });
        assert.equal(hash, readImage(await readFile(driverPath), driverPath).hash);
        const signed = new PeFile(out);
        assert.equal(signed.checksum, signed.computeChecksum());
        // A root that nobody trusts lets it end with an error.
        const { stdout } = spawnSync('osslsigncode', ['verify', '-in', out], { encoding: 'utf8' });
        const digests = [...stdout.matchAll(/message digest +: ([0-9A-F]{64})/gi)].map(([, digest]) => digest);
        assert.deepEqual(digests, [hash.toUpperCase(), hash.toUpperCase()], stdout);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }

  it('the version resource tells the version of the package', () => {
    const driver = 3;
    assert.equal(file.version?.fileType, driver);
    assert.equal(file.version.numbers, `${packageVersion.replace(/[^\d.].*/, '')}.0`);
    assert.equal(file.version.texts['ProductVersion'], packageVersion);
    assert.equal(file.version.texts['OriginalFilename'], 'cmbridge.sys');
  });

  it('the symbols beside the driver are those of this driver', async () => {
    const symbols = await readFile(driverPath.replace(/\.sys$/, '.pdb'));
    assert.ok(file.symbols, 'the driver names no symbols');
    assert.ok(symbols.includes(file.symbols.guid), 'the symbols are of another build');
    if (!isWdkBuild) assert.equal(file.symbols.path, 'cmbridge.pdb');
  });
});
