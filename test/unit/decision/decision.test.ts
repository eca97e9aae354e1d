import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allow,
  block,
  bypass,
  emulate,
  override,
  redirect,
  replace,
  type Decision,
  type DecisionKind,
  type NotificationEvent,
  type NotifyClassName,
} from '../../../lib/index.js';
import { encodeDecision } from '../../../lib/decision/encode.js';
import * as P from '../../../lib/wire/protocol.js';
import { eventNames, eventOf, messageOf, refusal } from './decisions.js';

const plain = { flags: 0, status: 0, type: 0, resultLength: 0, data: null };
const denied = 0xc000_0022;

/** One that nothing is wrong with but, perhaps, that it does not suit the class. */
const samples: Readonly<Record<DecisionKind, Decision>> = {
  allow: allow(),
  block: block(),
  bypass: bypass(),
  emulate: emulate('STATUS_NOT_FOUND'),
  replace: replace('x'),
  redirect: redirect('HKLM\\SOFTWARE\\Other'),
  override: override('STATUS_ACCESS_DENIED'),
};

const changes = 'allow block bypass';
const queries = 'allow block emulate';
/** By operation, what suits pre and post. */
const table: Readonly<Record<string, readonly [pre: string, post: string]>> = {
  CreateKey: ['allow block redirect', 'allow redirect override'],
  OpenKey: ['allow block redirect', 'allow redirect override'],
  SetValueKey: ['allow block bypass replace', 'allow override'],
  DeleteValueKey: [changes, 'allow override'],
  DeleteKey: [changes, 'allow override'],
  RenameKey: [changes, 'allow override'],
  SetInformationKey: [changes, 'allow override'],
  SetKeySecurity: [changes, 'allow override'],
  FlushKey: [changes, 'allow override'],
  LoadKey: [changes, 'allow override'],
  UnLoadKey: [changes, 'allow override'],
  RestoreKey: [changes, 'allow override'],
  SaveKey: [changes, 'allow override'],
  SaveMergedKey: [changes, 'allow override'],
  ReplaceKey: [changes, 'allow override'],
  QueryValueKey: [queries, 'allow override'],
  EnumerateValueKey: [queries, 'allow override'],
  QueryKey: [queries, 'allow override'],
  EnumerateKey: [queries, 'allow override'],
  QueryMultipleValueKey: [queries, 'allow override'],
  QueryKeySecurity: [queries, 'allow override'],
  QueryKeyName: ['allow', 'allow'],
  KeyHandleClose: ['allow', 'allow'],
  CallbackObjectContextCleanup: ['allow', 'allow'],
};

/** A create or open that has failed, a load that wants no handle. */
function ordinary(name: NotifyClassName): NotificationEvent {
  const event = eventOf(name);
  const isFailure = event.phase === 'post' && (event.operation === 'CreateKey' || event.operation === 'OpenKey');
  return { ...event, ...(isFailure && { status: denied }), ...{ hasRootHandle: false } } as NotificationEvent;
}

describe('decisions', () => {
  it('a decision is frozen and tells its kind', () => {
    for (const [kind, decision] of Object.entries(samples)) {
      assert.equal(decision.kind, kind);
      assert.ok(Object.isFrozen(decision), kind);
    }
    assert.deepEqual(block(), { kind: 'block', status: denied });
    assert.deepEqual(block(-0x3fff_ffde), block('STATUS_ACCESS_DENIED'));
    assert.deepEqual(override('STATUS_SUCCESS', { output: 'O:SY' }), {
      kind: 'override',
      status: 0,
      output: 'O:SY',
      undo: false,
    });
  });

  it('a decision suits the classes of the table, and is refused by name for all others', () => {
    for (const name of eventNames) {
      const event = ordinary(name);
      const [pre = '', post = ''] = table[event.operation] ?? [];
      const fitting = (event.phase === 'post' ? post : pre).split(' ');
      assert.equal(refusal(undefined, event), null);
      for (const [kind, decision] of Object.entries(samples)) {
        const message = refusal(decision, event);
        if (fitting.includes(kind)) {
          assert.equal(message, null, `${kind} on ${name}`);
          continue;
        }
        assert.ok(message !== null, `${kind} on ${name}`);
        assert.ok(message.startsWith(`${name}: ${kind}() does not suit it`), message);
        if (fitting.length > 1) for (const other of fitting) assert.ok(message.includes(`${other}()`), message);
      }
    }
  });

  it('a decision is encoded as the driver takes it', () => {
    const pre = eventOf('RegNtPreSetValueKey');
    assert.deepEqual(encodeDecision(undefined, pre), { ...plain, kind: P.CMB_DECISION_ALLOW });
    assert.deepEqual(encodeDecision(allow(), pre), { ...plain, kind: P.CMB_DECISION_ALLOW });
    assert.deepEqual(encodeDecision(bypass(), pre), { ...plain, kind: P.CMB_DECISION_BYPASS });
    assert.deepEqual(encodeDecision(block('STATUS_CANCELLED'), pre), {
      ...plain,
      kind: P.CMB_DECISION_BLOCK,
      status: 0xc000_0120,
    });
    const post = eventOf('RegNtPostFlushKey');
    assert.deepEqual(encodeDecision(override('STATUS_DISK_FULL'), post), {
      ...plain,
      kind: P.CMB_DECISION_OVERRIDE,
      status: 0xc000_007f,
    });
  });

  it('a decision that was made by hand is checked again', () => {
    const event = eventOf('RegNtPreSetValueKey');
    assert.deepEqual(encodeDecision({ kind: 'block', status: 'STATUS_CANCELLED' }, event).status, 0xc000_0120);
    assert.match(refusal({ kind: 'block' }, event) ?? '', /not undefined/);
    assert.match(refusal({ kind: 'replace', type: 'REG_DWORD', data: 'x' }, event) ?? '', /"x" is no data/);
    assert.match(refusal({ kind: 'deny' }, event) ?? '', /\{"kind":"deny"\} is no decision/);
    assert.match(refusal(block, event) ?? '', /block without parentheses.*block\(\.\.\.\)/);
    for (const other of [null, true, 'block', 3, []]) assert.match(refusal(other, event) ?? '', /is no decision/);
  });
});

describe('statuses of decisions', () => {
  it('block() takes a status that is an error, and nothing else', () => {
    const wrong: [status: unknown, message: RegExp][] = [
      ['STATUS_SUCCESS', /STATUS_SUCCESS \(0x00000000\) is no error.*0xC/],
      [0x8000_001a, /STATUS_NO_MORE_ENTRIES \(0x8000001A\) is no error/],
      [0x4000_0000, /is no error/],
      ['STATUS_CALLBACK_BYPASS', /bypass\(\)/],
      [0xc000_0503, /bypass\(\)/],
      ['STATUS_ACESS_DENIED', /Did you mean "STATUS_ACCESS_DENIED"/],
      ['denied', /A number goes for any status/],
      [2 ** 32, /32 bits, not 4294967296/],
      [1.5, /32 bits/],
      [null, /not null/],
    ];
    for (const [status, message] of wrong) assert.match(messageOf(() => block(status as number)) ?? 'none', message);
    assert.equal(block(0xc0de_0001).status, 0xc0de_0001);
  });

  it('override() takes a success, a warning or an error', () => {
    assert.match(messageOf(() => override('STATUS_CALLBACK_BYPASS')) ?? '', /no operation ends with/);
    assert.match(messageOf(() => override('STATUS_REPARSE')) ?? '', /STATUS_REPARSE \(0x00000104\) is neither/);
    for (const status of ['STATUS_SUCCESS', 'STATUS_NO_MORE_ENTRIES', 'STATUS_CANCELLED'] as const) {
      assert.equal(refusal(override(status), eventOf('RegNtPostFlushKey')), null);
    }
  });

  it('override() turns a failure into success only as far as the caller then has what it reads', () => {
    const failed = eventOf('RegNtPostQueryValueKey', { status: 0xc000_0034 });
    assert.match(refusal(override('STATUS_SUCCESS'), failed) ?? '', /the query has failed.*"output"/);
    assert.equal(refusal(override('STATUS_SUCCESS', { output: { data: 'x' } }), failed), null);
    assert.match(refusal(override('STATUS_SUCCESS'), eventOf('RegNtPostOpenKeyEx')) ?? '', /redirect\(\)/);
    assert.match(refusal(override('STATUS_BUFFER_OVERFLOW'), eventOf('RegNtPostCreateKeyEx')) ?? '', /redirect\(\)/);
    const load = eventOf('RegNtPostLoadKey', { status: denied });
    assert.match(refusal(override('STATUS_SUCCESS'), load) ?? '', /root of the hive/);
    assert.match(refusal(bypass(), eventOf('RegNtPreLoadKey')) ?? '', /root of the hive/);
    const output = { output: { data: 'x' } } as const;
    assert.match(refusal(override('STATUS_SUCCESS', output), eventOf('RegNtPostFlushKey')) ?? '', /only queries/);
    assert.match(
      messageOf(() => override('STATUS_CANCELLED', output)) ?? '',
      /STATUS_SUCCESS, not with STATUS_CANCELLED/,
    );
  });

  it('override() undoes a change only where it is known what was before', () => {
    const undo = override('STATUS_CANCELLED', { undo: true });
    const flags = (event: NotificationEvent) => encodeDecision(undo, event).flags;
    const created = eventOf('RegNtPostCreateKeyEx', { disposition: 'created' });
    assert.equal(flags(created), P.CMB_REPLY_UNDO);
    assert.equal(flags(eventOf('RegNtPostSetValueKey')), P.CMB_REPLY_UNDO);
    assert.match(refusal(undo, { ...created, disposition: 'opened' }) ?? '', /there before/);
    assert.match(refusal(undo, { ...created, status: denied }) ?? '', /nothing to undo/);
    assert.match(refusal(undo, eventOf('RegNtPostSetValueKey', { previous: null })) ?? '', /oldValues: true/);
    const { previous } = eventOf('RegNtPostSetValueKey');
    assert.ok(previous?.value);
    const unread = { ...previous, exists: null, value: null };
    assert.match(refusal(undo, eventOf('RegNtPostDeleteValueKey', { previous: unread })) ?? '', /could not be read/);
    const cut = { ...previous, value: { ...previous.value, truncated: true, size: 9000 } };
    assert.match(refusal(undo, eventOf('RegNtPostSetValueKey', { previous: cut })) ?? '', /maxDataBytes to 9000/);
    assert.match(refusal(undo, eventOf('RegNtPostRenameKey')) ?? '', /create, set value and delete value/);
    assert.match(messageOf(() => override('STATUS_SUCCESS', { undo: true })) ?? '', /goes with an error/);
    assert.throws(() => override(0, { undone: true } as object), { code: 'CMB_UNKNOWN_OPTION' });
  });
});

describe('replace', () => {
  const event = eventOf('RegNtPreSetValueKey');
  const encoded = (value: Parameters<typeof replace>[0]) => {
    const { kind, type, data } = encodeDecision(replace(value), event);
    assert.equal(kind, P.CMB_DECISION_REPLACE);
    return [type, Buffer.from(data ?? []).toString('hex')];
  };

  it('replace() takes values of any type', () => {
    assert.deepEqual(encoded('a'), [1, '61000000']);
    assert.deepEqual(encoded({ type: 'REG_DWORD_BIG_ENDIAN', data: 1 }), [5, '00000001']);
    assert.deepEqual(encoded({ type: 'REG_TYPE_0x0000FFFF', data: Uint8Array.of(1) }), [0xffff, '01']);
    assert.deepEqual(encoded({ type: 0xffff_ffff, data: Uint8Array.of() }), [0xffff_ffff, '']);
    assert.deepEqual(encoded(eventOf('RegNtPreSetValueKey', {}).value).at(0), 1);
  });

  it('replace() keeps a copy of the bytes that it is given', () => {
    const bytes = Uint8Array.of(1, 2);
    const decision = replace(bytes);
    bytes[0] = 9;
    assert.deepEqual(decision.data, Uint8Array.of(1, 2));
  });

  it('replace() takes as many bytes as the driver does', () => {
    const whole = new Uint8Array(P.CMB_MAX_DECISION_BYTES);
    assert.equal(encodeDecision(replace(whole), event).data?.byteLength, whole.byteLength);
    const more = new Uint8Array(whole.byteLength + 1);
    assert.match(messageOf(() => replace(more)) ?? '', /replace\(\): 1048577 bytes are more than .* 1048576/);
  });

  it('replace() names what is wrong with a value', () => {
    assert.match(messageOf(() => replace({ type: 'REG_STR', data: '' })) ?? '', /Did you mean "REG_SZ"/);
    assert.match(messageOf(() => replace({ type: 'REG_DWORD', data: 2 ** 32 })) ?? '', /does not fit into 32 bits/);
    const cut = { ...event.value, truncated: true };
    assert.match(messageOf(() => replace(cut)) ?? '', /maxDataBytes/);
  });
});

describe('redirect', () => {
  const event = eventOf('RegNtPreOpenKeyEx', {
    requestedPath: '\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services',
    truncated: false,
  });
  const target = (path: string, fields: Partial<typeof event> = {}) => {
    const { kind, data } = encodeDecision(redirect(path), { ...event, ...fields });
    assert.equal(kind, P.CMB_DECISION_REDIRECT);
    return Buffer.from(data ?? []).toString('utf16le');
  };

  it('redirect() takes every name of a key and gives the native one', () => {
    assert.equal(target('HKLM\\SOFTWARE\\X'), '\\REGISTRY\\MACHINE\\SOFTWARE\\X');
    assert.equal(target('\\Registry\\User\\\\S-1-5-18\\X\\'), '\\Registry\\User\\S-1-5-18\\X');
    assert.equal(target('HKCU\\X', { user: 'S-1-5-21-9' }), '\\REGISTRY\\USER\\S-1-5-21-9\\X');
    assert.equal(target('HKLM'), '\\REGISTRY\\MACHINE');
  });

  it('redirect() refuses a path that cannot lead to a key', () => {
    const long = 'x'.repeat(256);
    const deep = `HKLM\\${'x'.repeat(200)}`.concat(`\\${'y'.repeat(200)}`.repeat(163));
    const wrong: [path: unknown, message: RegExp][] = [
      ['', /not ""/],
      [7, /not 7/],
      ['Software\\X', /does not begin with a root key/],
      ['C:\\X', /does not begin with a root key/],
      ['\\Device\\X', /does not begin with a root key/],
      ['\\REGISTRY', /is in no hive/],
      ['\\REGISTRY\\MACHINES\\X', /is in no hive/],
      ['\\REGISTRY\\A\\{guid}', /application hive/],
      [`HKLM\\${long}`, /has 256 characters.*at most 255/],
      [deep, /the path has \d+ bytes.*65534/],
    ];
    for (const [path, message] of wrong) assert.match(messageOf(() => redirect(path as string)) ?? 'none', message);
    assert.match(refusal(redirect('HKCU\\X'), { ...event, user: null }) ?? '', /who is not known/);
  });

  it('redirect() refuses the key that was asked for, under whatever name', () => {
    assert.match(refusal(redirect('hklm\\system\\currentcontrolset\\\\SERVICES'), event) ?? '', /asked for; allow\(\)/);
    const set = redirect('HKLM\\SYSTEM\\ControlSet003\\Services');
    assert.equal(refusal(set, event), null);
    assert.match(refusal(set, event, { controlSet: 3 }) ?? '', /asked for/);
    assert.equal(refusal(set, event, { controlSet: 2 }), null);
    assert.equal(refusal(redirect('HKLM\\SYSTEM\\CurrentControlSet\\Services\\X'), event), null);
    assert.equal(refusal(redirect('HKLM\\X'), { ...event, requestedPath: null }), null);
  });

  it('redirect() is refused in post once a key was opened', () => {
    const decision = redirect('HKLM\\SOFTWARE\\X');
    for (const status of [0, 0x104]) {
      assert.match(refusal(decision, eventOf('RegNtPostOpenKeyEx', { status })) ?? '', /pre phase/);
    }
    assert.equal(refusal(decision, eventOf('RegNtPostOpenKeyEx', { status: 0xc000_0034 })), null);
  });
});
