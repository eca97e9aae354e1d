// Would the node.exe of a fresh Windows 10 load the addon?
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DLL_CHARACTERISTICS as DLL, MACHINE, packageVersion, PeFile, prebuilt, SECTION } from './pe-files.js';

const file = new PeFile(prebuilt('cmbridge.node'));
// Parts of every Windows 10. No compiler's run-time library is among them.
const systemLibraries = ['advapi32.dll', 'crypt32.dll', 'kernel32.dll', 'msvcrt.dll', 'ntdll.dll', 'ucrtbase.dll'];

describe('the addon for Windows', () => {
  it('the addon for Windows is an image for x64 that may lie anywhere in memory', () => {
    assert.equal(file.machine, MACHINE.AMD64);
    for (const flag of ['NX_COMPAT', 'DYNAMIC_BASE', 'HIGH_ENTROPY_VA'] as const)
      assert.notEqual(file.dllCharacteristics & DLL[flag], 0, flag);
    assert.notEqual(file.relocations, 0);
  });

  it('no section of the addon for Windows is writable and executable', () => {
    for (const { name, flags } of file.sections)
      assert.ok((flags & SECTION.WRITE) === 0 || (flags & SECTION.EXECUTE) === 0, name);
  });

  it('the addon for Windows needs node.exe and parts of Windows only', () => {
    const foreign = file.imports
      .map(({ library }) => library.toLowerCase())
      .filter((name) => name !== 'node.exe' && !name.startsWith('api-ms-win-') && !systemLibraries.includes(name));
    assert.deepEqual(foreign, []);
  });

  it('the addon for Windows exports how Node.js starts it, and no more than Node.js asks for', () => {
    assert.deepEqual([...file.exports].sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  it('the version resource of the addon tells the version of the package', () => {
    assert.equal(file.version?.texts['ProductVersion'], packageVersion);
    assert.equal(file.version.texts['OriginalFilename'], 'cmbridge.node');
  });
});
