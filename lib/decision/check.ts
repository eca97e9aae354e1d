// The checks of decisions that need no event.

import { CmBridgeError } from '../base/errors.js';
import { checkOptions, quote } from '../base/options.js';
import { CMB_MAX_DECISION_BYTES } from '../wire/protocol.js';
import { encodeValue, type EncodedValue, type ValueInput } from '../registry/value-input.js';
import type { QueryOutput } from './answer.js';
import { DecisionError } from './error.js';
import { isError, shown } from './status.js';

/** A copy, so that nobody changes the bytes before they are sent. */
export function checkReplacement(input: ValueInput, where: string | null = null): EncodedValue {
  requireWhole('replace()', input, where);
  const value = encoded('replace()', input, where);
  requireSize('replace()', value.data.byteLength, where);
  return { type: value.type, data: new Uint8Array(value.data) };
}

/** What value-input.ts objects to, as an error of the decision. */
export function encoded(what: string, input: ValueInput, where: string | null): EncodedValue {
  try {
    return encodeValue(input);
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    throw new DecisionError(where, `${what}: ${error.message}`, { cause: error });
  }
}

/** Refuses a value out of an event that was cut or could not be read. */
export function requireWhole(what: string, input: unknown, where: string | null): void {
  if (typeof input !== 'object' || input === null || !('type' in input)) return;
  const isCut = 'truncated' in input && input.truncated === true;
  const isLost = 'fault' in input && input.fault === true;
  if (!isCut && !isLost) return;
  throw new DecisionError(
    where,
    `${what}: the ${String(input.type)} is only what could be captured of a value; raise maxDataBytes, or give { type, data }`,
  );
}

export function requireSize(what: string, size: number, where: string | null): void {
  if (size <= CMB_MAX_DECISION_BYTES) return;
  throw new DecisionError(where, `${what}: ${size} bytes are more than a decision may have, ${CMB_MAX_DECISION_BYTES}`);
}

interface OverrideOptions {
  readonly output?: QueryOutput | undefined;
  readonly undo?: boolean | undefined;
}

export function checkOverride(options: OverrideOptions | undefined, status: number) {
  checkOptions('override()', options, ['output', 'undo']);
  return { output: checkOutput(options?.output, status), undo: checkUndo(options?.undo, status) };
}

export function checkOutput(output: QueryOutput | null | undefined, status: number, where: string | null = null) {
  if (output === undefined || output === null) return null;
  if (status === 0) return output;
  throw new DecisionError(
    where,
    `override(): an output goes with STATUS_SUCCESS, not with ${shown(status)}; that the caller's buffer is too small is found out from the output`,
  );
}

export function checkUndo(undo: unknown, status: number, where: string | null = null): boolean {
  if (undo === undefined || undo === false) return false;
  if (undo !== true) throw new DecisionError(where, `override(): "undo" must be true or false, not ${quote(undo)}`);
  if (isError(status)) return true;
  throw new DecisionError(
    where,
    `override(): "undo" takes back what succeeded, so it goes with an error, not with ${shown(status)}`,
  );
}
