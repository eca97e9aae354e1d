// Registers a callback, lets a simulated regedit import examples/sample.reg, and prints what the kernel told about it.
// On Windows it watches the real registry instead, for ten seconds.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDriver, type Event } from 'cmbridge';

await using driver = await openDriver();
console.log(`Backend: ${driver.backend}, protocol ${driver.protocol.major}.${driver.protocol.minor}`);

// What an older version has left behind; the file deletes it.
if (driver.simulator !== null) {
  await using setup = driver.simulator.createProcess({ imagePath: 'C:\\Windows\\Temp\\setup3.exe' });
  const key = await setup.createKeyPath('HKCU\\Software\\Contoso\\Notes 3\\Recent');
  await key.setValue('0', 'C:\\Users\\Public\\todo.cnote');
}

const registration = await driver.registerCallback(
  {
    altitude: '385210.4771',
    classes: [
      'RegNtPostCreateKeyEx',
      'RegNtPreSetValueKey',
      'RegNtPostSetValueKey',
      'RegNtPostDeleteValueKey',
      'RegNtPostOpenKeyEx',
      'RegNtPostDeleteKey',
    ],
  },
  (event) => {
    console.log(describe(event));
  },
);
console.log(`Registered at altitude ${registration.altitude}, cookie ${registration.cookie}\n`);

if (driver.simulator !== null) {
  await using regedit = driver.simulator.createProcess({ imagePath: 'C:\\Windows\\regedit.exe' });
  // The working directory is the package's when npm runs this.
  await regedit.importReg(await readFile('examples/sample.reg'));
} else {
  await sleep(10_000);
}

await registration.unregister();
const statistics = await driver.statistics();
console.log(
  `\n${statistics.callbacks} notifications: ${statistics.delivered} delivered, ${statistics.lost} lost; ` +
    `the queue held ${statistics.queueRecordsPeak} records at most`,
);

function describe(event: Event): string {
  if (event.class === 'gap') return `${event.count} events were lost: ${event.causes.join(', ')}`;
  if (event.class === 'breaker') return `asking is ${event.state === 'open' ? 'suspended' : 'resumed'}`;
  const start = `#${String(event.sequence).padEnd(4)} pid ${event.processId} ${event.class.padEnd(24)} ${event.key ?? '?'}`;
  switch (event.class) {
    case 'RegNtPreSetValueKey':
      return `${start}\n      ${nameOf(event)} = ${event.value.type} ${show(event.value.data)}`;
    case 'RegNtPostCreateKeyEx':
      return `${start} ${event.disposition ?? event.statusName ?? ''}`;
    case 'RegNtPostDeleteValueKey':
      return `${start} ${nameOf(event)}: ${event.statusName ?? ''}`;
    default:
      return event.phase === 'post' ? `${start} ${event.statusName ?? ''}` : start;
  }
}

function nameOf({ valueName }: { valueName: string | null }): string {
  return valueName === '' ? '(Default)' : (valueName ?? '?');
}

function show(data: string | number | bigint | readonly string[] | Uint8Array): string {
  if (data instanceof Uint8Array) return Buffer.from(data).toString('hex');
  return typeof data === 'bigint' ? `${data}n` : JSON.stringify(data);
}
