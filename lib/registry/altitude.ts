// Altitudes: their check and their order.

import { CmBridgeError } from '../base/errors.js';
import { CMB_MAX_ALTITUDE_BYTES } from '../wire/protocol.js';

const maximumLength = CMB_MAX_ALTITUDE_BYTES / 2;

/**
 * Refuses what is not a decimal number. The kernel compares altitudes as numbers but does not look at their characters, so
 * that a malformed altitude would be accepted there and sorted somewhere.
 */
export function checkAltitude(altitude: unknown): string {
  const expected = 'an altitude is a decimal number as text, such as "385210" or "385210.4771"';
  if (typeof altitude !== 'string') {
    const kind = altitude === null ? 'null' : typeof altitude;
    throw new CmBridgeError('CMB_INVALID_ALTITUDE', `The altitude is of type ${kind}; ${expected}`);
  }
  if (!/^[0-9]+(\.[0-9]+)?$/.test(altitude) || altitude.endsWith('\n')) {
    throw new CmBridgeError(
      'CMB_INVALID_ALTITUDE',
      `The altitude ${JSON.stringify(altitude)} is malformed; ${expected}`,
    );
  }
  if (altitude.length > maximumLength) {
    throw new CmBridgeError(
      'CMB_INVALID_ALTITUDE',
      `The altitude has ${altitude.length} characters; the driver takes at most ${maximumLength}`,
    );
  }
  return altitude;
}

/**
 * Orders altitudes as the kernel does: as decimal numbers of unlimited precision. Negative when `a` is lower, 0 when the two
 * collide ("385100" and "0385100.0"), positive when `a` is higher, which means that its pre notification comes first.
 */
export function compareAltitudes(a: string, b: string): number {
  const [integerA, fractionA] = split(checkAltitude(a));
  const [integerB, fractionB] = split(checkAltitude(b));
  if (integerA.length !== integerB.length) return integerA.length - integerB.length;
  return compareText(integerA, integerB) || compareText(fractionA, fractionB);
}

function split(altitude: string): [integer: string, fraction: string] {
  const [integer = '', fraction = ''] = altitude.split('.');
  return [integer.replace(/^0+/, ''), fraction.replace(/0+$/, '')];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
