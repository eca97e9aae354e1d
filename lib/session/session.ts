// One open handle of the control device, from HELLO until it is closed.

import { Dispatcher } from './dispatcher.js';
import type { NativeChannel } from '../native/native.js';
import { nativeStatus, statusError } from '../base/nt-error.js';
import { cookieError, registerError, unregisterError } from './request-error.js';
import { CmBridgeError, NtStatusError } from '../base/errors.js';
import { NtStatus, ntSuccess } from '../base/nt-status.js';
import { setTimeout } from 'node:timers/promises';
import * as P from '../wire/protocol.js';
import { Registration, type RegistrationOwner, type RegistrationParameters } from './registration.js';
import {
  registerReply,
  registerRequest,
  statisticsRequest,
  unregisterReply,
  unregisterRequest,
  type DriverLimits,
  type RegisterRequest,
  type UnregisterReply,
} from './requests.js';
import { Questions } from './questions.js';
import { Replies } from './replies.js';
import { setRulesReply, setRulesRequest, throwIfRefused } from './rules-requests.js';
import type { CompiledRules } from '../rules/rule.js';
import { statisticsReply, type Statistics } from './statistics.js';

/** So often, in milliseconds, and for so long REGISTER is repeated while a registration that is being removed is in its way. */
const registerPause = 50;
const registerPatience = 5000;

export interface RegisterParameters extends RegisterRequest, RegistrationParameters {
  /** Called before the first event is delivered. */
  readonly onCookie?: (cookie: bigint) => void;
}

/** One open handle of the control device, after HELLO: the requests of the protocol and the delivery of records. */
export class Session implements RegistrationOwner {
  readonly #questions = new Questions(new Replies((request) => this.#reply(request)));
  readonly dispatcher = new Dispatcher(() => {
    this.#channel?.acknowledge();
  }, this.#questions);
  #channel: NativeChannel | null = null;
  #pendingRegisters = new Set<Promise<unknown>>();
  #isReferenced = true;
  #isClosing = false;
  #goneStatus: number | null = null;
  #closed: Promise<void> | null = null;

  start(channel: NativeChannel, receives: number, receiveBytes: number, limits: DriverLimits): void {
    this.#channel = channel;
    this.#questions.start(limits.controlSet);
    this.dispatcher.start(limits.processSlots, limits.pathSlots);
    this.#updateReference();
    channel.startReceive(receives, receiveBytes);
  }

  get isOpen(): boolean {
    return !this.#isClosing && this.#goneStatus === null;
  }

  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#updateReference();
  }

  get asks(): boolean {
    return this.dispatcher.batches.asks;
  }

  roomAgain(): void {
    this.dispatcher.batches.release();
  }

  async register(parameters: RegisterParameters): Promise<Registration> {
    this.#requireOpen();
    const registering = this.#registerPatiently(parameters);
    this.#pendingRegisters.add(registering);
    try {
      return await registering;
    } finally {
      this.#pendingRegisters.delete(registering);
      this.#updateReference();
    }
  }

  /** A monitor that was restarted meets what its former self has left, until operations that have met that are through. */
  async #registerPatiently(parameters: RegisterParameters): Promise<Registration> {
    const input = registerRequest(parameters);
    const until = performance.now() + registerPatience;
    for (;;) {
      const registration = await this.#register(parameters, input);
      if (registration !== null) return registration;
      if (performance.now() >= until) throw registerError(NtStatus.STATUS_DELETE_PENDING, parameters.altitude);
      await setTimeout(registerPause);
    }
  }

  /** Null: whatever has the altitude is being removed. */
  async #register(parameters: RegisterParameters, input: Uint8Array): Promise<Registration | null> {
    const { altitude } = parameters;
    let registration: Registration | null = null;
    this.dispatcher.beginRegister();
    try {
      const what = `Registering at the altitude ${altitude}`;
      const reply = registerReply(await this.#control(P.CMB_IOCTL_REGISTER, input, P.CMB_REGISTER_REPLY.size, what));
      throwIfRefused(reply.status, reply.reason, reply.offset, what);
      if (reply.status >>> 0 === NtStatus.STATUS_DELETE_PENDING) return null;
      if (!ntSuccess(reply.status)) throw registerError(reply.status, altitude);
      registration = new Registration(this, reply.cookie, parameters);
      parameters.onCookie?.(reply.cookie);
    } finally {
      this.dispatcher.endRegister(registration);
      this.#updateReference();
    }
    if (this.#goneStatus !== null) {
      registration.end(this.#goneError());
      throw this.#goneError();
    }
    return registration;
  }

  /** UNREGISTER alone; the result is what the driver said. */
  async unregisterCookie(cookie: bigint): Promise<UnregisterReply> {
    const what = `Unregistering the cookie ${cookie}`;
    const input = unregisterRequest(cookie);
    return unregisterReply(await this.#control(P.CMB_IOCTL_UNREGISTER, input, P.CMB_UNREGISTER_REPLY.size, what));
  }

  async unregister(registration: Registration): Promise<void> {
    const { cookie } = registration;
    if (registration.active) {
      const { status, recorded, lost } = await this.unregisterCookie(cookie);
      if (!ntSuccess(status)) throw unregisterError(status, cookie);
      this.dispatcher.expect(cookie, recorded, lost);
      registration.markUnregistered();
    }
    await this.#drain(cookie);
    this.dispatcher.remove(cookie);
    registration.end(null);
    this.dispatcher.batches.release();
    this.#updateReference();
  }

  /** Until everything that the driver has counted for the registration is delivered: its records, and gaps for what it lost. */
  async #drain(cookie: bigint): Promise<void> {
    this.dispatcher.batches.beginDrain();
    this.#updateReference();
    try {
      while (this.#goneStatus === null && !this.dispatcher.isComplete(cookie)) {
        const before = this.dispatcher.batches.count;
        await this.dispatcher.batches.progress(this.dispatcher.isDamaged ? 50 : undefined);
        if (!this.dispatcher.isDamaged || this.dispatcher.batches.count > before) continue;
        // What a damaged batch has swallowed never comes.
        if ((await this.statistics(P.CMB_SCOPE_SESSION, 0n)).queueRecords === 0n) break;
      }
    } finally {
      this.dispatcher.batches.endDrain();
      this.#updateReference();
    }
  }

  /** SET_RULES; the number that records of operations under the new rules exceed. */
  async setRules(cookie: bigint, rules: CompiledRules | null): Promise<bigint> {
    const what = `Setting the rules of the cookie ${cookie}`;
    const input = setRulesRequest(cookie, rules?.bytes ?? null);
    const rulesets = this.dispatcher.rulesetsOf(cookie);
    rulesets?.propose(rules);
    const reply = setRulesReply(
      await this.#control(P.CMB_IOCTL_SET_RULES, input, P.CMB_SET_RULES_REPLY.size, what),
      what,
    );
    if (reply.status === NtStatus.STATUS_INVALID_PARAMETER) throw cookieError(reply.status, cookie);
    if (!ntSuccess(reply.status)) throw statusError(reply.status, what);
    rulesets?.accept();
    return reply.sequence;
  }

  async statistics(scope: number, cookie: bigint): Promise<Statistics> {
    const input = statisticsRequest(scope, cookie);
    const output = P.CMB_STATISTICS_REPLY.size;
    const reply = await this.#control(P.CMB_IOCTL_STATISTICS, input, output, 'Asking for statistics');
    const of = scope === P.CMB_SCOPE_REGISTRATION ? cookie : null;
    const coalesced = scope === P.CMB_SCOPE_DRIVER ? 0n : this.dispatcher.coalesced(of);
    return statisticsReply(reply, coalesced, this.dispatcher.latencyOf(of));
  }

  async registrationStatistics(cookie: bigint): Promise<Statistics> {
    try {
      return await this.statistics(P.CMB_SCOPE_REGISTRATION, cookie);
    } catch (error) {
      throw nativeStatus(error) === NtStatus.STATUS_NOT_FOUND ? cookieError(NtStatus.STATUS_NOT_FOUND, cookie) : error;
    }
  }

  /** The channel ended by itself. */
  gone(status: number): void {
    if (this.#goneStatus !== null) return;
    this.#goneStatus = status;
    this.dispatcher.end(this.#goneError());
    this.#updateReference();
  }

  /** Ends every registration that is not to stay, as unregister() does, then whatever `beforeClose` ends, then the handle. */
  close(beforeClose: () => Promise<void>): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#close(beforeClose);
    return this.#closed;
  }

  async #close(beforeClose: () => Promise<void>): Promise<void> {
    await Promise.allSettled(this.#pendingRegisters);
    // A failure leaves nothing registered either: the driver unregisters what the handle owns when it is closed.
    const leaving = this.dispatcher.registrations.filter(({ persists }) => !persists);
    await Promise.allSettled(leaving.map((registration) => registration.unregister()));
    try {
      await beforeClose();
    } finally {
      await this.#channel?.close();
      this.dispatcher.end(null);
    }
  }

  async #control(code: number, input: Uint8Array, outputLength: number, what: string): Promise<Uint8Array> {
    if (this.#goneStatus !== null) throw this.#goneError();
    if (this.#channel === null || (this.#isClosing && !this.#mayStillControl(code))) throw closedError();
    try {
      return await this.#channel.control(code, input, outputLength);
    } catch (error) {
      const status = nativeStatus(error);
      if (status === null) throw error;
      throw statusError(status, what, error);
    }
  }

  /** REPLY. Null: the session has ended, and with it whatever waited. */
  #reply(request: Uint8Array): Uint8Array | null {
    if (this.#goneStatus !== null || this.#channel === null) return null;
    try {
      return this.#channel.reply(request);
    } catch (error) {
      if (nativeStatus(error) === NtStatus.STATUS_FILE_CLOSED) return null;
      throw error;
    }
  }

  /** Closing itself unregisters and drains. */
  #mayStillControl(code: number): boolean {
    return this.dispatcher.registrations.length > 0 && code !== P.CMB_IOCTL_REGISTER;
  }

  #requireOpen(): void {
    if (this.#goneStatus !== null) throw this.#goneError();
    if (this.#isClosing) throw closedError();
  }

  #goneError(): NtStatusError {
    const message =
      'The driver has ended the session. Usually it was stopped or unloaded: start it and call openDriver() again';
    return new NtStatusError('CMB_DRIVER_GONE', this.#goneStatus ?? 0, message);
  }

  /** A process may exit when nothing is registered. */
  #updateReference(): void {
    const isBusy = this.dispatcher.batches.isDraining || this.#pendingRegisters.size > 0;
    const isWanted = this.#isReferenced && this.dispatcher.registrations.length > 0;
    if (this.#goneStatus === null && (isBusy || isWanted)) this.#channel?.ref();
    else this.#channel?.unref();
  }
}

function closedError(): CmBridgeError {
  return new CmBridgeError('CMB_DRIVER_CLOSED', 'The driver is closed; open it again with openDriver()');
}
