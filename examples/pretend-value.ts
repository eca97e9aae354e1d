// What does a program do when a setting is missing, or another one? It runs in a world where that is so; nobody else sees it, and nothing
// is changed. pretend-value.js PROGRAM [ARGUMENT...] on Windows; in the simulator, without arguments, it has a program of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { emulate, openDriver, upcase, type SimulatedProcess } from 'cmbridge';

const key = 'HKLM\\SOFTWARE\\Contoso\\Notes';
/** Null: there is no such value. */
const pretended = new Map([
  ['EDITION', { data: 'Enterprise' }],
  ['SEATS', { data: 1000 }],
  ['LICENSE', null],
]);
const [program = 'notes.exe', ...programArguments] = process.argv.slice(2);

let reads = 0;

await using driver = await openDriver();
const { simulator } = driver;
await using notes = simulator?.createProcess({ imagePath: `C:\\Program Files\\Contoso\\${program}` }) ?? null;
if (notes !== null) await install(notes);
if (notes !== null) console.log(`Real: ${await settings(notes)}`);

{
  await using guard = await driver.guard(
    {
      altitude: '385210.4775',
      keys: `${key}\\**`,
      valueNames: [...pretended.keys()],
      process: { image: basename(program) },
    },
    {
      QueryValueKey: ({ valueName }) => {
        reads++;
        return emulate(pretended.get(upcase(valueName ?? '')) ?? 'notFound');
      },
    },
  );
  console.log(`Ready, at altitude ${guard.altitude}`);
  if (notes !== null) {
    console.log(`Pretended: ${await settings(notes)}`);
  } else {
    const [status] = (await once(spawn(program, programArguments, { stdio: 'inherit' }), 'exit')) as [number | null];
    process.exitCode = status ?? 1;
  }
}
console.log(`${program} has read such values ${reads} times`);
if (notes !== null) console.log(`Real: ${await settings(notes)}`);

async function install(installer: SimulatedProcess): Promise<void> {
  await using settings = await installer.createKeyPath(key);
  await settings.setValue('Edition', 'Home');
  await settings.setValue('License', '1111-2222');
}

async function settings(reader: SimulatedProcess): Promise<string> {
  await using open = await reader.openKey(key);
  const read = async (name: string) => {
    const value = await open.queryValue(name).catch(() => null);
    return `${name} ${value === null ? 'missing' : String(value.data)}`;
  };
  return [await read('Edition'), await read('Seats'), await read('License')].join(', ');
}
