// Registers a callback with the rules of examples/rules.yaml, lets a simulated regedit import examples/sample.reg, and prints what the
// rules let through. Then the rules change while the callback stays registered.

import { readFile } from 'node:fs/promises';
import { explainRules, loadRules, openDriver, type Event } from 'cmbridge';

// The working directory is the package's when npm runs this.
const file = await loadRules('examples/rules.yaml');
for (const { line, message } of file.warnings) console.warn(`${file.fileName ?? ''}:${line ?? '?'}: ${message}`);

await using driver = await openDriver({ backend: 'simulator' });
const { simulator } = driver;
if (simulator === null) throw new Error('This example shows the simulator');

const registration = await driver.registerCallback(
  { altitude: '385210.4772', rules: file.rules, otherwise: file.otherwise },
  (event) => {
    console.log(describe(event));
  },
);
await using regedit = simulator.createProcess({ imagePath: 'C:\\Windows\\regedit.exe' });
await regedit.importReg(await readFile('examples/sample.reg'));

// From here on only one process tree is of interest.
await using installer = simulator.createProcess({ imagePath: 'C:\\Users\\Public\\setup.exe' });
const { sequence } = await registration.setRules([
  {
    name: 'installer',
    process: { tree: installer.id },
    operations: ['CreateKey', 'SetValueKey'],
    phases: 'post',
    action: 'notify',
  },
]);
console.log(`Other rules are in force for what begins after event #${sequence}`);
await using child = simulator.createProcess({ imagePath: 'C:\\Users\\Public\\helper.exe', parentId: installer.id });
for (const process of [regedit, child]) {
  const key = await process.createKeyPath('HKCU\\Software\\Contoso');
  await key.setValue('From', process.imagePath);
}

await registration.unregister();
const { callbacks, lost } = await driver.statistics();
console.log(`${callbacks} notifications of interest, ${lost} lost`);

function describe(event: Event): string {
  if (event.class === 'gap') return `${event.count} events were lost: ${event.causes.join(', ')}`;
  if (event.class === 'breaker') return `asking is ${event.state === 'open' ? 'suspended' : 'resumed'}`;
  const { rule } = explainRules(file.rules, event, { otherwise: file.otherwise });
  const name = rule === null ? 'other rules' : (file.rules[rule]?.name ?? `rule ${rule + 1}`);
  const value = event.operation === 'SetValueKey' ? ` ${event.valueName ?? '?'}` : '';
  return `#${event.sequence} ${event.class} ${event.key ?? '?'}${value} (${name})`;
}
