import type { LazyRegisterOptions, RegisterOptions } from '../../../lib/session/register-options.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { openDriverWith } from '../../../lib/driver/open-driver.js';
import * as P from '../../../lib/wire/protocol.js';
import type { Rule } from '../../../lib/rules/rule.js';
import { FakeAddon, type FakeChannel } from '../support/fake-addon.js';
import { batch, held, record, setValueRecord, type RecordInput } from '../support/records.js';

/** A driver that asks: its questions are whatever `ask` sends. */
export async function openAsking(receives = 4): Promise<[Driver, FakeChannel]> {
  const addon = new FakeAddon();
  addon.capabilities |= P.CMB_CAPABILITY_REPLY;
  const driver = await openDriverWith(() => addon, { receives });
  return [driver, addon.channel];
}

export const askRules: readonly Rule[] = [
  { name: 'first', keys: 'HKLM\\SYSTEM\\**', action: 'notify' },
  { name: 'careful', operations: 'SetValueKey', action: 'ask' },
];

export const asking = { altitude: '385000', rules: askRules } satisfies RegisterOptions & LazyRegisterOptions;

/** A set value that waits; of the registration `cookie`, by default the first one. */
export function ask(channel: FakeChannel, ticket: bigint, input: RecordInput = {}): void {
  const value = Buffer.from('v\0', 'utf16le');
  channel.notify((sequence) =>
    setValueRecord('name', 1, value, { cookie: 1000n, decided: held(ticket, 1), ...input, sequence }),
  );
}

/** Set values that wait, in one batch, with the numbers of their tickets. */
export function askTogether(channel: FakeChannel, ...tickets: bigint[]): void {
  const records = tickets.map((ticket) =>
    setValueRecord('name', 1, new Uint8Array(), { cookie: 1000n, decided: held(ticket, 1), sequence: ticket }),
  );
  channel.sendRaw(batch(records));
}

/** An event that nobody waits for. */
export function tell(channel: FakeChannel, input: RecordInput = {}): void {
  channel.notify((sequence) => record({ cookie: 1000n, ...input, sequence }));
}
