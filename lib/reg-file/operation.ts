// What a .reg file asks for, one operation for each of its keys and values.

/** One thing that a .reg file says. `path` is as it stands there (`HKEY_LOCAL_MACHINE\...`). */
export type RegOperation =
  | { readonly kind: 'createKey'; readonly line: number; readonly path: string }
  | { readonly kind: 'deleteKey'; readonly line: number; readonly path: string }
  | {
      readonly kind: 'setValue';
      readonly line: number;
      readonly path: string;
      /** Empty for the default value. */
      readonly name: string;
      readonly type: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'deleteValue'; readonly line: number; readonly path: string; readonly name: string };
