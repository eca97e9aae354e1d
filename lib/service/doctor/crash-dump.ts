// A small memory dump of the kernel: what stopped it, and whether the driver is named.

export interface CrashDump {
  readonly bugCheck: number;
  readonly parameters: readonly bigint[];
  /** The driver that Windows itself blames; null when it blames none. */
  readonly blamed: string | null;
  /** The driver was loaded. */
  readonly isLoaded: boolean;
  /** A parameter of the bug check, or the address of the exception, lies in the driver. */
  readonly isInside: boolean;
}

/** DUMP_HEADER64, and TRIAGE_DUMP64 behind it. */
const header = { bugCheck: 0x38, parameters: 0x40, exceptionAddress: 0xf10, dumpType: 0xf98, size: 0x2000 };
const triage = { driverList: 0x2030, driverCount: 0x2034, brokenDriver: 0x2040 };
/** DUMP_DRIVER_ENTRY64 has a KLDR_DATA_TABLE_ENTRY in it, which grows from Windows to Windows at its end. */
const entry = { base: 0x38, imageSize: 0x48, smallest: 0x90, largest: 0x140 };
const triageDump = 4;
const mostDrivers = 2000;
const mostLetters = 520;

/** Null: it is no small dump of a 64-bit Windows. */
export function readCrashDump(bytes: Uint8Array, driver: string): CrashDump | null {
  const dump = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dump.length < header.size + 0x80 || dump.toString('latin1', 0, 8) !== 'PAGEDU64') return null;
  if (dump.readUInt32LE(header.dumpType) !== triageDump) return null;
  const parameters = [0, 1, 2, 3].map((index) => dump.readBigUInt64LE(header.parameters + index * 8));
  const addresses = [...parameters, dump.readBigUInt64LE(header.exceptionAddress)];
  const mine = drivers(dump).filter(({ name }) => name === driver);
  const broken = dump.readUInt32LE(triage.brokenDriver);
  return {
    bugCheck: dump.readUInt32LE(header.bugCheck),
    parameters,
    blamed: broken === 0 ? null : nameAt(dump, broken),
    isLoaded: mine.length > 0,
    isInside: mine.some(({ base, size }) => addresses.some((address) => address >= base && address < base + size)),
  };
}

interface LoadedDriver {
  readonly name: string;
  readonly base: bigint;
  readonly size: bigint;
}

/** The size of an entry is the one with which every entry has a name. */
function drivers(dump: Buffer): LoadedDriver[] {
  const list = dump.readUInt32LE(triage.driverList);
  const count = dump.readUInt32LE(triage.driverCount);
  if (list === 0 || count === 0 || count > mostDrivers) return [];
  for (let size = entry.smallest; size <= entry.largest; size += 8) {
    const found: LoadedDriver[] = [];
    for (let at = list; found.length < count; at += size) {
      const name = nameAt(dump, at);
      if (name === null || at + entry.imageSize + 4 > dump.length) break;
      const base = dump.readBigUInt64LE(at + entry.base);
      found.push({ name, base, size: BigInt(dump.readUInt32LE(at + entry.imageSize)) });
    }
    if (found.length === count) return found;
  }
  return [];
}

/** An entry begins with the offset of a DUMP_STRING: so many letters, and then they. */
function nameAt(dump: Buffer, at: number): string | null {
  if (at + 4 > dump.length) return null;
  const text = dump.readUInt32LE(at);
  if (text < header.size || text + 4 > dump.length) return null;
  const letters = dump.readUInt32LE(text);
  if (letters === 0 || letters > mostLetters || text + 4 + letters * 2 > dump.length) return null;
  const path = dump.toString('utf16le', text + 4, text + 4 + letters * 2).replace(/\0+$/, '');
  return /^[\x20-\x7e]+$/.test(path) ? (path.split('\\').at(-1)?.toLowerCase() ?? null) : null;
}
