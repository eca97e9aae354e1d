import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import type { Event } from '../../../lib/event/event.js';
import { notifyClasses, type BodyKind, type NotifyClass } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, processRecord, record, sidBytes, type RecordInput, type SpanInput } from './records.js';

/** Records of every class with something in every field, and names of the kind that gets lost elsewhere. */
export const awkward = 'a\0b\ud800 \udc00"\\\n終\u2028';
export const software = '\\REGISTRY\\MACHINE\\SOFTWARE';
export const userSid = sidBytes(21, 1, 2, 3, 1001);

type Body = Pick<RecordInput, 'body' | 'spans' | 'otherPath' | 'rootSize'>;
type Numbers = readonly (readonly [offset: number, value: number])[];

function bodyOf(numbers: Numbers, spans: readonly (readonly [number, SpanInput | string])[] = []): Body {
  return {
    body: (view) => {
      for (const [offset, value] of numbers) view.setUint32(offset, value, true);
    },
    spans,
  };
}

function basicKeyInformation(name: string): Uint8Array {
  const text = Buffer.from(name, 'utf16le');
  const bytes = new Uint8Array(16 + text.length);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, 133_000_000_000_000_000n, true);
  view.setUint32(12, text.length, true);
  bytes.set(text, 16);
  return bytes;
}

function partialValue(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, type, true);
  view.setUint32(8, data.length, true);
  bytes.set(data, 12);
  return bytes;
}

/** Empty, but a descriptor: revision 1, self-relative, owner and group at the end. */
export function descriptor(): Uint8Array {
  const sid = sidBytes(18);
  const bytes = new Uint8Array(20 + 2 * sid.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint16(2, 0x8000, true);
  view.setUint32(4, 20, true);
  view.setUint32(8, 20 + sid.length, true);
  bytes.set(sid, 20);
  bytes.set(sid, 20 + sid.length);
  return bytes;
}

function oldValue(offset: number, type: number): Numbers {
  return [
    [offset + P.CMB_OLD_VALUE.Type, type],
    [offset + P.CMB_OLD_VALUE.Flags, P.CMB_OLD_VALUE_READ],
  ];
}

const Q = P.CMB_BODY_QUERY;
const query = (informationClass: number, length: number, spans: readonly (readonly [number, SpanInput | string])[]) =>
  bodyOf(
    [
      [Q.Index, 3],
      [Q.InformationClass, informationClass],
      [Q.Length, 512],
      [Q.ResultLength, length],
    ],
    spans,
  );

function valueEntries(): Body {
  const B = P.CMB_BODY_QUERY_MULTIPLE;
  const E = P.CMB_VALUE_ENTRY;
  const entries = new Uint8Array(2 * E.size);
  const view = new DataView(entries.buffer);
  for (const [index, offset] of [0, 8].entries()) {
    view.setUint32(index * E.size + E.DataOffset, offset, true);
    view.setUint32(index * E.size + E.DataLength, 4, true);
    view.setUint32(index * E.size + E.Type, 4, true);
  }
  return bodyOf(
    [
      [B.EntryCount, 2],
      [B.BufferLength, 12],
      [B.BufferSize, 64],
      [B.RequiredLength, 12],
    ],
    [
      [B.Entries, { data: entries }],
      [B.Data, { data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0) }],
    ],
  );
}

const C = P.CMB_BODY_CREATE;
const L = P.CMB_BODY_LOAD;
const S = P.CMB_BODY_SECURITY;
const V = P.CMB_BODY_SET_VALUE;
const file = bodyOf([[P.CMB_BODY_FILE.FileFlags, 2]], [[P.CMB_BODY_FILE.FileName, `\\Device\\X\\${awkward}`]]);

export const fullBodies: Readonly<Record<BodyKind, Body>> = {
  plain: {},
  create: {
    ...bodyOf(
      [
        [C.DesiredAccess, 0x20019],
        [C.GrantedAccess, 0x20019],
        [C.Options, 1],
        [C.Disposition, 1],
        [C.Attributes, 0x40],
        [C.Wow64Flags, 0x100],
        [C.CheckAccessMode, 1],
        [C.StructureVersion, 1],
      ],
      [
        [C.RequestedName, awkward],
        [C.ClassName, 'cls'],
        [C.SecurityDescriptor, { data: descriptor() }],
      ],
    ),
    otherPath: `${software}\\${awkward}`,
    rootSize: 2 * software.length,
  },
  deleteKey: bodyOf([
    [P.CMB_BODY_DELETE_KEY.Values, 3],
    [P.CMB_BODY_DELETE_KEY.Flags, P.CMB_OLD_VALUE_READ],
  ]),
  setValue: bodyOf(
    [[V.Type, 1], ...oldValue(V.Old, 11)],
    [
      [V.ValueName, awkward],
      [V.Data, { data: Buffer.from(`${awkward}\0`, 'utf16le') }],
      [V.Old + P.CMB_OLD_VALUE.Data, { data: new Uint8Array(8).fill(0xff) }],
    ],
  ),
  deleteValue: bodyOf(oldValue(P.CMB_BODY_DELETE_VALUE.Old, 7), [
    [P.CMB_BODY_DELETE_VALUE.ValueName, awkward],
    [P.CMB_BODY_DELETE_VALUE.Old + P.CMB_OLD_VALUE.Data, { data: Buffer.from('a\0\ud800\0\0', 'utf16le') }],
  ]),
  setInformation: bodyOf([], [[P.CMB_BODY_SET_INFORMATION.Information, { data: new Uint8Array(8).fill(1) }]]),
  rename: { ...bodyOf([], [[P.CMB_BODY_RENAME.NewName, awkward]]), otherPath: `\\REGISTRY\\MACHINE\\${awkward}` },
  enumerateKey: query(0, 40, [[Q.Information, { data: basicKeyInformation(awkward) }]]),
  enumerateValue: query(2, 15, [[Q.Information, { data: partialValue(4, Uint8Array.of(1, 2, 3)) }]]),
  queryKey: query(0, 40, [[Q.Information, { data: basicKeyInformation('Key') }]]),
  queryValue: query(2, 20, [
    [Q.ValueName, awkward],
    [Q.Information, { data: partialValue(11, new Uint8Array(8).fill(0x80)) }],
  ]),
  queryMultiple: valueEntries(),
  close: {
    body: (view) => {
      view.setBigUint64(P.CMB_BODY_CLOSE.OpenerKey, 0xffff_ffff_ffff_fff0n, true);
      view.setUint32(P.CMB_BODY_CLOSE.OpenerProcessId, 12, true);
    },
  },
  load: bodyOf(
    [
      [L.LoadFlags, 0x10],
      [L.DesiredAccess, 1],
      [L.Present, 0xf],
      [L.StructureVersion, 2],
    ],
    [
      [L.KeyName, awkward],
      [L.SourceFile, `\\??\\C:\\${awkward}`],
    ],
  ),
  unload: bodyOf([[P.CMB_BODY_UNLOAD.UserEvent, 1]]),
  security: bodyOf(
    [
      [S.SecurityInformation, 0x8000_0003],
      [S.Length, 44],
    ],
    [[S.Descriptor, { data: descriptor() }]],
  ),
  restore: file,
  save: file,
  saveMerged: { ...file, otherPath: `\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\${awkward}` },
  replace: bodyOf(
    [],
    [
      [P.CMB_BODY_REPLACE.NewFileName, awkward],
      [P.CMB_BODY_REPLACE.OldFileName, 'old'],
    ],
  ),
  queryName: bodyOf(
    [
      [P.CMB_BODY_QUERY_NAME.Length, 100],
      [P.CMB_BODY_QUERY_NAME.ReturnLength, 60],
    ],
    [[P.CMB_BODY_QUERY_NAME.Name, awkward]],
  ),
};

export const sampleProcess = processRecord({
  slot: 5,
  key: 0x1_0000_0000_0007n,
  id: 4321,
  processFlags: P.CMB_PROCESS_PARENT | P.CMB_PROCESS_WOW64,
  parentId: 4,
  flags: P.CMB_TOKEN_INTEGRITY | P.CMB_TOKEN_ELEVATION | P.CMB_TOKEN_ELEVATED | P.CMB_TOKEN_SESSION,
  integrity: 0x3000,
  session: 1,
  sid: userSid,
  imagePath: `\\Device\\HarddiskVolume1\\${awkward}.exe`,
  commandLine: 'x.exe -a',
});

export const transactionGuid = Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));

/** Everything that a record of the class can carry. */
export function fullRecord({ number, phase, body }: NotifyClass, input: RecordInput = {}): Uint8Array {
  return record({
    notifyClass: number,
    sequence: 2n ** 63n + 5n,
    preSequence: 9n,
    flags:
      (phase === 'post' ? P.CMB_RECORD_POST : 0) |
      P.CMB_RECORD_PATH_RESOLVED |
      P.CMB_RECORD_TRANSACTED |
      P.CMB_RECORD_IMPERSONATING,
    keyPath: `${software}\\${awkward}`,
    processSlot: 5,
    processKey: 0x1_0000_0000_0007n,
    keyObject: 77n,
    duration: 1500n,
    impersonation: { level: 2, sid: sidBytes(19), flags: P.CMB_TOKEN_INTEGRITY, integrity: 0x2000 },
    transaction: transactionGuid,
    ...fullBodies[body],
    ...input,
  });
}

/** As little as a record of the class can carry. */
export function emptyRecord({ number, phase }: NotifyClass): Uint8Array {
  return record({ notifyClass: number, keyPath: null, flags: phase === 'post' ? P.CMB_RECORD_POST : 0 });
}

export function decodeAll(...records: Uint8Array[]): Event[] {
  const decoder = new Decoder(P.CMB_PROCESS_SLOTS, P.CMB_PATH_SLOTS);
  const links = new Map<bigint, HopTracker>();
  const events: Event[] = [];
  forEachRecord(
    batch(records),
    (view) => {
      const cookie = view.i64(P.CMB_RECORD.Cookie);
      if (!links.has(cookie)) links.set(cookie, new HopTracker());
      const event = decoder.decode(view, links.get(cookie) ?? null);
      if (event !== null) events.push(event);
    },
    (error) => {
      throw error;
    },
  );
  return events;
}

/** One full and one empty event of every class. */
export function sampleEvents(): Event[] {
  return notifyClasses.flatMap((entry) => decodeAll(sampleProcess, fullRecord(entry), emptyRecord(entry)));
}
