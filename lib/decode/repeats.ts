// Reads that are the same as another in their batch.

import { notifyClasses } from '../registry/notify-class.js';
import * as P from '../wire/protocol.js';
import { forEachRecord, noRepeats, type RecordView, type Repeats } from '../wire/record.js';

const R = P.CMB_RECORD;

const isRead: boolean[] = [];
for (const { number, operation } of notifyClasses) isRead[number] = /^(Query|Enumerate)/.test(operation);

/** What two reads that are the same may differ in stands between these: number, time, number of the pre record, duration, and the key path. */
const comparedFields = [
  [R.Cookie, R.PreSequence],
  [R.NotifyClass, R.KeyPath],
  [R.OtherPath, R.Duration],
  [R.ProcessSlot, R.size],
] as const;

/** A read that others of its batch may be the same as. */
interface Candidate {
  readonly start: number;
  readonly end: number;
  repeats: Repeats;
}

/**
 * Finds the reads of a batch that are told by an earlier one: the same in every byte but those of the fields that always differ. By the
 * offset of a record: how many others it stands for; null for one that it stands for. `isWanted` says whose reads are taken together.
 */
export function findRepeats(
  batch: ArrayBuffer,
  isWanted: (record: RecordView) => boolean,
): Map<number, Repeats | null> {
  const found = new Map<number, Repeats | null>();
  const byHash = new Map<number, Candidate>();
  const bytes = Buffer.from(batch);
  const ignoreDamage = (): void => undefined;
  forEachRecord(
    batch,
    (record) => {
      if (!mayRepeat(record) || !isWanted(record)) return;
      const end = record.start + endOfContent(record);
      const hash = hashOf(record, end - record.start);
      const first = byHash.get(hash);
      if (first === undefined || !isSame(bytes, first, record.start, end)) {
        byHash.set(hash, { start: record.start, end, repeats: noRepeats });
        return;
      }
      first.repeats = { count: first.repeats.count + 1n, last: record.u64(R.Sequence) };
      found.set(first.start, first.repeats);
      found.set(record.start, null);
    },
    ignoreDamage,
  );
  return found;
}

/** Two reads with a path that could not be had are not known to be of the same key; what is decided about is told one by one. */
function mayRepeat(record: RecordView): boolean {
  return (
    record.kind === P.CMB_RECORD_NOTIFICATION &&
    isRead[record.u32(R.NotifyClass)] === true &&
    (record.u32(R.Flags) & (P.CMB_RECORD_DECIDED | P.CMB_RECORD_PATH_UNAVAILABLE)) === 0
  );
}

/** A key path that is kept is known by its slot and serial: where it stands at the end of a record, others may lack it. */
function endOfContent(record: RecordView): number {
  const offset = record.u32(R.KeyPath + P.CMB_SPAN.Offset);
  const size = record.u32(R.KeyPath + P.CMB_SPAN.Size);
  const isKept = record.u32(R.PathSerial) !== 0 && offset >= R.size && offset + ((size + 7) & ~7) === record.size;
  return isKept ? offset : record.size;
}

function hashOf(record: RecordView, end: number): number {
  let hash = record.u32(R.Cookie) ^ end;
  const add = (at: number): void => {
    hash = Math.imul(hash ^ record.u32(at), 0x9e37_79b1);
    hash ^= hash >>> 15;
  };
  for (let at: number = R.NotifyClass; at < R.KeyPath; at += 4) add(at);
  for (let at: number = R.KeyObject; at < R.Duration; at += 4) add(at);
  for (let at: number = R.PathSlot; at + 4 <= end; at += 4) add(at);
  return hash;
}

function isSame(bytes: Buffer, first: Candidate, start: number, end: number): boolean {
  if (first.end - first.start !== end - start) return false;
  const isSamePart = (from: number, to: number): boolean =>
    bytes.compare(bytes, first.start + from, first.start + to, start + from, start + to) === 0;
  if (!comparedFields.every(([from, to]) => isSamePart(from, to))) return false;
  return isSamePart(R.size, end - start) && hasSamePath(bytes, first.start, start);
}

/** The paths themselves were compared unless they are kept. */
function hasSamePath(bytes: Buffer, first: number, second: number): boolean {
  const sizeAt = R.KeyPath + P.CMB_SPAN.FullSize;
  return bytes.readUInt32LE(first + sizeAt) === bytes.readUInt32LE(second + sizeAt);
}
