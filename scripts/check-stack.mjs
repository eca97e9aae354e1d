// How much of a kernel thread's stack the driver may need: node scripts/check-stack.mjs [SOURCE...]
// Compiles the driver's sources with the flags of the shipped file and fails when a frame, or a chain of calls from a routine that
// the kernel calls, is over its budget. docs/architecture.md says where the budget comes from.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describePath, entriesOf, linkFunctions, measureChains, readAssembly } from './lib/stack.mjs';

const BUDGET = { frame: 2_048, chain: 7_168 };
// What a nested call needs beside the chain that it leads to: the kernel's way from a Zw routine to the next callback, and faults on
// memory that is paged out or gone.
const KERNEL_PATH = 3_072;
const FAULTS = 1_024;
const SHOWN = 8;
const CALLBACK = 'CallbackNotify';

// Routines of the kernel that call registry callbacks again, on the same stack: operations on keys, the close of a handle, the last
// reference to a key object, the name of a key.
const NESTED =
  /^(Zw\w*Key\w*|ZwClose|ZwSetSecurityObject|ObQueryNameString|ObfDereferenceObject|CmUnRegisterCallback)$/;

// What calls through pointers reach.
const POINTERS = [
  // The reader of a queue is woken.
  { from: /^driver\/(queue|record|decide)\/\w+\.c:(?!BodyDescribe$)/, to: /:ReceiverWake$/ },
  { from: /:BodyDescribe$/, to: /^driver\/record\/\w+\.c:(Body)?Describe[A-Z]/ },
  { from: /:IoctlDispatch$/, to: /^driver\/device\/\w+\.c:(Ioctl)?Handle[A-Z]/ },
  // Inline parts of lookaside lists, whose own routines are the kernel's.
  { from: /^driver\/key\/key_object\w*\.c:Key(Filter|Object)\w+$/, to: null },
  { from: /:EnterNode$/, to: /^driver\/rules\/\w+\.c:Add(Set|Hit)$/ },
  { from: /:SessionFindRegistration$/, to: /^driver\/session\/registration_keep\.c:(Take|IsLeaving)/ },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const toolchain = readFileSync(join(root, 'scripts/cmake/windows-kernel.cmake'), 'utf8');
const [, flagText] = /target_compile_options\(\$\{target\} PRIVATE\s+([^"]+?)-isystem/.exec(toolchain);
const [, optimization] = /CMAKE_C_FLAGS_RELEASE "([^"]+)"/.exec(toolchain);
const include = ['/usr/share/mingw-w64/include', '/usr/x86_64-w64-mingw32/include'].find((folder) =>
  existsSync(join(folder, 'ddk/wdm.h')),
);
const flags = [
  '--target=x86_64-w64-mingw32',
  '-std=c17',
  optimization,
  // As driver/CMakeLists.txt has it: cookies are on the stack, too.
  '-fstack-protector-strong',
  ...flagText.trim().split(/\s+/),
  '-isystem',
  join(include ?? '', 'ddk'),
  `-I${join(root, 'driver')}`,
  '-S',
];

function compile(source, output) {
  return new Promise((resolve, reject) => {
    const child = spawn('clang', [...flags, source, '-o', output], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve(readAssembly(readFileSync(output, 'utf8'), source)) : reject(new Error(`${source}: clang`)),
    );
  });
}

/** Assembly text is taken as it is. */
const read = (source, output) =>
  source.endsWith('.s') ? readAssembly(readFileSync(source, 'utf8'), source) : compile(source, output);

async function compileAll(sources) {
  const folder = mkdtempSync(join(tmpdir(), 'cmb-stack-'));
  const waiting = [...sources.entries()];
  const files = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      files.push(await read(next[1], join(folder, `${next[0]}.s`)));
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return files;
}

const given = process.argv.slice(2);
const sources = given.length > 0 ? given : JSON.parse(readFileSync(join(root, 'native/sources.json'), 'utf8')).driver;
const linked = linkFunctions(await compileAll(sources), POINTERS);
const chains = measureChains(linked);
const { functions, problems } = linked;

const entries = entriesOf(functions)
  .map((fn) => ({ fn, ...chains.get(fn) }))
  .toSorted((one, other) => other.bytes - one.bytes);
console.log('Worst chains:');
for (const { bytes, path } of entries.slice(0, SHOWN)) console.log(`  ${bytes}: ${describePath(path)}`);
for (const fn of functions)
  if (fn.frame > BUDGET.frame)
    problems.push(`${fn.name} has a frame of ${fn.frame} bytes; the budget is ${BUDGET.frame}`);
for (const { bytes, path } of entries)
  if (bytes > BUDGET.chain)
    problems.push(`a chain takes ${bytes} bytes; the budget is ${BUDGET.chain}: ${describePath(path)}`);

const [, nested] = /^#define STACK_FOR_NESTED (\d+)$/m.exec(readFileSync(join(root, 'driver/base/stack.h'), 'utf8'));
if (Number(nested) < KERNEL_PATH + BUDGET.chain + FAULTS)
  problems.push(
    `STACK_FOR_NESTED is ${nested}, less than one more chain needs: ${KERNEL_PATH + BUDGET.chain + FAULTS}`,
  );

const callback = entries.find(({ fn }) => fn.name === CALLBACK);
if (callback) {
  console.log(`Where ${CALLBACK} may be called again below itself:`);
  for (const [name, { bytes, path }] of [...callback.imports].filter(([name]) => NESTED.test(name)))
    console.log(`  ${bytes} before ${name}: ${describePath(path)}`);
}
for (const problem of problems) console.error(problem);
console.log(`${functions.length} functions, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
