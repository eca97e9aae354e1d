// The options of registering, checked.

import { checkAltitude } from '../registry/altitude.js';
import type { LazyEvent } from '../decode/lazy-event.js';
import { invalidArgument } from '../base/errors.js';
import type { BreakerEvent, GapEvent } from '../event/event.js';
import {
  checkNotifyClasses,
  checkPhases,
  notifyClassMask,
  type NotifyClassName,
  type Phase,
} from '../registry/notify-class.js';
import { checkBoolean, checkInteger, checkOptions, quote, type SignalOption } from '../base/options.js';
import * as P from '../wire/protocol.js';
import type { ErrorCallback } from './outlet.js';
import type { BreakerOptions, DriverLimits, RateLimit, RegisterRequest } from './requests.js';
import type { RulesInput } from '../rules/program/driver-rules.js';

export interface RegisterOptions extends SignalOption {
  /** A decimal number as text. The higher, the earlier the pre and the later the post notification. */
  readonly altitude: string;
  /** Default: every class that Windows delivers, those of future versions included. */
  readonly classes?: readonly NotifyClassName[] | undefined;
  /** Default: both. */
  readonly phases?: readonly Phase[] | undefined;
  /** At most so many bytes of value data are captured per event. Default 4096. */
  readonly maxDataBytes?: number | undefined;
  /**
   * Set value and delete value tell what was there before (`previous`), delete key how many values and subkeys there were. It costs one
   * or two reads for each of these operations, which callbacks of lower altitude see. Default: false.
   */
  readonly oldValues?: boolean | undefined;
  /**
   * Which notifications of `classes` and `phases` become events: the first rule that matches decides, in the driver. Also takes what
   * `compileRules` made. Default: all become events.
   */
  readonly rules?: RulesInput | undefined;
  /** What becomes of a notification that no rule matches. Default: ignore. */
  readonly otherwise?: 'ignore' | 'notify' | undefined;
  /**
   * Reads that are the same in everything but number, time and duration, and come in one batch because the program is busy, make one
   * event: its `repeats` counts the others. Default: false.
   */
  readonly coalesceReads?: boolean | undefined;
  /** At most so many events per second. What is beyond is dropped before it costs anything, and counted in gaps. Default: no limit. */
  readonly rateLimit?: number | RateLimit | undefined;
  /**
   * A rehearsal: questions are asked and operations held, decisions are made, told and counted, but none is carried out. As `dryRun` in
   * every rule. Default: false.
   */
  readonly dryRun?: boolean | undefined;
  /** Processes that descend from this one are not asked about either, as this one never is. Default: false. */
  readonly exemptChildren?: boolean | undefined;
  /**
   * With `until-unload`, rules that block or bypass go on when the driver is closed or the program dies, and questions have their
   * defaults; `unregister()` ends it, or whoever registers at the altitude next, or the driver's end. Default: `while-open`.
   */
  readonly persist?: 'while-open' | 'until-unload' | undefined;
  /** When to stop asking a program that does not answer. */
  readonly breaker?: BreakerOptions | undefined;
  /** Gets what the callback throws or rejects with, and errors of the registration itself. */
  readonly onError?: ErrorCallback | undefined;
}

export interface LazyRegisterOptions extends Omit<RegisterOptions, 'onError'> {
  /** Gets what the callback throws or rejects with, and errors of the registration itself. */
  readonly onError?: ((error: unknown, event: LazyEvent | GapEvent | BreakerEvent | null) => void) | undefined;
}

export const registerOptionNames = [
  'altitude',
  'classes',
  'phases',
  'maxDataBytes',
  'oldValues',
  'rules',
  'otherwise',
  'coalesceReads',
  'rateLimit',
  'dryRun',
  'exemptChildren',
  'persist',
  'breaker',
  'signal',
  'onError',
];

type CheckedOptions = Omit<RegisterRequest, 'program'> & { readonly coalesceReads: boolean };

/** All but `rules`, `otherwise` and `onError`. */
export function checkRegisterOptions(checked: Record<string, unknown>, limits: DriverLimits): CheckedOptions {
  const { maxDataBytes } = limits;
  const flag = (name: string) => checkBoolean(name, checked[name], false);
  return {
    altitude: checkAltitude(checked['altitude']),
    classMask: checkClassMask(checked['classes'], checked['phases']),
    maxDataBytes: checkInteger(
      'maxDataBytes',
      checked['maxDataBytes'],
      0,
      maxDataBytes,
      Math.min(P.CMB_DEFAULT_DATA_BYTES, maxDataBytes),
    ),
    oldValues: flag('oldValues'),
    coalesceReads: flag('coalesceReads'),
    rateLimit: checkRateLimit(checked['rateLimit']),
    dryRun: flag('dryRun'),
    exemptChildren: flag('exemptChildren'),
    persist: checkPersist(checked['persist']),
    breaker: checkBreaker(checked['breaker']),
  };
}

function checkRateLimit(value: unknown): RateLimit | null {
  if (value === undefined) return null;
  if (typeof value === 'number') return { perSecond: checkInteger('rateLimit', value, 1, P.CMB_MAX_RATE, 0) };
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(`"rateLimit" must be a number or { perSecond, burst }, not ${quote(value)}`);
  }
  const { perSecond, burst } = checkOptions('rateLimit', value, ['perSecond', 'burst']);
  if (perSecond === undefined) throw invalidArgument('"rateLimit.perSecond" is missing');
  return {
    perSecond: checkInteger('rateLimit.perSecond', perSecond, 1, P.CMB_MAX_RATE, 0),
    burst: burst === undefined ? undefined : checkInteger('rateLimit.burst', burst, 1, P.CMB_MAX_RATE, 0),
  };
}

function checkClassMask(classes: unknown, phases: unknown): bigint {
  const checkedClasses = classes === undefined ? null : checkNotifyClasses(classes);
  const mask = notifyClassMask(checkedClasses, phases === undefined ? null : checkPhases(phases));
  if (mask !== 0n) return mask;
  throw invalidArgument(`None of the classes ${quote(classes)} belongs to the phases ${quote(phases)}`);
}

function checkPersist(value: unknown): RegisterRequest['persist'] {
  if (value === undefined || value === 'while-open') return 'while-open';
  if (value === 'until-unload') return value;
  throw invalidArgument(`"persist" must be "while-open" or "until-unload", not ${quote(value)}`);
}

function checkBreaker(value: unknown): BreakerOptions {
  const { missedDeadlines, coolDown } = checkOptions('breaker', value, ['missedDeadlines', 'coolDown']);
  return {
    missedDeadlines: checkInteger('breaker.missedDeadlines', missedDeadlines, 1, P.CMB_MAX_BREAKER_MISSES, 0),
    coolDown: checkInteger('breaker.coolDown', coolDown, P.CMB_MIN_BREAKER_COOL_DOWN, P.CMB_MAX_BREAKER_COOL_DOWN, 0),
  };
}
