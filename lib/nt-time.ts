/** 100 ns units between 1601-01-01 and 1970-01-01. */
const unixEpoch = 116_444_736_000_000_000n;

/** From the kernel's 100 ns units since 1601 to nanoseconds since 1970. */
export function toUnixNanoseconds(time: bigint): bigint {
  return (time - unixEpoch) * 100n;
}
