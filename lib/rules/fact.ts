// What the driver has before it when it looks at conditions, in the form that their values are compared with.

import type { KeyAlternative } from './pattern/key-pattern.js';
import { matchesPath } from './pattern/pattern.js';

/** The spellings of a path: as it is, and under the other names of the key. Components in upper case. */
export interface KeyFact {
  readonly path: string;
  readonly names: readonly string[];
  readonly aliases: readonly (readonly string[])[];
}

/** The program of a process; its names are the components of the path in upper case. */
export interface ImageFact {
  readonly path: string;
  readonly names: readonly string[];
}

/** A process and its ancestors, as far as they are known. */
export interface LineFact {
  /** The process first, then its parent, and so on. */
  readonly ids: readonly number[];
  readonly isWhole: boolean;
}

export type Outcome = 'success' | 'failure';

/** The facts of one operation, by the condition that looks at them. */
export interface FactValues {
  readonly keys: readonly KeyFact[];
  readonly valueNames: string;
  readonly valueTypes: number;
  readonly outcome: Outcome;
  readonly image: ImageFact;
  readonly user: string;
  readonly id: number;
  readonly session: number;
  readonly elevated: boolean;
  readonly tree: LineFact;
}

/** Null: there is no such thing, or it is not known. Undefined: not told. */
export type ConditionFacts = { readonly [N in keyof FactValues]: FactValues[N] | null | undefined };

/** A pattern that came from HKCU is about accounts, so it matches no alias that is the hive of an account's classes. */
export function matchesKey({ pattern, isOfAccount }: KeyAlternative, { names, aliases }: KeyFact): boolean {
  if (matchesPath(pattern, names)) return true;
  return aliases.some((spelling) => {
    const isHiveOfClasses = spelling[1] === 'USER' && spelling[2]?.endsWith('_CLASSES') === true;
    return !(isOfAccount && isHiveOfClasses) && matchesPath(pattern, spelling);
  });
}

/** Null: an ancestor that is not known could be the one. */
export function isInTree(trees: readonly number[], { ids, isWhole }: LineFact): boolean | null {
  if (trees.some((tree) => ids.includes(tree))) return true;
  return isWhole ? false : null;
}
