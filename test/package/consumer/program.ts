// A program as users write it, compiled against the packed tarball. Lines below @ts-expect-error must not compile.
import {
  type Event,
  type KnownRegistryType,
  type NotifyClassName,
  NtStatus,
  NtStatusError,
  type Operation,
  type Registration,
  type RegistryType,
  type RegistryValue,
  type Rule,
  allow,
  block,
  emulate,
  openDriver,
  parseEvent,
  stringifyEvent,
} from 'cmbridge';
import { installDriver, type DriverStatus } from 'cmbridge/service';

export const known: KnownRegistryType = 'REG_SZ';
export const unknown: RegistryType = 'REG_TYPE_0x00000063';
// @ts-expect-error Windows has no type of this name
export const misspelt: KnownRegistryType = 'REG_STRING';
// @ts-expect-error nor one of this form
export const misnumbered: RegistryType = 'REG_TYPE_99';

export const rule: Rule = { keys: 'HKLM\\SOFTWARE\\**', valueTypes: ['REG_SZ', 'REG_DWORD'], action: 'notify' };
// @ts-expect-error a rule knows the types by name, too
export const badType: Rule = { valueTypes: ['REG_STRING'], action: 'notify' };
// @ts-expect-error there is no such action
export const badAction: Rule = { action: 'permit' };
export const operation: Operation = 'SetValueKey';
// @ts-expect-error operations are named without RegNtPre
export const badOperation: Operation = 'RegNtPreSetValueKey';
export const notifyClass: NotifyClassName = 'RegNtPreSetValueKey';
// @ts-expect-error a status that Windows does not name
export const badStatus = NtStatus.STATUS_NO_SUCH_STATUS;

export function textOf(value: RegistryValue): string | undefined {
  if (value.malformed) return undefined;
  if (value.type === 'REG_SZ') return value.data;
  if (value.type === 'REG_MULTI_SZ') return value.data.join();
  // @ts-expect-error the data of the other types are no texts
  return value.data;
}

export function describeEvent(event: Event): string {
  switch (event.class) {
    case 'RegNtPreSetValueKey':
      return `${event.key ?? '?'} ${event.valueName ?? '?'} ${event.value.type}`;
    case 'gap':
      // @ts-expect-error a gap is of no key
      return String(event.key);
    default:
      return stringifyEvent(event);
  }
}

export async function main(signal: AbortSignal): Promise<void> {
  const driver = await openDriver();
  try {
    const run: Registration = await driver.registerCallback({ altitude: '385210.4771', rules: [rule] });
    const cookie: bigint = run.cookie;
    for await (const event of run.events({ signal })) console.log(cookie, describeEvent(event));
    await driver.guard({ altitude: '385210.4772', keys: 'HKCU\\Software\\Contoso\\**' }, (event) =>
      event.process.imagePath === null ? block() : allow(),
    );
    // @ts-expect-error an altitude is a text, for a number cannot hold all of its digits
    await driver.registerCallback({ altitude: 385210.4771 });
  } catch (error) {
    if (error instanceof NtStatusError) console.log(error.code);
    else throw error;
  } finally {
    await driver.close();
  }
}

// @ts-expect-error what is emulated must be told
export const nothing = emulate();
export const parsed: Event = parseEvent('{}');

export async function inHarness(): Promise<boolean> {
  await using installed = await installDriver({ start: 'demand', onStep: (sentence) => console.log(sentence) });
  // @ts-expect-error drivers of this package do not start at boot
  await installDriver({ start: 'boot' });
  return installed.isNew;
}
export const told: DriverStatus['driver'] = 'older';
