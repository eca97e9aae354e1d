// Looks at the finished Windows files: would a Windows 10 1809 load them? node scripts/check-pe.mjs [--driver FILE] [--addon FILE]

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DLL_CHARACTERISTICS as DLL, PeFile, SECTION } from './lib/pe.mjs';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { values } = parseArgs({
  options: {
    driver: { type: 'string', default: inRoot('build/kernel/cmbridge.sys') },
    addon: { type: 'string', default: inRoot('prebuilds/win32-x64/cmbridge.node') },
  },
});

const AMD64 = 0x8664;
const NATIVE = 1;
// What an addon may need beside node.exe: parts of every Windows 10. No compiler's run-time DLL is among them.
const SYSTEM_LIBRARIES = new Set([
  'advapi32.dll',
  'crypt32.dll',
  'kernel32.dll',
  'msvcrt.dll',
  'ntdll.dll',
  'ucrtbase.dll',
]);

const failures = [];
let checks = 0;

function check(file, what, good) {
  checks += 1;
  if (!good) failures.push(`${file.path}: ${what}`);
}

// Name and content type of PKCS #7 SignedData, and the attribute that holds page hashes, as DER object identifiers.
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
// 1.3.6.1.4.1.311.2.3.2: of SHA-256
const PAGE_HASHES = Buffer.from('060a2b060104018237020302', 'hex');
const SPC_LINK_PAGE_HASH_CLASS = Buffer.from('a6b586d5b4a12466ae05a217da8e60d6', 'hex');

function allowedNames() {
  const definitions = readFileSync(inRoot('driver/ntoskrnl.def'), 'utf8');
  const [, list] = definitions.split(/^EXPORTS$/m);
  return new Set([...list.matchAll(/^\s+(\w+)/gm)].map((match) => match[1]));
}

/** What hal.dll of Windows 7 for x64 exports, as the import library of mingw-w64 has it. */
function halExports() {
  const library = execFileSync('x86_64-w64-mingw32-gcc', ['-print-file-name=libhal.a'], { encoding: 'utf8' }).trim();
  const symbols = execFileSync('x86_64-w64-mingw32-nm', ['--defined-only', library], { encoding: 'utf8' });
  return new Set([...symbols.matchAll(/ T (\w+)$/gm)].map((match) => match[1]));
}

function checkSections(file) {
  for (const section of file.sections) {
    const writable = (section.flags & SECTION.WRITE) !== 0;
    const executable = (section.flags & SECTION.EXECUTE) !== 0;
    check(file, `section ${section.name} is writable and executable`, !(writable && executable));
  }
  check(file, 'sections are not aligned to pages', file.sectionAlignment >= 4096 && file.sectionAlignment % 4096 === 0);
}

function checkCharacteristics(file, names) {
  for (const name of names) check(file, `${name} is not set`, (file.dllCharacteristics & DLL[name]) !== 0);
  check(file, 'is not for x64', file.machine === AMD64);
}

function checkDriver(path) {
  const file = new PeFile(path);
  checkCharacteristics(file, ['NX_COMPAT', 'DYNAMIC_BASE', 'HIGH_ENTROPY_VA']);
  // With it and without AddDevice the I/O manager refuses NtUnloadDriver: the service could never be stopped.
  check(file, 'WDM_DRIVER is set', (file.dllCharacteristics & DLL.WDM_DRIVER) === 0);
  checkSections(file);
  check(file, 'the subsystem is not native', file.subsystem === NATIVE);
  check(file, 'the checksum is 0', file.checksum !== 0);
  check(file, 'the checksum is wrong', file.checksum === file.computeChecksum());
  check(
    file,
    'imports from something else than ntoskrnl.exe',
    file.imports.length === 1 && file.imports[0].library === 'ntoskrnl.exe',
  );
  check(file, 'has delay imports', !file.delayImports);

  const allowed = allowedNames();
  const names = file.imports.flatMap((entry) => entry.names);
  for (const name of names) check(file, `imports ${name}, which driver/ntoskrnl.def does not list`, allowed.has(name));
  const halNames = halExports();
  check(file, "mingw-w64's list of the exports of hal.dll is empty", halNames.has('KeQueryPerformanceCounter'));
  for (const name of names)
    check(file, `imports ${name}, which was hal.dll's before Windows 10 2004`, !halNames.has(name));
  for (const name of allowed)
    check(file, `driver/ntoskrnl.def lists ${name}, which is not imported`, names.includes(name));
  check(file, 'has no exception handler: __C_specific_handler is not imported', names.includes('__C_specific_handler'));

  // Every function that calls another has an entry; without them no exception would find its handler.
  check(file, `has unwind data of ${file.unwindEntries} functions only`, file.unwindEntries > 30);

  const init = file.sections.find((section) => section.name === 'INIT');
  check(file, 'has no INIT section', init !== undefined);
  check(file, 'INIT is not discardable', init !== undefined && (init.flags & SECTION.DISCARDABLE) !== 0);
  for (const section of file.sections) {
    const kept = section.name !== 'INIT' && section.name !== '.reloc';
    check(file, `section ${section.name} is discardable`, !kept || (section.flags & SECTION.DISCARDABLE) === 0);
  }

  const { signature } = file;
  check(file, 'is not signed', signature?.includes(SIGNED_DATA));
  check(file, 'has no page hashes', signature?.includes(SPC_LINK_PAGE_HASH_CLASS) && signature.includes(PAGE_HASHES));
}

function checkAddon(path) {
  const file = new PeFile(path);
  checkCharacteristics(file, ['NX_COMPAT', 'DYNAMIC_BASE', 'HIGH_ENTROPY_VA']);
  checkSections(file);
  const libraries = file.imports.map((entry) => entry.library.toLowerCase());
  check(file, 'does not import from node.exe', libraries.includes('node.exe'));
  for (const library of libraries) {
    check(
      file,
      `needs ${library}`,
      library === 'node.exe' || SYSTEM_LIBRARIES.has(library) || library.startsWith('api-ms-win-'),
    );
  }
  for (const name of ['napi_register_module_v1']) check(file, `does not export ${name}`, file.exports.includes(name));
}

for (const [path, checkFile] of [
  [values.driver, checkDriver],
  [values.addon, checkAddon],
]) {
  if (existsSync(path)) checkFile(path);
  else failures.push(`${path} is missing`);
}
for (const failure of failures) console.error(failure);
console.log(`${checks} checks, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
