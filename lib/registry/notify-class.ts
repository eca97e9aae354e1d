import { invalidArgument } from '../base/errors.js';
import { didYouMean, quote } from '../base/options.js';

/** Which fields a notification carries beside the common ones. */
export type BodyKind = (typeof notifyClasses)[number]['body'];

/** Every notification class that Windows delivers since Server 2003, with its number in REG_NOTIFY_CLASS. */
export const notifyClasses = [
  { number: 0, name: 'RegNtPreDeleteKey', operation: 'DeleteKey', phase: 'pre', body: 'deleteKey' },
  { number: 1, name: 'RegNtPreSetValueKey', operation: 'SetValueKey', phase: 'pre', body: 'setValue' },
  { number: 2, name: 'RegNtPreDeleteValueKey', operation: 'DeleteValueKey', phase: 'pre', body: 'deleteValue' },
  {
    number: 3,
    name: 'RegNtPreSetInformationKey',
    operation: 'SetInformationKey',
    phase: 'pre',
    body: 'setInformation',
  },
  { number: 4, name: 'RegNtPreRenameKey', operation: 'RenameKey', phase: 'pre', body: 'rename' },
  { number: 5, name: 'RegNtPreEnumerateKey', operation: 'EnumerateKey', phase: 'pre', body: 'enumerateKey' },
  {
    number: 6,
    name: 'RegNtPreEnumerateValueKey',
    operation: 'EnumerateValueKey',
    phase: 'pre',
    body: 'enumerateValue',
  },
  { number: 7, name: 'RegNtPreQueryKey', operation: 'QueryKey', phase: 'pre', body: 'queryKey' },
  { number: 8, name: 'RegNtPreQueryValueKey', operation: 'QueryValueKey', phase: 'pre', body: 'queryValue' },
  {
    number: 9,
    name: 'RegNtPreQueryMultipleValueKey',
    operation: 'QueryMultipleValueKey',
    phase: 'pre',
    body: 'queryMultiple',
  },
  { number: 14, name: 'RegNtPreKeyHandleClose', operation: 'KeyHandleClose', phase: 'pre', body: 'close' },
  { number: 15, name: 'RegNtPostDeleteKey', operation: 'DeleteKey', phase: 'post', body: 'deleteKey' },
  { number: 16, name: 'RegNtPostSetValueKey', operation: 'SetValueKey', phase: 'post', body: 'setValue' },
  { number: 17, name: 'RegNtPostDeleteValueKey', operation: 'DeleteValueKey', phase: 'post', body: 'deleteValue' },
  {
    number: 18,
    name: 'RegNtPostSetInformationKey',
    operation: 'SetInformationKey',
    phase: 'post',
    body: 'setInformation',
  },
  { number: 19, name: 'RegNtPostRenameKey', operation: 'RenameKey', phase: 'post', body: 'rename' },
  { number: 20, name: 'RegNtPostEnumerateKey', operation: 'EnumerateKey', phase: 'post', body: 'enumerateKey' },
  {
    number: 21,
    name: 'RegNtPostEnumerateValueKey',
    operation: 'EnumerateValueKey',
    phase: 'post',
    body: 'enumerateValue',
  },
  { number: 22, name: 'RegNtPostQueryKey', operation: 'QueryKey', phase: 'post', body: 'queryKey' },
  { number: 23, name: 'RegNtPostQueryValueKey', operation: 'QueryValueKey', phase: 'post', body: 'queryValue' },
  {
    number: 24,
    name: 'RegNtPostQueryMultipleValueKey',
    operation: 'QueryMultipleValueKey',
    phase: 'post',
    body: 'queryMultiple',
  },
  { number: 25, name: 'RegNtPostKeyHandleClose', operation: 'KeyHandleClose', phase: 'post', body: 'close' },
  { number: 26, name: 'RegNtPreCreateKeyEx', operation: 'CreateKey', phase: 'pre', body: 'create' },
  { number: 27, name: 'RegNtPostCreateKeyEx', operation: 'CreateKey', phase: 'post', body: 'create' },
  { number: 28, name: 'RegNtPreOpenKeyEx', operation: 'OpenKey', phase: 'pre', body: 'create' },
  { number: 29, name: 'RegNtPostOpenKeyEx', operation: 'OpenKey', phase: 'post', body: 'create' },
  { number: 30, name: 'RegNtPreFlushKey', operation: 'FlushKey', phase: 'pre', body: 'plain' },
  { number: 31, name: 'RegNtPostFlushKey', operation: 'FlushKey', phase: 'post', body: 'plain' },
  { number: 32, name: 'RegNtPreLoadKey', operation: 'LoadKey', phase: 'pre', body: 'load' },
  { number: 33, name: 'RegNtPostLoadKey', operation: 'LoadKey', phase: 'post', body: 'load' },
  { number: 34, name: 'RegNtPreUnLoadKey', operation: 'UnLoadKey', phase: 'pre', body: 'unload' },
  { number: 35, name: 'RegNtPostUnLoadKey', operation: 'UnLoadKey', phase: 'post', body: 'unload' },
  { number: 36, name: 'RegNtPreQueryKeySecurity', operation: 'QueryKeySecurity', phase: 'pre', body: 'security' },
  { number: 37, name: 'RegNtPostQueryKeySecurity', operation: 'QueryKeySecurity', phase: 'post', body: 'security' },
  { number: 38, name: 'RegNtPreSetKeySecurity', operation: 'SetKeySecurity', phase: 'pre', body: 'security' },
  { number: 39, name: 'RegNtPostSetKeySecurity', operation: 'SetKeySecurity', phase: 'post', body: 'security' },
  {
    number: 40,
    name: 'RegNtCallbackObjectContextCleanup',
    operation: 'CallbackObjectContextCleanup',
    phase: 'cleanup',
    body: 'close',
  },
  { number: 41, name: 'RegNtPreRestoreKey', operation: 'RestoreKey', phase: 'pre', body: 'restore' },
  { number: 42, name: 'RegNtPostRestoreKey', operation: 'RestoreKey', phase: 'post', body: 'restore' },
  { number: 43, name: 'RegNtPreSaveKey', operation: 'SaveKey', phase: 'pre', body: 'save' },
  { number: 44, name: 'RegNtPostSaveKey', operation: 'SaveKey', phase: 'post', body: 'save' },
  { number: 45, name: 'RegNtPreReplaceKey', operation: 'ReplaceKey', phase: 'pre', body: 'replace' },
  { number: 46, name: 'RegNtPostReplaceKey', operation: 'ReplaceKey', phase: 'post', body: 'replace' },
  { number: 47, name: 'RegNtPreQueryKeyName', operation: 'QueryKeyName', phase: 'pre', body: 'queryName' },
  { number: 48, name: 'RegNtPostQueryKeyName', operation: 'QueryKeyName', phase: 'post', body: 'queryName' },
  { number: 49, name: 'RegNtPreSaveMergedKey', operation: 'SaveMergedKey', phase: 'pre', body: 'saveMerged' },
  { number: 50, name: 'RegNtPostSaveMergedKey', operation: 'SaveMergedKey', phase: 'post', body: 'saveMerged' },
] as const;

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
