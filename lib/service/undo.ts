// What was done so far, and how it is taken back when a later step fails.

import { CmBridgeError } from '../base/errors.js';

interface Step {
  readonly what: string;
  readonly undo: () => Promise<void> | void;
}

export class UndoList {
  readonly #steps: Step[] = [];

  /** `what` completes "could not be taken back: ". */
  add(what: string, undo: () => Promise<void> | void): void {
    this.#steps.push({ what, undo });
  }

  /** Takes back, the last step first, and gives the error to throw: with what could not be taken back, if there is such. */
  async takeBack(error: unknown): Promise<unknown> {
    const left: string[] = [];
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        await undo();
      } catch (failure) {
        left.push(`${what}: ${failure instanceof Error ? failure.message : String(failure)}`);
      }
    }
    if (left.length === 0) return error;
    const code = error instanceof CmBridgeError ? error.code : 'CMB_WINDOWS_ERROR';
    const message = error instanceof Error ? error.message : String(error);
    return new CmBridgeError(code, `${message}. What was done could not be taken back wholly: ${left.join('; ')}`, {
      cause: error,
    });
  }
}
