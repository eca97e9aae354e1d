// Sets of notification classes that matter to rules: bit n stands for class n.

import { notifyClasses, notifyClassMask, type NotifyClass } from '../registry/notify-class.js';

export function maskOf(isIn: (entry: NotifyClass) => boolean): bigint {
  return notifyClasses.reduce((mask, entry) => (isIn(entry) ? mask | (1n << BigInt(entry.number)) : mask), 0n);
}

export function hasClass(mask: bigint, notifyClass: number): boolean {
  return ((mask >> BigInt(notifyClass)) & 1n) === 1n;
}

/** Operations about one value, which they name. RegNtQueryMultipleValueKey names many, an enumeration none. */
const namedValueOperations: ReadonlySet<string> = new Set(['SetValueKey', 'DeleteValueKey', 'QueryValueKey']);

/** Classes with the name of a value. */
export const valueNameMask = maskOf(({ operation }) => namedValueOperations.has(operation));
/** Classes with the type of a value that is written. */
export const valueTypeMask = maskOf(({ operation }) => operation === 'SetValueKey');
/** Classes of known operations that are not over. Those that Windows may add can be of either phase. */
const preMask = maskOf(({ phase }) => phase !== 'post');
/** Classes that may know how the operation ended. */
export const outcomeMask = notifyClassMask(null, null) & ~preMask;
/** Classes of operations that are over for certain. */
export const knownPostMask = maskOf(({ phase }) => phase === 'post');
