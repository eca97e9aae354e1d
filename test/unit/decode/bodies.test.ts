import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../lib/event/event.js';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { record, setValueRecord, type RecordInput, type SpanInput } from '../support/records.js';
import {
  awkward,
  decodeAll,
  descriptor,
  emptyRecord,
  fullRecord,
  sampleProcess,
  software,
} from '../support/samples.js';

type Of<C extends Event['class']> = Extract<Event, { class: C }>;

function only<C extends Event['class']>(events: Event[], name: C): Of<C> {
  assert.equal(events.length, 1);
  assert.equal(events[0]!.class, name);
  return events[0] as Of<C>;
}

function full<C extends (typeof notifyClasses)[number]['name']>(name: C, input: RecordInput = {}): Of<C> {
  const entry = notifyClasses.find((known) => known.name === name)!;
  return only(decodeAll(sampleProcess, fullRecord(entry, input)), name);
}

describe('the header', () => {
  it('an event tells who, in which transaction, on which key object, for how long', () => {
    const event = full('RegNtPostFlushKey');
    assert.equal(event.process.imagePath, `\\Device\\HarddiskVolume1\\${awkward}.exe`);
    assert.deepEqual(event.impersonation, {
      user: 'S-1-5-19',
      integrityLevel: 'medium',
      integrityRid: 0x2000,
      elevated: null,
      sessionId: null,
      level: 'impersonation',
    });
    assert.equal(event.user, 'S-1-5-19');
    assert.deepEqual(event.transaction, { id: '{33221100-5544-7766-8899-aabbccddeeff}' });
    assert.deepEqual([event.keyObject, event.duration, event.irql, event.hive], [77n, 1500n, 'passive', 'machine']);
  });

  it('an event has null for a user, transaction and key that are not in its record', () => {
    for (const entry of notifyClasses) {
      const [event] = decodeAll(emptyRecord(entry)) as [Exclude<Event, { class: 'gap' | 'breaker' }>];
      assert.deepEqual(
        [event.impersonation, event.user, event.transaction, event.keyObject, event.keyPath, event.key, event.hive],
        [null, null, null, null, null, null, null],
      );
      assert.equal(event.duration, entry.phase === 'post' ? 0n : null);
      assert.equal(event.process.known, false);
    }
  });

  it('an event does not make up a user, transaction or duration that was not found out', () => {
    const flags = P.CMB_RECORD_IMPERSONATING | P.CMB_RECORD_TRANSACTED | P.CMB_RECORD_APC_LEVEL;
    const event = full('RegNtPreFlushKey', {
      flags,
      impersonation: undefined,
      transaction: undefined,
    } as unknown as RecordInput);
    assert.equal(event.user, null, 'the user of the process is not the one in effect');
    assert.equal(event.impersonation?.level, null);
    assert.deepEqual([event.transaction, event.irql], [{ id: null }, 'apc']);
    const post = full('RegNtPostFlushKey', { flags: P.CMB_RECORD_POST | P.CMB_RECORD_PRE_UNKNOWN });
    assert.deepEqual([post.preUnknown, post.duration], [true, null]);
  });

  it('an event shows the keys of the user in effect as HKCU', () => {
    const keyPath = '\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software';
    assert.equal(full('RegNtPreFlushKey', { keyPath, flags: 0 }).key, 'HKCU\\Software');
    assert.equal(full('RegNtPreFlushKey', { keyPath }).key, 'HKU\\S-1-5-21-1-2-3-1001\\Software');
    const application = full('RegNtPreFlushKey', { keyPath: '\\REGISTRY\\A\\{1}\\x' });
    assert.equal(application.hive, 'application');
  });

  it('an event tells the whole length of a key path that was cut', () => {
    const event = full('RegNtPreFlushKey', {
      keyPath: { data: software, fullSize: 65_600, flags: P.CMB_SPAN_PRESENT | P.CMB_SPAN_TRUNCATED },
    });
    assert.deepEqual([event.keyPath, event.keyPathLength, event.truncated], [software, 32_800, true]);
  });

  it('an event has the same fields in the same order, whatever is absent from its record', () => {
    for (const entry of notifyClasses) {
      const [most] = decodeAll(sampleProcess, fullRecord(entry));
      const [least] = decodeAll(emptyRecord(entry));
      assert.deepEqual(Object.keys(most!), Object.keys(least!), entry.name);
    }
  });
});

describe('bodies', () => {
  it('a create or open event has the requested path, its root, the security descriptor and the options', () => {
    const event = full('RegNtPostCreateKeyEx');
    assert.equal(event.requestedPath, `${software}\\${awkward}`);
    assert.equal(event.root, software);
    assert.equal(event.securityDescriptor?.owner, 'S-1-5-18');
    assert.deepEqual([...event.securityDescriptor.bytes], [...descriptor()]);
    assert.deepEqual(event.options.names, ['REG_OPTION_VOLATILE']);
    const same = only(
      decodeAll(record({ notifyClass: 28, keyPath: '\\REGISTRY\\MACHINE\\x', rootSize: 18 })),
      'RegNtPreOpenKeyEx',
    );
    assert.deepEqual([same.requestedPath, same.root], ['\\REGISTRY\\MACHINE\\x', '\\REGISTRY']);
    const beyond = only(decodeAll(record({ notifyClass: 28, keyPath: 'x', rootSize: 18 })), 'RegNtPreOpenKeyEx');
    assert.equal(beyond.root, null);
  });

  it('a delete key event counts what is in the key where the driver has read that', () => {
    const event = full('RegNtPreDeleteKey');
    assert.deepEqual([event.valueCount, event.subKeyCount], [3, 0]);
    const B = P.CMB_BODY_DELETE_KEY;
    for (const [offset, value] of [
      [B.Flags, 0],
      [B.Status, 0xc000_00d8],
    ] as const) {
      const unread = full('RegNtPreDeleteKey', {
        body: (view) => {
          view.setUint32(B.Flags, P.CMB_OLD_VALUE_READ, true);
          view.setUint32(offset, value, true);
        },
      });
      assert.deepEqual([unread.valueCount, unread.subKeyCount], [null, null]);
    }
  });

  it('a rename or save merged event has its second key, in both forms', () => {
    const renamed = full('RegNtPostRenameKey');
    assert.deepEqual([renamed.newName, renamed.newPath], [awkward, `\\REGISTRY\\MACHINE\\${awkward}`]);
    assert.equal(renamed.newKey, `HKLM\\${awkward}`);
    const merged = full('RegNtPreSaveMergedKey', { flags: 0 });
    assert.deepEqual([merged.lowKey, merged.fileName], [`HKCU\\${awkward}`, `\\Device\\X\\${awkward}`]);
  });

  it('a query event has the answer in post only', () => {
    const value = full('RegNtPostQueryValueKey');
    assert.deepEqual(
      [value.valueName, value.informationClass, value.informationClassNumber, value.length, value.resultLength],
      [awkward, 'KeyValuePartialInformation', 2, 512, 20],
    );
    assert.equal(value.information?.class, 'KeyValuePartialInformation');
    assert.equal(value.information.value?.data, 0x8080808080808080n);
    assert.equal(value.bytes?.length, 20);
    const pre = full('RegNtPreQueryValueKey');
    assert.deepEqual([pre.information, pre.bytes, pre.resultLength], [null, null, null]);
    const key = full('RegNtPostEnumerateKey');
    assert.equal(key.index, 3);
    assert.equal(key.information?.class, 'KeyBasicInformation');
    assert.equal(key.information.name, awkward);
    const item = full('RegNtPostEnumerateValueKey').information;
    assert.ok(item?.class === 'KeyValuePartialInformation' && item.value?.malformed === true);
  });

  it('a query multiple value event has each value out of the buffer, in post', () => {
    const event = full('RegNtPostQueryMultipleValueKey', {});
    assert.deepEqual(
      event.entries.map(({ value }) => value?.data),
      [1, 2],
    );
    assert.deepEqual([event.entryCount, event.bufferLength, event.bufferSize, event.requiredLength], [2, 12, 64, 12]);
    const pre = full('RegNtPreQueryMultipleValueKey');
    assert.deepEqual(
      pre.entries.map(({ value }) => value),
      [null, null],
    );
    const failed = full('RegNtPostQueryMultipleValueKey', { status: 0x8000_0005 });
    assert.equal(failed.entries[0]?.value, null);
  });

  it('a close event names the process that opened the key', () => {
    const opened = full('RegNtPreKeyHandleClose', {
      body: (view) => {
        view.setBigUint64(P.CMB_BODY_CLOSE.OpenerKey, 0x1_0000_0000_0007n, true);
        view.setUint32(P.CMB_BODY_CLOSE.OpenerSlot, 5, true);
        view.setUint32(P.CMB_BODY_CLOSE.OpenerProcessId, 4321, true);
      },
    });
    assert.equal(opened.opener, opened.process);
    const stranger = full('RegNtCallbackObjectContextCleanup').opener;
    assert.deepEqual([stranger?.id, stranger?.startKey, stranger?.known], [12, 0xffff_ffff_ffff_fff0n, false]);
  });

  it('an event about a hive has the names of its files and the flags', () => {
    const loaded = full('RegNtPreLoadKey');
    assert.deepEqual([loaded.keyName, loaded.sourceFile], [awkward, `\\??\\C:\\${awkward}`]);
    assert.deepEqual(
      [loaded.applicationHive, loaded.hasTrustClass, loaded.hasUserEvent, loaded.hasRootHandle],
      [true, true, true, true],
    );
    assert.deepEqual([loaded.hasFileAccessToken, loaded.structureVersion], [true, 2]);
    assert.deepEqual(loaded.loadFlags.names, ['REG_APP_HIVE']);
    assert.equal(full('RegNtPostUnLoadKey').hasUserEvent, true);
    assert.deepEqual(full('RegNtPreSaveKey').format.names, ['REG_LATEST_FORMAT']);
    assert.deepEqual(full('RegNtPreRestoreKey').restoreFlags.names, ['REG_REFRESH_HIVE']);
    assert.deepEqual(full('RegNtPreReplaceKey').oldFileName, 'old');
  });

  it('a security event has the parts of the descriptor, and the length only for a query', () => {
    const set = full('RegNtPreSetKeySecurity');
    assert.deepEqual(set.securityInformation.names, [
      'OWNER_SECURITY_INFORMATION',
      'GROUP_SECURITY_INFORMATION',
      'PROTECTED_DACL_SECURITY_INFORMATION',
    ]);
    assert.deepEqual([set.length, full('RegNtPostQueryKeySecurity').length], [null, 44]);
    assert.match(set.securityDescriptor?.sddl ?? '', /^O:SYG:SY/);
  });

  it('a query name or set information event has the name or the information with its bytes', () => {
    const name = full('RegNtPostQueryKeyName');
    assert.deepEqual([name.name, name.length, name.returnLength], [awkward, 100, 60]);
    const set = full('RegNtPreSetInformationKey');
    assert.deepEqual(
      [set.informationClass, set.information?.class, set.bytes.length],
      ['KeyWriteTimeInformation', 'KeyWriteTimeInformation', 8],
    );
  });
});

describe('old values', () => {
  const V = P.CMB_BODY_SET_VALUE;
  const O = P.CMB_OLD_VALUE;
  const dword = (...bytes: number[]) => Uint8Array.from(bytes);
  interface Old {
    readonly type?: number;
    readonly status?: number;
    readonly flags?: number;
    readonly data?: SpanInput;
  }
  const set = (data: SpanInput, old: Old): Of<'RegNtPreSetValueKey'> =>
    only(
      decodeAll(
        setValueRecord('v', 4, data, {
          body: (view) => {
            view.setUint32(V.Type, 4, true);
            view.setUint32(V.Old + O.Type, old.type ?? 4, true);
            view.setUint32(V.Old + O.Status, old.status ?? 0, true);
            view.setUint32(V.Old + O.Flags, old.flags ?? P.CMB_OLD_VALUE_READ, true);
          },
          spans: [
            [V.ValueName, 'v'],
            [V.Data, data],
            ...(old.data === undefined ? [] : ([[V.Old + O.Data, old.data]] as const)),
          ],
        }),
      ),
      'RegNtPreSetValueKey',
    );
  const cut = (data: Uint8Array, fullSize: number): SpanInput => ({
    data,
    fullSize,
    flags: P.CMB_SPAN_PRESENT | P.CMB_SPAN_TRUNCATED,
  });
  const value = { data: dword(1, 0, 0, 0) };

  it('a set value event compares the old value with the new one', () => {
    const cases: [name: string, data: SpanInput, old: Old, changed: boolean | null][] = [
      ['the same', value, { data: value }, false],
      ['other data', value, { data: { data: dword(2, 0, 0, 0) } }, true],
      ['another type', value, { data: value, type: 3 }, true],
      ['another length', value, { data: { data: dword(1, 0, 0) } }, true],
      ['none before', value, { status: 0xc000_0034 }, true],
      ['not readable', value, { status: 0xc000_0022 }, null],
      ['cut, and equal so far', cut(dword(1, 2), 9000), { data: cut(dword(1, 2), 9000) }, null],
      ['cut, and different', cut(dword(1, 2), 9000), { data: cut(dword(1, 3), 9000) }, true],
      ['cut, of other lengths', cut(dword(1, 2), 9000), { data: cut(dword(1, 2), 9001) }, true],
      ['both empty', { data: dword() }, { data: { data: dword() } }, false],
      [
        'unreadable by the driver, and of unknown length',
        { data: dword(), fullSize: 0, flags: P.CMB_SPAN_PRESENT | P.CMB_SPAN_FAULT },
        { data: value },
        null,
      ],
    ];
    for (const [name, data, old, changed] of cases) assert.equal(set(data, old).changed, changed, name);
  });

  it('the old value of an event tells whether it existed, what it was, and the status of reading it', () => {
    const event = set(value, { data: value });
    assert.deepEqual([event.previous?.exists, event.previous?.value?.data, event.previous?.status], [true, 1, 0]);
    const none = set(value, { status: 0xc000_0034 });
    assert.deepEqual(none.previous, {
      exists: false,
      value: null,
      status: 0xc000_0034,
      statusName: 'STATUS_OBJECT_NAME_NOT_FOUND',
    });
    assert.equal(set(value, { status: 0xc000_0022 }).previous?.exists, null);
  });

  it('the old value of an event is null when it was not asked for', () => {
    const event = set(value, { flags: 0 });
    assert.deepEqual([event.previous, event.changed], [null, null]);
    const [deleted] = decodeAll(record({ notifyClass: 2 })) as [Of<'RegNtPreDeleteValueKey'>];
    assert.equal(deleted.previous, null);
    assert.equal(full('RegNtPreDeleteValueKey').previous?.value?.type, 'REG_MULTI_SZ');
  });
});
