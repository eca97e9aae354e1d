// Asks on the console before a program changes what Windows starts at logon. Without an answer, the change is refused.
// protect-run-key.js [SECONDS]: time for an answer, at most 10. In the simulator a setup program tries; on Windows it guards until Ctrl+C.

import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { allow, block, guardedByDefault, openDriver, type DecidedEvent, type GuardEvent } from 'cmbridge';

const key = 'SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run';
const deadline = 1000 * Number(process.argv[2] ?? 8);
const person = createInterface({ input: process.stdin, output: process.stdout });
const gone = once(person, 'close').then(() => 'no');
let turn: Promise<unknown> = Promise.resolve();

await using driver = await openDriver();
await using guard = await driver.guard(
  {
    altitude: '385210.4773',
    keys: [`HKLM\\${key}`, `HKLM\\${key}Once`, `HKCU\\${key}`, `HKCU\\${key}Once`],
    // Programs that only read open keys with it, too.
    operations: guardedByDefault.filter((operation) => operation !== 'CreateKey'),
    // Windows itself loads the keys of a user, and so these, at logon.
    except: { operations: ['LoadKey', 'UnLoadKey'], process: { user: 'S-1-5-18' } },
    deadline,
    onTimeout: 'block',
    onDecision: (event) => {
      console.log(`${outcomeOf(event)}: ${describe(event)}`);
    },
  },
  async (event) => {
    // One question at a time.
    const answer = turn.then(() => ask(event));
    turn = answer;
    return (await answer) ? allow() : block();
  },
);
console.log(`Ready, at altitude ${guard.altitude}`);

if (driver.simulator === null) {
  await gone;
} else {
  await using setup = driver.simulator.createProcess({ imagePath: 'C:\\Users\\Public\\setup.exe' });
  const run = await setup.createKeyPath(`HKCU\\${key}`);
  for (const name of ['Updater', 'Toolbar', 'Miner']) {
    await run.setValue(name, `C:\\Users\\Public\\${name}.exe`).catch(() => undefined);
  }
  await using software = await setup.openKey('HKCU\\Software\\Microsoft\\Windows');
  await software.rename('Doors').catch(() => undefined);
  // Until then, the last of them may not have been told.
  await guard.unregister();
  console.log(`What will be started: ${(await run.enumerateValues()).map(({ name }) => name).join(', ') || 'nothing'}`);
}
person.close();

async function ask(event: GuardEvent): Promise<boolean> {
  // A little before the driver stops waiting.
  const time = Number(event.time / 1_000_000n) + deadline - 100 - Date.now();
  const question = person.question(`${describe(event)}? [y/N] `, { signal: AbortSignal.timeout(Math.max(time, 0)) });
  const answer = await Promise.race([question, gone]).catch(() => 'no');
  return /^y(es)?$/i.test(answer.trim());
}

function describe(event: GuardEvent | DecidedEvent): string {
  const program = event.process.imagePath?.split('\\').at(-1) ?? 'A program';
  const what = 'valueName' in event ? `${event.operation} "${event.valueName ?? '?'}" in` : event.operation;
  const value = event.operation === 'SetValueKey' ? ` = ${String(event.value.data)}` : '';
  return `${program} (${event.processId}): ${what} ${event.key ?? '?'}${value}`;
}

function outcomeOf({ decision }: DecidedEvent): string {
  const verb = decision.kind === 'allow' ? 'Allowed' : 'Refused';
  return decision.decidedBy === 'callback' ? verb : `${verb} (${decision.decidedBy})`;
}
