import { ntSuccess } from '../../lib/base/nt-status.js';
import type { NativeChannel } from '../../lib/native/native.js';
import * as P from '../../lib/wire/protocol.js';
import {
  helloReply,
  helloRequest,
  registerReply,
  registerRequest,
  statisticsRequest,
  unregisterRequest,
} from '../../lib/session/requests.js';
import { LatencyCounts } from '../../lib/session/decision-latency.js';
import { statisticsReply, type Statistics } from '../../lib/session/statistics.js';

export interface RawRegistration {
  readonly classMask: bigint;
  readonly oldValues?: boolean;
  readonly altitude?: string;
}

/** Bits of RegNtPreSetValueKey and RegNtPostSetValueKey. */
export const setValueMask = (1n << 1n) | (1n << 16n);
export const allClassesMask = 0xffff_ffff_ffff_ffffn & ~0x3c00n;

/** The requests of the protocol on a channel, without what lib/ does with the records. */
export class RawSession {
  readonly channel: NativeChannel;

  private constructor(channel: NativeChannel) {
    this.channel = channel;
  }

  static async start(channel: NativeChannel, queueBytes = 0, receives = 4): Promise<RawSession> {
    const records = queueBytes === 0 ? 0 : P.CMB_MAX_QUEUE_RECORDS;
    const reply = await channel.control(
      P.CMB_IOCTL_HELLO,
      helloRequest(queueBytes, records, 0),
      P.CMB_HELLO_REPLY.size,
    );
    expectSuccess('HELLO', helloReply(reply).status);
    if (receives > 0) channel.startReceive(receives, P.CMB_MIN_RECEIVE_BYTES);
    return new RawSession(channel);
  }

  async register({ classMask, oldValues = false, altitude = '385000.1' }: RawRegistration): Promise<bigint> {
    const input = registerRequest({
      altitude,
      classMask,
      maxDataBytes: P.CMB_DEFAULT_DATA_BYTES,
      oldValues,
      program: null,
      rateLimit: null,
      dryRun: false,
      exemptChildren: false,
      persist: 'while-open',
      breaker: {},
    });
    const reply = registerReply(await this.channel.control(P.CMB_IOCTL_REGISTER, input, P.CMB_REGISTER_REPLY.size));
    expectSuccess('REGISTER', reply.status);
    return reply.cookie;
  }

  async unregister(cookie: bigint): Promise<void> {
    await this.channel.control(P.CMB_IOCTL_UNREGISTER, unregisterRequest(cookie), P.CMB_UNREGISTER_REPLY.size);
  }

  async statistics(): Promise<Statistics> {
    const input = statisticsRequest(P.CMB_SCOPE_SESSION, 0n);
    const reply = await this.channel.control(P.CMB_IOCTL_STATISTICS, input, P.CMB_STATISTICS_REPLY.size);
    return statisticsReply(reply, 0n, new LatencyCounts().statistics);
  }
}

function expectSuccess(what: string, status: number): void {
  if (!ntSuccess(status)) throw new Error(`${what} was refused: 0x${status.toString(16)}`);
}

/** Records of a batch, by its header. */
export function recordCount(batch: ArrayBuffer): number {
  return new DataView(batch).getUint32(P.CMB_BATCH.RecordCount, true);
}
