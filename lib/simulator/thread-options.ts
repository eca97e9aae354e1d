// The options of what a thread of the simulator does beside opening keys: load hives, impersonate, act as the kernel.

import { invalidArgument } from '../base/errors.js';
import type { NativeToken } from '../native/native.js';
import { checkOptions, quote } from '../base/options.js';
import { impersonationLevels, type ImpersonationLevel } from '../security/token-names.js';
import { checkAccess, checkBits } from './key-options.js';
import type { SimulatedKey } from './simulated-key.js';
import { checkToken, tokenOptionNames, type TokenOptions } from './token.js';

export interface ImpersonateOptions extends TokenOptions {
  /** Default: impersonation. */
  readonly level?: ImpersonationLevel | undefined;
}

export interface LoadKeyOptions {
  /** The path is relative to this open key. */
  readonly root?: SimulatedKey | undefined;
  /** REG_* of NtLoadKeyEx: REG_OPEN_READ_ONLY, REG_NO_LAZY_FLUSH ... */
  readonly flags?: number | undefined;
}

export interface LoadAppKeyOptions {
  /** KEY_*. Default: KEY_ALL_ACCESS. */
  readonly access?: number | undefined;
  /** Besides REG_APP_HIVE; REG_PROCESS_PRIVATE for instance. */
  readonly flags?: number | undefined;
}

export interface CallerOptions {
  /** The previous mode. Default: user. */
  readonly mode?: 'user' | 'kernel' | undefined;
  /** Default: passive, which is all that user mode has; code in the kernel may be at APC_LEVEL. */
  readonly irql?: 'passive' | 'apc' | undefined;
}

const REG_APP_HIVE = 0x10;

/** The flags of NtLoadKeyEx. */
export function checkLoadKey(options: unknown): number {
  return checkBits('flags', checkOptions('loadKey()', options, ['root', 'flags']));
}

export function checkLoadAppKey(options: unknown): { readonly access: number; readonly flags: number } {
  const checked = checkOptions('loadAppKey()', options, ['access', 'flags']);
  return { access: checkAccess(checked), flags: (checkBits('flags', checked) | REG_APP_HIVE) >>> 0 };
}

export function checkImpersonation(options: unknown): { readonly token: NativeToken; readonly level: number } {
  const checked = checkOptions('impersonate()', options, [...tokenOptionNames, 'level']);
  const { level = 'impersonation' } = checked;
  const number = (impersonationLevels as readonly unknown[]).indexOf(level);
  if (number === -1) {
    throw invalidArgument(`"level" must be one of ${impersonationLevels.join(', ')}, not ${quote(level)}`);
  }
  return { token: checkToken(checked, false), level: number };
}

export function checkCaller(options: unknown): { readonly kernelMode: boolean; readonly irql: number } {
  const { mode = 'user', irql = 'passive' } = checkOptions('setCaller()', options, ['mode', 'irql']);
  if (mode !== 'user' && mode !== 'kernel') {
    throw invalidArgument(`"mode" must be "user" or "kernel", not ${quote(mode)}`);
  }
  if (irql !== 'passive' && irql !== 'apc') {
    throw invalidArgument(`"irql" must be "passive" or "apc", not ${quote(irql)}`);
  }
  return { kernelMode: mode === 'kernel', irql: irql === 'apc' ? 1 : 0 };
}
