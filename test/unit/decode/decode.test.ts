import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import { CmBridgeError } from '../../../lib/base/errors.js';
import type { Event } from '../../../lib/event/event.js';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { batch, epoch1970, gapRecord, record, setValueRecord } from '../support/records.js';

interface Decoded {
  readonly events: Event[];
  readonly errors: CmBridgeError[];
}

function decodeBatch(buffer: ArrayBuffer): Decoded {
  const events: Event[] = [];
  const errors: CmBridgeError[] = [];
  const decoder = new Decoder(P.CMB_PROCESS_SLOTS, P.CMB_PATH_SLOTS);
  const links = new HopTracker();
  const keep = (error: unknown) => {
    assert.ok(error instanceof CmBridgeError, String(error));
    assert.equal(error.code, 'CMB_PROTOCOL_ERROR');
    errors.push(error);
  };
  forEachRecord(
    buffer,
    (view) => {
      try {
        const event = decoder.decode(view, links);
        if (event !== null) events.push(event);
      } catch (error) {
        keep(error);
      }
    },
    keep,
  );
  return { events, errors };
}

function decodeOne<C extends Event['class']>(bytes: Uint8Array, name: C): Extract<Event, { class: C }> {
  const { events, errors } = decodeBatch(batch([bytes]));
  assert.deepEqual(errors, []);
  assert.equal(events.length, 1);
  assert.equal(events[0]!.class, name);
  return events[0] as Extract<Event, { class: C }>;
}

const isPost = (notifyClass: number) =>
  notifyClasses.find((entry) => entry.number === notifyClass)?.phase === 'post' ? P.CMB_RECORD_POST : 0;

describe('decoding', () => {
  it('the decoder reads every class with its common fields', () => {
    assert.equal(notifyClasses.length, 47);
    for (const { number, name, phase, operation } of notifyClasses) {
      const event = decodeOne(
        record({
          notifyClass: number,
          sequence: 2n ** 63n + 5n,
          preSequence: 9n,
          time: epoch1970 + 10_000_001n,
          status: 0xc0000022,
          flags: isPost(number) | P.CMB_RECORD_KERNEL_MODE | P.CMB_RECORD_PATH_RESOLVED,
          keyPath: '\\REGISTRY\\USER\\S-1-5-18\\Software',
        }),
        name,
      );
      assert.equal(event.notifyClass, number);
      assert.equal(event.phase, phase);
      assert.equal(event.operation, operation);
      assert.equal(event.sequence, 2n ** 63n + 5n);
      assert.equal(event.preSequence, phase === 'post' ? 9n : null);
      assert.equal(event.time, 1_000_000_100n);
      assert.deepEqual([event.processId, event.threadId, event.previousMode], [4321, 8765, 'kernel']);
      assert.equal(event.status, phase === 'post' ? 0xc0000022 : null);
      assert.equal(event.statusName, phase === 'post' ? 'STATUS_ACCESS_DENIED' : null);
      assert.equal(event.key, 'HKU\\S-1-5-18\\Software');
      assert.deepEqual([event.keyPathResolved, event.keyPathLength], [true, 32]);
      assert.ok(Object.values(event).every((value) => value !== undefined));
    }
  });

  it('the decoder gives a set value event the same fields, whatever is absent', () => {
    const full = decodeOne(setValueRecord('name', 1, Buffer.from('x\0', 'utf16le')), 'RegNtPreSetValueKey');
    const empty = decodeOne(
      record({ notifyClass: 1, keyPath: null, bodySize: P.CMB_BODY_SET_VALUE.size }),
      'RegNtPreSetValueKey',
    );
    assert.deepEqual(Object.keys(full), Object.keys(empty));
    assert.deepEqual(Object.keys(full.value), Object.keys(empty.value));
    assert.deepEqual([empty.keyPath, empty.key, empty.valueName], [null, null, null]);
  });

  it('the decoder reads create and open, and the result only of a post that succeeded', () => {
    const B = P.CMB_BODY_CREATE;
    const numbers = new Map([
      [B.DesiredAccess, 0x2_0001],
      [B.GrantedAccess, 0x8000_0006],
      [B.Options, 0x9],
      [B.Disposition, 1],
      [B.Attributes, 0x40],
      [B.Wow64Flags, 0x100],
      [B.CheckAccessMode, 1],
      [B.StructureVersion, 1],
    ]);
    const create = (notifyClass: number, status: number, version = 1) =>
      record({
        notifyClass,
        status,
        flags: isPost(notifyClass),
        otherPath: '\\REGISTRY\\MACHINE\\SOFTWARE\\Sub\0Key',
        rootSize: 2 * '\\REGISTRY\\MACHINE\\SOFTWARE'.length,
        bodySize: B.size,
        body: (view) => {
          for (const [field, value] of numbers) view.setUint32(field, value, true);
          view.setUint32(B.StructureVersion, version, true);
        },
        spans: [
          [B.RequestedName, 'Sub\0Key'],
          [B.ClassName, 'cls'],
        ],
      });
    const created = decodeOne(create(27, 0), 'RegNtPostCreateKeyEx');
    assert.deepEqual(
      [created.requestedName, created.requestedPath, created.root, created.className, created.disposition],
      ['Sub\0Key', '\\REGISTRY\\MACHINE\\SOFTWARE\\Sub\0Key', '\\REGISTRY\\MACHINE\\SOFTWARE', 'cls', 'created'],
    );
    assert.deepEqual(created.desiredAccess, { value: 0x2_0001, names: ['KEY_QUERY_VALUE', 'READ_CONTROL'] });
    assert.deepEqual(
      [created.grantedAccess?.value, created.options.value, created.attributes.value, created.wow64Flags.value],
      [0x8000_0006, 0x9, 0x40, 0x100],
    );
    assert.deepEqual([created.checkAccessMode, created.structureVersion], ['user', 1]);
    const reparse = decodeOne(create(27, 0x104), 'RegNtPostCreateKeyEx');
    assert.deepEqual([reparse.disposition, reparse.grantedAccess, reparse.statusName], [null, null, 'STATUS_REPARSE']);
    const pre = decodeOne(create(28, 0, 0), 'RegNtPreOpenKeyEx');
    assert.deepEqual([pre.disposition, pre.grantedAccess, pre.status, pre.checkAccessMode], [null, null, null, null]);
  });

  it('the decoder keeps embedded NULs and unpaired surrogates in names', () => {
    for (const name of ['a\0b', '\ud800x', 'x\udc00\ud800', '\u{1f600}', '\ufeffx', '']) {
      const event = decodeOne(setValueRecord(name, 4, new Uint8Array(4)), 'RegNtPreSetValueKey');
      assert.equal(event.valueName, name);
    }
  });

  it('the decoder reads delete value, rename and gap records', () => {
    const B = P.CMB_BODY_DELETE_VALUE;
    const deleted = record({ notifyClass: 2, bodySize: B.size, spans: [[B.ValueName, 'v']] });
    assert.equal(decodeOne(deleted, 'RegNtPreDeleteValueKey').valueName, 'v');
    const renamed = record({ notifyClass: 4, bodySize: P.CMB_BODY_RENAME.size, spans: [[0, 'New']] });
    assert.equal(decodeOne(renamed, 'RegNtPreRenameKey').newName, 'New');
    const lost = { queueFull: 1n, noMemory: 2n, captureFault: 3n, rateLimit: 2n ** 64n - 1n };
    assert.deepEqual(decodeOne(gapRecord(7n, 9n, 15, { ...lost, count: 2n }), 'gap'), {
      class: 'gap',
      sequence: 7n,
      time: 0n,
      count: 2n,
      firstSequence: 7n,
      lastSequence: 9n,
      causes: ['queue-full', 'no-memory', 'capture-fault', 'rate-limit'],
      lost,
    });
  });

  it('the decoder tells which data were cut and which could not be captured', () => {
    const cut = decodeOne(
      setValueRecord('n', 3, {
        data: new Uint8Array(16),
        fullSize: 5000,
        flags: P.CMB_SPAN_PRESENT | P.CMB_SPAN_TRUNCATED,
      }),
      'RegNtPreSetValueKey',
    );
    assert.deepEqual(
      [cut.truncated, cut.fault, cut.value.truncated, cut.value.size, cut.value.bytes.length],
      [true, false, true, 5000, 16],
    );
    const faulted = decodeOne(
      setValueRecord('n', 1, { data: '', fullSize: 10, flags: P.CMB_SPAN_PRESENT | P.CMB_SPAN_FAULT }),
      'RegNtPreSetValueKey',
    );
    assert.deepEqual([faulted.fault, faulted.value.fault, faulted.value.size], [true, true, 10]);
  });

  it('the decoder reads what a newer driver has appended, and passes over new kinds of records', () => {
    const newer = setValueRecord('n', 4, Uint8Array.of(1, 0, 0, 0), { extraHeader: 16, extraBody: 24 });
    const { events, errors } = decodeBatch(batch([newer, record({ kind: 77 }), record({ notifyClass: 60 })], 8));
    assert.deepEqual(errors, []);
    assert.deepEqual(
      events.map((event) => event.class),
      ['RegNtPreSetValueKey', 'unknown'],
    );
    assert.equal((events[0] as Extract<Event, { class: 'RegNtPreSetValueKey' }>).value.data, 1);
    assert.equal((events[1] as Extract<Event, { class: 'unknown' }>).notifyClass, 60);
  });

  it('the decoder does not let one damaged record take the others with it', () => {
    const damaged = setValueRecord('name', 1, new Uint8Array(8));
    new DataView(damaged.buffer).setUint32(P.CMB_RECORD.size + P.CMB_BODY_SET_VALUE.Data, 0xffff_fff0, true);
    const { events, errors } = decodeBatch(batch([record({}), damaged, record({})]));
    assert.deepEqual([events.length, errors.length], [2, 1]);
  });

  it('the decoder never reads outside a record, wherever a batch is cut or a byte is changed', () => {
    const whole = batch([
      setValueRecord('name', 7, Buffer.from('a\0b\0\0', 'utf16le')),
      gapRecord(3n, 4n, 1),
      record({ notifyClass: 26, bodySize: P.CMB_BODY_CREATE.size, spans: [[0, 'Key']] }),
    ]);
    assert.equal(decodeBatch(whole).events.length, 3);
    for (let length = 0; length < whole.byteLength; length++) {
      const { errors } = decodeBatch(whole.slice(0, length));
      assert.ok(errors.length > 0, `cut at ${length}`);
    }
    let refused = 0;
    for (let offset = 0; offset < whole.byteLength; offset++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const bytes = new Uint8Array(whole.slice(0));
        bytes[offset] = value;
        refused += decodeBatch(bytes.buffer).errors.length > 0 ? 1 : 0;
      }
    }
    assert.ok(refused > 100);
  });
});
