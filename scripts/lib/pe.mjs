// Reads what the audit and the test builds need to know of a 64-bit PE file: pe-library takes it apart, and the tables of imports and
// exports, which it does not read, are walked here.

import { readFileSync, writeFileSync } from 'node:fs';
import { NtExecutable, NtExecutableResource, calculateCheckSumForPE } from 'pe-library';
import { Resource } from 'resedit';

export const DLL_CHARACTERISTICS = {
  HIGH_ENTROPY_VA: 0x20,
  DYNAMIC_BASE: 0x40,
  FORCE_INTEGRITY: 0x80,
  NX_COMPAT: 0x100,
  WDM_DRIVER: 0x2000,
  GUARD_CF: 0x4000,
};
export const SECTION = { DISCARDABLE: 0x02000000, EXECUTE: 0x20000000, READ: 0x40000000, WRITE: 0x80000000 };
export const MACHINE = { AMD64: 0x8664, ARM64: 0xaa64 };
const DIRECTORY = {
  export: 0,
  import: 1,
  exception: 3,
  security: 4,
  relocations: 5,
  debug: 6,
  loadConfig: 10,
  delayImport: 13,
};

export class PeFile {
  #image;

  constructor(path) {
    this.path = path;
    this.bytes = readFileSync(path);
    this.#image = NtExecutable.from(withoutSymbolTable(this.bytes), { ignoreCert: true });
    if (this.#image.is32bit()) throw new Error(`${path} is no 64-bit PE file`);
    const { fileHeader, optionalHeader } = this.#image.newHeader;
    this.machine = fileHeader.machine;
    this.timeDateStamp = fileHeader.timeDateStamp;
    this.characteristics = fileHeader.characteristics;
    this.entryPoint = optionalHeader.addressOfEntryPoint;
    this.sectionAlignment = optionalHeader.sectionAlignment;
    this.checksum = optionalHeader.checkSum;
    this.subsystem = optionalHeader.subsystem;
    this.dllCharacteristics = optionalHeader.dllCharacteristics;
    this.sections = this.#image.getAllSections().map(({ info }) => ({
      name: info.name,
      virtualSize: info.virtualSize,
      address: info.virtualAddress,
      rawSize: info.sizeOfRawData,
      offset: info.pointerToRawData,
      flags: info.characteristics,
    }));
  }

  #directory(name) {
    const { virtualAddress, size } = this.#image.newHeader.optionalHeaderDataDirectory.get(DIRECTORY[name]);
    return { address: virtualAddress, size };
  }

  section(name) {
    return this.sections.find((section) => section.name === name);
  }

  sectionAt(address) {
    return this.sections.find((entry) => address >= entry.address && address < entry.address + entry.rawSize);
  }

  offset(address) {
    const section = this.sectionAt(address);
    if (!section) throw new Error(`${this.path}: address 0x${address.toString(16)} lies in no section`);
    return address - section.address + section.offset;
  }

  contents({ offset, rawSize }) {
    return this.bytes.subarray(offset, offset + rawSize);
  }

  /** False for variables. */
  isCode(address) {
    const section = this.sectionAt(address);
    return section !== undefined && (section.flags & SECTION.EXECUTE) !== 0;
  }

  text(address) {
    const start = this.offset(address);
    return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start));
  }

  /** `[{ library, nameOffset, names }]`; an import by ordinal appears as `#n`. */
  get imports() {
    const { address } = this.#directory('import');
    if (address === 0) return [];
    const result = [];
    for (let at = this.offset(address); ; at += 20) {
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

  get hasDelayImports() {
    return this.#directory('delayImport').address !== 0;
  }

  /** How many functions the exception directory describes. */
  get unwindEntries() {
    return Math.floor(this.#directory('exception').size / (this.machine === MACHINE.ARM64 ? 8 : 12));
  }

  /** How many addresses the loader corrects when the file does not lie where it was linked for. */
  get relocations() {
    const { address, size } = this.#directory('relocations');
    if (address === 0) return 0;
    let count = 0;
    const start = this.offset(address);
    for (let at = start; at < start + size;) {
      const blockSize = this.bytes.readUInt32LE(at + 4);
      if (blockSize < 8) break;
      for (let entry = at + 8; entry < at + blockSize; entry += 2)
        if (this.bytes.readUInt16LE(entry) >> 12 !== 0) count += 1;
      at += blockSize;
    }
    return count;
  }

  /** Signature (a GUID) and path of the symbols; null without them. */
  get symbols() {
    const { address, size } = this.#directory('debug');
    for (let index = 0; address !== 0 && index < size; index += 28) {
      const entry = this.offset(address) + index;
      const data = this.bytes.readUInt32LE(entry + 24);
      if (this.bytes.readUInt32LE(entry + 12) !== 2 || this.bytes.toString('latin1', data, data + 4) !== 'RSDS')
        continue;
      const end = this.bytes.indexOf(0, data + 24);
      return { guid: this.bytes.subarray(data + 4, data + 20), path: this.bytes.toString('latin1', data + 24, end) };
    }
    return null;
  }

  /** What the linker hands to the loader about cookies and Control Flow Guard; null without it. */
  get loadConfiguration() {
    const { address } = this.#directory('loadConfig');
    if (address === 0) return null;
    const at = this.offset(address);
    return {
      securityCookie: this.bytes.readBigUInt64LE(at + 0x58),
      guardFunctions: this.bytes.readBigUInt64LE(at + 0x88),
      guardFlags: this.bytes.readUInt32LE(at + 0x90),
    };
  }

  /** The version resource: numbers and the names in English; null without one. */
  get version() {
    const [found] = Resource.VersionInfo.fromEntries(NtExecutableResource.from(this.#image, true).entries);
    if (found === undefined) return null;
    const { fileVersionMS, fileVersionLS } = found.fixedInfo;
    const numbers = [fileVersionMS >>> 16, fileVersionMS & 0xffff, fileVersionLS >>> 16, fileVersionLS & 0xffff];
    return {
      numbers: numbers.join('.'),
      fileType: found.fixedInfo.fileType,
      texts: found.getStringValues({ lang: 0x409, codepage: 1200 }),
    };
  }

  /** Name to address, for every export that has a name. */
  get exportAddresses() {
    const { address } = this.#directory('export');
    if (address === 0) return new Map();
    const at = this.offset(address);
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
    const { address, size } = this.#directory('export');
    if (address === 0) return [];
    const at = this.offset(address);
    const functions = this.offset(this.bytes.readUInt32LE(at + 28));
    return Array.from({ length: this.bytes.readUInt32LE(at + 20) }, (_, index) =>
      this.bytes.readUInt32LE(functions + index * 4),
    )
      .filter((target) => target >= address && target < address + size)
      .map((target) => this.text(target));
  }

  /** The embedded signatures; their place is a file offset, not an address. */
  get signature() {
    const { address, size } = this.#directory('security');
    return address === 0 ? null : this.bytes.subarray(address, address + size);
  }

  /** What Windows computes: the kernel's loader refuses a driver whose header says something else. */
  computeChecksum() {
    return calculateCheckSumForPE(arrayBuffer(this.bytes));
  }
}

/** A copy whose header names no COFF symbols: pe-library refuses a file that has them, as Wine's own have. */
function withoutSymbolTable(bytes) {
  const copy = Buffer.from(bytes);
  if (copy.length >= 0x40 && copy.readUInt32LE(0x3c) + 20 <= copy.length)
    copy.fill(0, copy.readUInt32LE(0x3c) + 12, copy.readUInt32LE(0x3c) + 20);
  return copy;
}

function arrayBuffer(bytes) {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** A copy of a PE file with the right checksum in it, which lld-link does not write. */
export function copyWithChecksum(from, to) {
  const copy = arrayBuffer(readFileSync(from));
  calculateCheckSumForPE(copy, true);
  writeFileSync(to, new Uint8Array(copy));
}
