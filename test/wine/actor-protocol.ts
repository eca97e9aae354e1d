// What regactor.exe is asked and what it answers.

/** CMK_OPERATION of test/wine/cmkernel/actor.h and the operations of test/wine/regactor/actor.h. */
export const Operation = {
  endThread: 0,
  createKey: 1,
  openKey: 2,
  closeKey: 3,
  setValue: 4,
  deleteValue: 5,
  deleteKey: 6,
  renameKey: 7,
  flushKey: 8,
  setInformation: 9,
  queryKey: 10,
  queryValue: 11,
  enumerateKey: 12,
  enumerateValue: 13,
  queryMultipleValues: 14,
  queryObjectName: 15,
  inject: 16,
  duplicateHandle: 17,
  querySecurity: 18,
  setSecurity: 19,
  loadKey: 20,
  unloadKey: 21,
  saveKey: 22,
  saveMergedKeys: 23,
  restoreKey: 24,
  replaceKey: 25,
  createTransaction: 26,
  commitTransaction: 27,
  rollbackTransaction: 28,
  load: 100,
} as const;

/** CMK_REQUEST of test/wine/cmkernel/actor.h. */
export interface Request {
  readonly handle?: number;
  readonly other?: number;
  readonly access?: number;
  readonly options?: number;
  readonly informationClass?: number;
  readonly index?: number;
  readonly length?: number;
  readonly attributes?: number;
  readonly name?: string;
  readonly className?: string | null;
  readonly data?: Uint8Array | null;
}

export interface Reply {
  readonly status: number;
  readonly handle: number;
  readonly disposition: number;
  readonly length: number;
  readonly data: Uint8Array;
}
