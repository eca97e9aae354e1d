// Notification classes by name and number, and the masks of classes that the driver takes.

import { invalidArgument } from '../base/errors.js';
import { didYouMean, quote } from '../base/options.js';
import { notifyClasses } from './notify-class-table.js';

export { notifyClasses };

/** Which fields a notification carries beside the common ones. */
export type BodyKind = (typeof notifyClasses)[number]['body'];

export type NotifyClass = (typeof notifyClasses)[number];
export type NotifyClassName = NotifyClass['name'];
export type Operation = NotifyClass['operation'];
export type Phase = 'pre' | 'post';

/** Still in every header, but no Windows after XP delivers them; each has a successor whose name ends with Ex. */
const xpOnly = new Map([
  ['RegNtPreCreateKey', 10],
  ['RegNtPostCreateKey', 11],
  ['RegNtPreOpenKey', 12],
  ['RegNtPostOpenKey', 13],
]);
const xpOnlyMask = 0x3c00n;

const byName = new Map<string, NotifyClass>(notifyClasses.map((entry) => [entry.name, entry]));
const byNumber: (NotifyClass | undefined)[] = [];
for (const entry of notifyClasses) byNumber[entry.number] = entry;

export function notifyClassByNumber(number: number): NotifyClass | undefined {
  return byNumber[number];
}

export function checkNotifyClasses(names: unknown): NotifyClass[] {
  if (!Array.isArray(names)) throw invalidArgument('"classes" must be an array of notification class names');
  if (names.length === 0) throw invalidArgument('"classes" is empty; leave it out to get every class');
  return names.map((name) => checkNotifyClass(name));
}

/** `alsoKnown` are other words that could have been meant. */
export function checkNotifyClass(name: unknown, alsoKnown: Iterable<string> = []): NotifyClass {
  const entry = typeof name === 'string' ? byName.get(name) : undefined;
  if (entry !== undefined) return entry;
  for (const [old, number] of xpOnly) {
    if (name !== old && name !== number) continue;
    throw invalidArgument(
      `${old} (${number}) was delivered by Windows XP only, so a registration would never see it; use ${old}Ex`,
    );
  }
  const numbered = typeof name === 'number' ? notifyClassByNumber(name) : undefined;
  if (numbered !== undefined) {
    throw invalidArgument(`Notification classes go by name: for ${numbered.number}, give "${numbered.name}"`);
  }
  throw invalidArgument(
    `Unknown notification class ${quote(name)}${didYouMean(String(name), [...byName.keys(), ...alsoKnown])}`,
  );
}

export function checkPhases(phases: unknown): Phase[] {
  if (!Array.isArray(phases) || phases.length === 0 || !phases.every((phase) => phase === 'pre' || phase === 'post')) {
    throw invalidArgument(`"phases" must be an array of "pre" and "post", not ${quote(phases)}`);
  }
  return phases as Phase[];
}

/**
 * The bits for the driver. Without any wish every bit is set, so that classes which future versions of Windows add arrive
 * too, as events of class "unknown".
 */
export function notifyClassMask(classes: readonly NotifyClass[] | null, phases: readonly Phase[] | null): bigint {
  if (classes === null && phases === null) return 0xffff_ffff_ffff_ffffn & ~xpOnlyMask;
  let mask = 0n;
  for (const entry of classes ?? notifyClasses) {
    if (phases === null || entry.phase === 'cleanup' || phases.includes(entry.phase))
      mask |= 1n << BigInt(entry.number);
  }
  return mask;
}
