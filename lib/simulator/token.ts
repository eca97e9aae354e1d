// The options of tokens, for processes and for impersonation.

import { invalidArgument } from '../base/errors.js';
import type { NativeToken } from '../native/native.js';
import { checkBoolean, checkInteger, didYouMean, quote } from '../base/options.js';
import { integrityLevels, integrityRids, type IntegrityLevel } from '../security/token-names.js';
import { simulatedUserSid } from '../registry/registry-path.js';

export type IntegrityLevelName = IntegrityLevel;

/** Whom a simulated process or an impersonating thread acts for. */
export interface TokenOptions {
  /** A SID. Default: the user whose keys HKCU means. */
  readonly user?: string | undefined;
  /** A name, or the RID of the mandatory label. Default: `high` if elevated, otherwise `medium`; `system` for S-1-5-18. */
  readonly integrityLevel?: IntegrityLevelName | number | undefined;
  /** Administrators is among its groups. */
  readonly elevated?: boolean | undefined;
  /** Default: 1; 0 for S-1-5-18. */
  readonly sessionId?: number | undefined;
}

export const tokenOptionNames = ['user', 'integrityLevel', 'elevated', 'sessionId'];

export const localSystemSid = 'S-1-5-18';

/** `elevated` is what holds when neither it nor the integrity level was given. */
export function checkToken(checked: Record<string, unknown>, elevated: boolean): NativeToken {
  const userSid = checkSid('user', checked['user'], simulatedUserSid);
  const isSystem = userSid === localSystemSid;
  const given = checked['integrityLevel'];
  const rid = given === undefined ? null : checkIntegrity(given);
  const isElevated = checkBoolean('elevated', checked['elevated'], rid === null ? isSystem || elevated : rid >= 0x3000);
  const usual = isSystem ? integrityRids.system : isElevated ? integrityRids.high : integrityRids.medium;
  return {
    userSid,
    integrityLevel: rid ?? usual,
    elevated: isElevated,
    sessionId: checkInteger('sessionId', checked['sessionId'], 0, 0xffff_fffe, isSystem ? 0 : 1),
  };
}

function checkIntegrity(value: unknown): number {
  if (typeof value === 'number') return checkInteger('integrityLevel', value, 0, 0xffff, 0);
  const rid = new Map<unknown, number>(Object.entries(integrityRids)).get(value);
  if (rid !== undefined) return rid;
  const near = typeof value === 'string' ? didYouMean(value, integrityLevels) : '';
  throw invalidArgument(
    `"integrityLevel" must be a RID up to 0xffff or one of ${integrityLevels.join(', ')}, not ${quote(value)}${near}`,
  );
}

function checkSid(name: string, value: unknown, fallback: string): string {
  if (value === undefined) return fallback;
  const parts = typeof value === 'string' && /^S-1-\d{1,15}(-\d{1,10}){1,15}$/.test(value) ? value.split('-') : null;
  const [authority = Infinity, ...subAuthorities] = parts?.slice(2).map(Number) ?? [];
  if (authority < 2 ** 48 && subAuthorities.every((number) => number < 2 ** 32)) return value as string;
  throw invalidArgument(`"${name}" must be a SID such as "S-1-5-18", not ${quote(value)}`);
}
