// A key with secrets that exist only in this program: whoever reads them is told, and what is written there lands nowhere.
// In the simulator a thief comes by; on Windows it waits for one until Ctrl+C.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { bypass, emulate, openDriver, upcase, type GuardEvent } from 'cmbridge';

const key = 'HKLM\\SOFTWARE\\Contoso\\Vault';
const values = [
  { name: 'Account', data: 'CONTOSO\\backup' },
  { name: 'Password', data: 'correct horse battery staple' },
  { name: 'Keys', data: ['7d3c-11', '7d3c-12'] },
  { name: 'Expires', type: 'REG_DWORD', data: 30 },
] as const;

await using driver = await openDriver();
const { simulator } = driver;

// The key itself is real, and empty.
if (simulator === null) {
  execFileSync('reg.exe', ['add', key, '/f'], { stdio: 'ignore' });
  process.once('exit', () => execFileSync('reg.exe', ['delete', key, '/f'], { stdio: 'ignore' }));
}
await using setup = simulator?.createProcess({ imagePath: 'C:\\Windows\\System32\\reg.exe' }) ?? null;
await setup?.createKeyPath(key);

await using guard = await driver.guard(
  { altitude: '385210.4774', keys: key, deadline: 1000 },
  {
    QueryValueKey(event) {
      tell(event, `reads ${event.valueName ?? '?'}`);
      return emulate(values.find(({ name }) => upcase(name) === upcase(event.valueName ?? '')) ?? 'notFound');
    },
    EnumerateValueKey(event) {
      const value = values[event.index];
      if (value !== undefined) tell(event, `comes upon ${value.name}`);
      return emulate(value ?? 'noMoreEntries');
    },
    QueryKey: () =>
      emulate({
        subKeys: 0,
        maxNameLength: 0,
        maxClassLength: 0,
        values: values.length,
        maxValueNameLength: 2 * Math.max(...values.map(({ name }) => name.length)),
        maxValueDataLength: 1024,
      }),
    SetValueKey(event) {
      tell(event, `writes ${event.valueName ?? '?'}`);
      return bypass();
    },
    DeleteValueKey(event) {
      tell(event, `deletes ${event.valueName ?? '?'}`);
      return bypass();
    },
  },
);
console.log(`Ready, at altitude ${guard.altitude}: ${key}`);

if (simulator === null) {
  await Promise.race([once(process.stdin.resume(), 'end'), once(process, 'SIGINT')]);
} else {
  await using thief = simulator.createProcess({ imagePath: 'C:\\Users\\Public\\free-games.exe' });
  await using vault = await thief.openKey(key);
  console.log(`The thief is told of ${(await vault.query()).values} values:`);
  for (const { name, value } of await vault.enumerateValues()) console.log(`  ${name} = ${String(value.data)}`);
  await vault.setValue('Password', 'mine now');
  console.log(`The password is: ${String((await vault.queryValue('password')).data)}`);
}

function tell({ process, processId, user }: GuardEvent, what: string): void {
  console.log(`${process.imagePath?.split('\\').at(-1) ?? '?'} (${processId}), user ${user ?? '?'}, ${what}`);
}
