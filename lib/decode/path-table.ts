// The key paths that records refer to by slot.

import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import { displayKey, keyHive, type KeyHive } from '../registry/registry-path.js';

const R = P.CMB_RECORD;

/** The key path of a record, and what events say of it: made once for all the records that refer to it. */
export class KeyPath {
  readonly text: string | null;
  /** Of the whole path in UTF-16 units. */
  readonly length: number;
  readonly hive: KeyHive | null;
  #displayed: string | null = null;
  #user: string | null = null;
  #isDisplayed = false;

  constructor(text: string | null, length: number) {
    this.text = text;
    this.length = length;
    this.hive = text === null ? null : keyHive(text);
  }

  /** In the form of `event.key`. */
  displayFor(user: string | null): string | null {
    // Only the keys of users have a name that depends on who asks.
    if (this.#isDisplayed && (this.hive !== 'user' || this.#user === user)) return this.#displayed;
    this.#displayed = this.text === null ? null : displayKey(this.text, user);
    this.#user = user;
    this.#isDisplayed = true;
    return this.#displayed;
  }
}

interface Kept {
  readonly serial: number;
  readonly path: KeyPath;
}

/** The key paths that the driver and this session keep in common: each comes once, and records refer to it by slot. */
export class PathTable {
  readonly #slotCount: number;
  readonly #slots: (Kept | undefined)[] = [];

  constructor(slotCount: number) {
    this.#slotCount = slotCount;
  }

  /** The key path of a notification. Every record must pass here, those that nobody wants included: it may bring a path that others refer to. */
  take(record: RecordView): KeyPath {
    const serial = record.u32(R.PathSerial);
    const isKept = (record.u32(R.KeyPath + P.CMB_SPAN.Flags) & P.CMB_SPAN_KEPT) !== 0;
    if (serial === 0) {
      if (isKept) throw protocolError('a record refers to a key path without a serial number');
      return decodePath(record);
    }
    const slot = record.u32(R.PathSlot);
    if (slot >= this.#slotCount) throw protocolError(`a key path is kept in slot ${slot} of ${this.#slotCount}`);
    if (!isKept) {
      // What the slot held is out of date even if its successor cannot be read.
      this.#slots[slot] = undefined;
      const path = decodePath(record);
      this.#slots[slot] = { serial, path };
      return path;
    }
    const kept = this.#slots[slot];
    if (kept?.serial === serial) return kept.path;
    throw protocolError(`a record refers to key path ${serial} in slot ${slot}, which holds ${kept?.serial ?? 'none'}`);
  }
}

function decodePath(record: RecordView): KeyPath {
  return new KeyPath(record.text(R.KeyPath, 'key path'), record.u32(R.KeyPath + P.CMB_SPAN.FullSize) >>> 1);
}
