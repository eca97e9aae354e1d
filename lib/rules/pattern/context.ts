// What rules are read with: the machine that they are meant for.

import { invalidArgument, type CmBridgeError } from '../../base/errors.js';
import { checkOptions, quote } from '../../base/options.js';
import { parseSid } from '../../security/sid.js';

/** What rules mean on one machine. */
export interface RuleContext {
  /** N of the ControlSet00N that CurrentControlSet leads to, 1 to 999. Without it, CurrentControlSet takes in every ControlSet*. */
  readonly controlSet?: number | undefined;
  /** The one account that HKCU means. Default: all of them. */
  readonly userSid?: string | undefined;
  /** Devices by drive letter: `{ 'C:': '\\Device\\HarddiskVolume3' }`. Without one, a drive letter stands for any volume. */
  readonly drives?: Readonly<Record<string, string>> | undefined;
}

/** What `compileRules` and `explainRules` know of the machine. */
export const contextNames = ['controlSet', 'userSid', 'drives'] as const;

export function checkContext(what: string, options: unknown, more: readonly string[]): RuleContext {
  const { controlSet, userSid, drives } = checkOptions(what, options, [...contextNames, ...more]);
  if (
    controlSet !== undefined &&
    !(Number.isInteger(controlSet) && Number(controlSet) > 0 && Number(controlSet) < 1000)
  ) {
    throw invalidOption('controlSet', 'an integer from 1 to 999', controlSet);
  }
  if (userSid !== undefined && typeof userSid !== 'string') throw invalidOption('userSid', 'a SID', userSid);
  if (userSid !== undefined) parseSid(userSid);
  return {
    ...(controlSet === undefined ? {} : { controlSet: Number(controlSet) }),
    ...(userSid === undefined ? {} : { userSid }),
    ...(drives === undefined ? {} : { drives: checkDrives(drives) }),
  };
}

/** The device of a drive letter with its colon; undefined if nobody has told. */
export function deviceOf(drive: string, { drives = {} }: RuleContext): string | undefined {
  return Object.entries(drives).find(([letter]) => letter.toUpperCase() === drive.toUpperCase())?.[1];
}

function checkDrives(drives: unknown): Readonly<Record<string, string>> {
  const isObject = typeof drives === 'object' && drives !== null;
  const isRight = Object.entries(isObject ? drives : {}).every(
    ([name, path]: [string, unknown]) =>
      /^[A-Za-z]:$/.test(name) && typeof path === 'string' && /^\\Device\\[^\\]/i.test(path),
  );
  if (isObject && isRight) return drives as Record<string, string>;
  throw invalidOption('drives', 'an object such as { "C:": "\\\\Device\\\\HarddiskVolume3" }', drives);
}

function invalidOption(name: string, expected: string, value: unknown): CmBridgeError {
  return invalidArgument(`"${name}" must be ${expected}, not ${quote(value)}`);
}
