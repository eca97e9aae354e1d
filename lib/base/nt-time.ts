// Times of the kernel, in 100 ns units since 1601, and of Unix, in nanoseconds since 1970.

/** 100 ns units between 1601-01-01 and 1970-01-01. */
const unixEpoch = 116_444_736_000_000_000n;
const epochLow = Number(unixEpoch & 0xffff_ffffn);
const epochHigh = Number(unixEpoch >> 32n);
/** Before the year 2500, so that the result has 64 bits. */
const lastHigh = 0x03f0_0000;

const halves = new Uint32Array(2);
const whole = new BigUint64Array(halves.buffer);
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** From the kernel's 100 ns units since 1601 to nanoseconds since 1970. */
export function toUnixNanoseconds(time: bigint): bigint {
  return (time - unixEpoch) * 100n;
}

/** Nanoseconds since 1970 of the 64-bit number at `offset`; a time of our days takes one bigint instead of three. */
export function unixNanosecondsAt(view: DataView, offset: number): bigint {
  const high = view.getUint32(offset + 4, true);
  if (high <= epochHigh || high > lastHigh || !isLittleEndian) return toUnixNanoseconds(view.getBigInt64(offset, true));
  const low = view.getUint32(offset, true) - epochLow;
  const borrow = low < 0 ? 1 : 0;
  const product = (low + borrow * 0x1_0000_0000) * 100;
  const lower = product % 0x1_0000_0000;
  halves[0] = lower;
  halves[1] = (high - epochHigh - borrow) * 100 + (product - lower) / 0x1_0000_0000;
  return whole[0] ?? 0n;
}

/** From nanoseconds since 1970 to the kernel’s 100 ns units since 1601, rounded down. */
export function fromUnixNanoseconds(time: bigint): bigint {
  const units = time / 100n;
  return (units * 100n > time ? units - 1n : units) + unixEpoch;
}
