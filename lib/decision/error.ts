// The error of a decision that cannot be carried out.

import { CmBridgeError } from '../base/errors.js';

/** A decision that cannot be carried out. What was asked about ends as its rule says for when there is no answer. */
export class DecisionError extends CmBridgeError {
  /** Name of the notification class that it was for; null when the decision is wrong for every class. */
  readonly notifyClass: string | null;

  constructor(notifyClass: string | null, message: string, options?: ErrorOptions) {
    super('CMB_INVALID_DECISION', notifyClass === null ? message : `${notifyClass}: ${message}`, options);
    this.notifyClass = notifyClass;
  }
}
Object.defineProperty(DecisionError.prototype, 'name', { value: 'DecisionError', configurable: true, writable: true });
