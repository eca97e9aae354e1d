// The options of opening and creating keys, and where the key of a path lies.

import { invalidArgument } from '../base/errors.js';
import { checkBytes, checkInteger, checkOptions, quote } from '../base/options.js';
import { nativeKey } from '../registry/registry-path.js';
import { SimulatedKey } from './simulated-key.js';
import { SimulatedTransaction } from './simulated-transaction.js';

export interface OpenKeyOptions {
  /** The path is relative to this open key. */
  readonly root?: SimulatedKey | undefined;
  /** KEY_*. Default: KEY_ALL_ACCESS. */
  readonly access?: number | undefined;
  /** The registry as programs of so many bits see it: KEY_WOW64_32KEY or KEY_WOW64_64KEY. Default: as the process is. */
  readonly view?: 32 | 64 | undefined;
  /** REG_OPTION_* */
  readonly options?: number | undefined;
  /** OBJ_*, besides OBJ_CASE_INSENSITIVE, which is always there. */
  readonly attributes?: number | undefined;
  /** What is done with the key is part of this transaction. */
  readonly transaction?: SimulatedTransaction | undefined;
}

export interface CreateKeyOptions extends OpenKeyOptions {
  readonly className?: string | undefined;
  /** A self-relative SECURITY_DESCRIPTOR for a key that is made. Default: what it inherits. */
  readonly securityDescriptor?: Uint8Array | undefined;
}

export const openKeyOptionNames = ['root', 'access', 'view', 'options', 'attributes', 'transaction'];
export const createKeyOptionNames = [...openKeyOptionNames, 'className', 'securityDescriptor'];

export const REG_OPTION_CREATE_LINK = 2;
export const OBJ_OPENLINK = 0x100;
const KEY_ALL_ACCESS = 0xf003f;
const KEY_WOW64_64KEY = 0x0100;
const KEY_WOW64_32KEY = 0x0200;
const OBJ_CASE_INSENSITIVE = 0x40;

export interface Location {
  /** Of the root, or 0. */
  readonly handle: number;
  /** What goes to the system service. */
  readonly name: string;
  /** The whole path. */
  readonly full: string;
}

export interface KeyArguments {
  readonly access: number;
  readonly options: number;
  readonly attributes: number;
  readonly transaction: number;
  readonly className: string | null;
  readonly securityDescriptor: Uint8Array | null;
}

export function checkKeyOptions(what: string, options: unknown, known: readonly string[]): KeyArguments {
  const checked = checkOptions(what, options, known);
  const { className = null, securityDescriptor = null } = checked;
  if (className !== null && typeof className !== 'string') {
    throw invalidArgument(`"className" must be a string, not ${quote(className)}`);
  }
  return {
    // Bits up to the 31st: | alone would make a signed number.
    access: (checkAccess(checked) | viewAccess(checked['view'])) >>> 0,
    options: checkBits('options', checked),
    attributes: (checkBits('attributes', checked) | OBJ_CASE_INSENSITIVE) >>> 0,
    transaction: transactionHandle(checked['transaction']),
    className,
    securityDescriptor: securityDescriptor === null ? null : checkBytes('securityDescriptor', securityDescriptor),
  };
}

type Checked = Readonly<Record<string, unknown>>;

/** The option `access`: KEY_*. */
export function checkAccess(checked: Checked): number {
  return checkBits('access', checked, KEY_ALL_ACCESS);
}

/** An option that is a mask of 32 bits. */
export function checkBits(name: string, checked: Checked, fallback = 0): number {
  return checkInteger(name, checked[name], 0, 0xffff_ffff, fallback);
}

/** HKCU means the user with `userSid`. */
export function locate(path: string, root: SimulatedKey | undefined, userSid: string): Location {
  if (root === undefined) {
    const full = nativeKey(path, userSid);
    return { handle: 0, name: full, full };
  }
  if (typeof path !== 'string') throw invalidArgument(`A key name must be a string, not ${quote(path)}`);
  if (!(root instanceof SimulatedKey)) throw invalidArgument(`"root" must be an open key, not ${quote(root)}`);
  return { handle: root.handle, name: path, full: `${root.path}\\${path}` };
}

function viewAccess(view: unknown): number {
  if (view === undefined) return 0;
  if (view === 32) return KEY_WOW64_32KEY;
  if (view === 64) return KEY_WOW64_64KEY;
  throw invalidArgument(`"view" must be 32 or 64, not ${quote(view)}`);
}

function transactionHandle(transaction: unknown): number {
  if (transaction === undefined) return 0;
  if (transaction instanceof SimulatedTransaction) return transaction.handle;
  throw invalidArgument(`"transaction" must be what createTransaction() gave, not ${quote(transaction)}`);
}
