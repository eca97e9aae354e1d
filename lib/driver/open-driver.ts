// Opens a session: finds the native part, opens its channel, and says HELLO.

import { Driver } from './driver.js';
import { abortError, CmBridgeError, invalidArgument } from '../base/errors.js';
import { loadNative } from '../native/native-loader.js';
import type { BackendName, NativeAddon, NativeChannel } from '../native/native.js';
import { openError } from './open-error.js';
import { nativeStatus, statusError } from '../base/nt-error.js';
import { NtStatus, ntSuccess } from '../base/nt-status.js';
import { checkInteger, checkOptions, checkSignal, quote, throwIfAborted, type SignalOption } from '../base/options.js';
import * as P from '../wire/protocol.js';
import { helloReply, helloRequest, type HelloReply } from '../session/requests.js';
import { Session } from '../session/session.js';
import { Simulator } from '../simulator/simulator.js';

export interface OpenDriverOptions extends SignalOption {
  /** Default: the device on Windows, the simulator elsewhere; `driver.backend` tells which. */
  readonly backend?: 'auto' | BackendName | undefined;
  /** Default: CmBridge, which is \\.\CmBridge. */
  readonly deviceName?: string | undefined;
  /** Bytes and records that the driver may queue for this session. */
  readonly queueBytes?: number | undefined;
  readonly queueRecords?: number | undefined;
  /** So many operations may wait for decisions of this session at a time, 1 to 16384; to more, the defaults of their rules apply. Default 1024. */
  readonly maxHeld?: number | undefined;
  /** So many RECEIVE requests are kept pended, of `receiveBytes` each. */
  readonly receives?: number | undefined;
  readonly receiveBytes?: number | undefined;
}

const optionNames = [
  'backend',
  'deviceName',
  'queueBytes',
  'queueRecords',
  'maxHeld',
  'receives',
  'receiveBytes',
  'signal',
];
const defaultReceives = 4;

/** Opens a session with the driver. */
export async function openDriver(options?: OpenDriverOptions): Promise<Driver> {
  return openDriverWith(loadNative, options);
}

/** Opens a session by way of the native part that `load` gives, which in tests may be one without a driver. */
export async function openDriverWith(load: () => NativeAddon, options?: OpenDriverOptions): Promise<Driver> {
  const checked = checkOptions('openDriver()', options, optionNames);
  const signal = checkSignal(checked['signal']);
  const backend = checkBackend(checked['backend']);
  const deviceName = checkDeviceName(checked['deviceName']);
  const { receives, receiveBytes, ...sizes } = checkSizes(checked);
  throwIfAborted(signal, 'Opening the driver');

  const addon = load();
  if (!addon.backends.includes(backend)) {
    throw new CmBridgeError(
      'CMB_BACKEND_UNAVAILABLE',
      `The native part for ${process.platform}-${process.arch} has no ${backend}, only: ${addon.backends.join(', ')}`,
    );
  }
  const session = new Session();
  const channel = await openChannel(addon, backend, deviceName, session);
  try {
    const hello = await sayHello(channel, sizes);
    if (signal?.aborted === true) throw abortError(signal, 'Opening the driver');
    session.start(channel, receives, receiveBytes, hello.limits);
    const native = backend === 'simulator' ? addon.simulator : null;
    return new Driver(backend, hello, session, native === null ? null : new Simulator(native));
  } catch (error) {
    // What went wrong first is what the program is told, also if closing fails as well.
    await channel.close().catch(() => undefined);
    throw error;
  }
}

async function openChannel(
  addon: NativeAddon,
  backend: BackendName,
  deviceName: string,
  session: Session,
): Promise<NativeChannel> {
  try {
    return await addon.openChannel(
      backend,
      deviceName,
      (batch) => {
        session.dispatcher.dispatch(batch);
      },
      (status) => {
        session.gone(status);
      },
    );
  } catch (error) {
    throw openError(error, backend, deviceName);
  }
}

async function sayHello(
  channel: NativeChannel,
  { queueBytes, queueRecords, maxHeld }: Pick<Sizes, 'queueBytes' | 'queueRecords' | 'maxHeld'>,
): Promise<HelloReply> {
  const request = helloRequest(queueBytes, queueRecords, maxHeld);
  let bytes: Uint8Array;
  try {
    bytes = await channel.control(P.CMB_IOCTL_HELLO, request, P.CMB_HELLO_REPLY.size);
  } catch (error) {
    const status = nativeStatus(error);
    if (status === null) throw error;
    throw statusError(status, 'HELLO, the first request to the driver,', error);
  }
  const hello = helloReply(bytes);
  const { major, minor } = hello.protocol;
  if (
    hello.status === NtStatus.STATUS_REVISION_MISMATCH ||
    (ntSuccess(hello.status) && major !== P.CMB_PROTOCOL_MAJOR)
  ) {
    const newer =
      major > P.CMB_PROTOCOL_MAJOR ? 'update this package' : 'npx cmbridge driver install --upgrade puts the driver of this package in its place';
    throw new CmBridgeError(
      'CMB_PROTOCOL_MISMATCH',
      `The driver speaks protocol ${major}.${minor}, this package ${P.CMB_PROTOCOL_MAJOR}.${P.CMB_PROTOCOL_MINOR}: ${newer}`,
    );
  }
  if (!ntSuccess(hello.status)) throw statusError(hello.status, 'HELLO, the first request to the driver,');
  return hello;
}

function checkBackend(value: unknown): BackendName {
  if (value === undefined || value === 'auto') return process.platform === 'win32' ? 'device' : 'simulator';
  if (value === 'device' || value === 'simulator') return value;
  throw invalidArgument(`"backend" must be "auto", "device" or "simulator", not ${quote(value)}`);
}

function checkDeviceName(value: unknown): string {
  if (value === undefined) return 'CmBridge';
  const name = typeof value === 'string' ? value.replace(/^\\\\\.\\/, '') : '';
  if (name !== '' && !/[\\\0]/.test(name)) return name;
  throw invalidArgument(`"deviceName" must be a name such as "CmBridge" or "\\\\.\\CmBridge", not ${quote(value)}`);
}

type Sizes = ReturnType<typeof checkSizes>;

function checkSizes(checked: Record<string, unknown>) {
  const size = (name: string, minimum: number, maximum: number, fallback: number) =>
    checkInteger(name, checked[name], minimum, maximum, fallback);
  return {
    // 0 asks the driver for its default.
    queueBytes: size('queueBytes', P.CMB_MIN_QUEUE_BYTES, P.CMB_MAX_QUEUE_BYTES, 0),
    queueRecords: size('queueRecords', 1, P.CMB_MAX_QUEUE_RECORDS, 0),
    maxHeld: size('maxHeld', 1, P.CMB_MAX_HELD, 0),
    receives: size('receives', 1, P.CMB_MAX_PENDED_RECEIVES, defaultReceives),
    receiveBytes: size('receiveBytes', P.CMB_MIN_RECEIVE_BYTES, P.CMB_MAX_RECEIVE_BYTES, P.CMB_MIN_RECEIVE_BYTES),
  };
}
