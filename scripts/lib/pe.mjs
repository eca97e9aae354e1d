// Reads what the checks and the test builds need to know of a 64-bit PE file. Every offset is taken from the file itself.

import { readFileSync } from 'node:fs';

export const DLL_CHARACTERISTICS = {
  HIGH_ENTROPY_VA: 0x20,
  DYNAMIC_BASE: 0x40,
  NX_COMPAT: 0x100,
  WDM_DRIVER: 0x2000,
  GUARD_CF: 0x4000,
};
export const SECTION = { DISCARDABLE: 0x02000000, EXECUTE: 0x20000000, READ: 0x40000000, WRITE: 0x80000000 };
const DIRECTORY = { export: 0, import: 1, exception: 3, security: 4, delayImport: 13 };

export class PeFile {
  constructor(path) {
    this.path = path;
    this.bytes = readFileSync(path);
    const { bytes } = this;
    if (bytes.length < 0x40 || bytes.readUInt16LE(0) !== 0x5a4d) throw new Error(`${path} is no PE file`);
    const pe = bytes.readUInt32LE(0x3c);
    if (bytes.readUInt32LE(pe) !== 0x4550) throw new Error(`${path} is no PE file`);
    const optional = pe + 24;
    if (bytes.readUInt16LE(optional) !== 0x20b) throw new Error(`${path} is no 64-bit PE file`);
    this.machine = bytes.readUInt16LE(pe + 4);
    this.characteristics = bytes.readUInt16LE(pe + 22);
    this.sectionAlignment = bytes.readUInt32LE(optional + 32);
    this.checksumOffset = optional + 64;
    this.checksum = bytes.readUInt32LE(this.checksumOffset);
    this.subsystem = bytes.readUInt16LE(optional + 68);
    this.dllCharacteristics = bytes.readUInt16LE(optional + 70);
    const directories = bytes.readUInt32LE(optional + 108);
    this.directories = Array.from({ length: directories }, (_, index) => ({
      address: bytes.readUInt32LE(optional + 112 + index * 8),
      size: bytes.readUInt32LE(optional + 116 + index * 8),
    }));
    const table = optional + bytes.readUInt16LE(pe + 20);
    this.sections = Array.from({ length: bytes.readUInt16LE(pe + 6) }, (_, index) => {
      const at = table + index * 40;
      return {
        name: bytes.toString('latin1', at, at + 8).replace(/\0+$/, ''),
        virtualSize: bytes.readUInt32LE(at + 8),
        address: bytes.readUInt32LE(at + 12),
        rawSize: bytes.readUInt32LE(at + 16),
        offset: bytes.readUInt32LE(at + 20),
        flags: bytes.readUInt32LE(at + 36),
      };
    });
  }

  offset(address) {
    const section = this.sections.find((entry) => address >= entry.address && address < entry.address + entry.rawSize);
    if (!section) throw new Error(`${this.path}: address 0x${address.toString(16)} lies in no section`);
    return address - section.address + section.offset;
  }

  /** False for variables. */
  isCode(address) {
    const section = this.sections.findLast((entry) => address >= entry.address);
    return section !== undefined && (section.flags & SECTION.EXECUTE) !== 0;
  }

  text(address) {
    const start = this.offset(address);
    return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start));
  }

  /** `[{ library, nameOffset, names }]`; an import by ordinal appears as `#n`. */
  get imports() {
    const directory = this.directories[DIRECTORY.import];
    if (!directory?.address) return [];
    const result = [];
    for (let at = this.offset(directory.address); ; at += 20) {
      const library = this.bytes.readUInt32LE(at + 12);
      if (!library) return result;
      const lookup = this.bytes.readUInt32LE(at) || this.bytes.readUInt32LE(at + 16);
      result.push({
        library: this.text(library),
        nameOffset: this.offset(library),
        names: this.#thunks(this.offset(lookup)),
      });
    }
  }

  #thunks(start) {
    const names = [];
    for (let at = start; ; at += 8) {
      const value = this.bytes.readBigUInt64LE(at);
      if (value === 0n) return names;
      names.push(value >> 63n ? `#${value & 0xffffn}` : this.text(Number(value) + 2));
    }
  }

  get delayImports() {
    return Boolean(this.directories[DIRECTORY.delayImport]?.address);
  }

  /** How many functions the exception directory describes. */
  get unwindEntries() {
    return Math.floor((this.directories[DIRECTORY.exception]?.size ?? 0) / 12);
  }

  /** Name to address, for every export that has a name. */
  get exportAddresses() {
    const directory = this.directories[DIRECTORY.export];
    if (!directory?.address) return new Map();
    const at = this.offset(directory.address);
    const functions = this.offset(this.bytes.readUInt32LE(at + 28));
    const names = this.offset(this.bytes.readUInt32LE(at + 32));
    const ordinals = this.offset(this.bytes.readUInt32LE(at + 36));
    const entries = Array.from({ length: this.bytes.readUInt32LE(at + 24) }, (_, index) => {
      const ordinal = this.bytes.readUInt16LE(ordinals + index * 2);
      return [this.text(this.bytes.readUInt32LE(names + index * 4)), this.bytes.readUInt32LE(functions + ordinal * 4)];
    });
    return new Map(entries);
  }

  get exports() {
    return [...this.exportAddresses.keys()];
  }

  /** Targets of exports that live in another module, such as `ntoskrnl.exe.IoCreateDevice`. */
  get forwards() {
    const directory = this.directories[DIRECTORY.export];
    if (!directory?.address) return [];
    const at = this.offset(directory.address);
    const functions = this.offset(this.bytes.readUInt32LE(at + 28));
    return Array.from({ length: this.bytes.readUInt32LE(at + 20) }, (_, index) =>
      this.bytes.readUInt32LE(functions + index * 4),
    )
      .filter((address) => address >= directory.address && address < directory.address + directory.size)
      .map((address) => this.text(address));
  }

  /** The embedded signatures; their place is a file offset, not an address. */
  get signature() {
    const directory = this.directories[DIRECTORY.security];
    return directory?.address ? this.bytes.subarray(directory.address, directory.address + directory.size) : null;
  }

  /** What ImageHlp's CheckSumMappedFile computes: one's complement sum of all words but the checksum itself, plus the length. */
  computeChecksum() {
    let sum = 0;
    const words = (this.bytes.length + 1) >> 1;
    for (let index = 0; index < words; index += 1) {
      const at = index * 2;
      if (at === this.checksumOffset || at === this.checksumOffset + 2) continue;
      sum += at + 1 < this.bytes.length ? this.bytes.readUInt16LE(at) : this.bytes[at];
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return ((sum & 0xffff) + this.bytes.length) >>> 0;
  }
}
