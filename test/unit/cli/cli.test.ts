import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { WriteStream } from 'node:tty';
import { formatEvent } from '../../../lib/cli/format.js';
import { StreamOutput } from '../../../lib/cli/output.js';
import { wantsColor } from '../../../lib/cli/style.js';
import { columnsOf, keepEnd, keepStart, printable } from '../../../lib/cli/width.js';
import { Decoder } from '../../../lib/decode/decode.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import type { Event } from '../../../lib/event/event.js';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import {
  batch,
  breakerRecord,
  gapRecord,
  held,
  processRecord,
  record,
  setValueRecord,
  type DecidedInput,
  type RecordInput,
} from '../support/records.js';
import { decodeAll, fullRecord, sampleProcess } from '../support/samples.js';

function event(bytes: Uint8Array): Event {
  let found: Event | null = null;
  forEachRecord(
    batch([bytes]),
    (view) => {
      found = new Decoder(0, P.CMB_PATH_SLOTS).decode(view, new HopTracker());
    },
    (error) => {
      throw error;
    },
  );
  assert.ok(found);
  return found;
}

const plain = { columns: null, color: false, processName: false, duration: false };
const escapes = /\x1b\[[0-9;]*m/g;
const setText = (name: string, text: string, keyPath = '\\REGISTRY\\MACHINE\\Software') =>
  event(setValueRecord(name, 1, Buffer.from(`${text}\0`, 'utf16le'), { keyPath }));

const rules = { find: (_ruleset: number, rule: number) => ({ index: rule, name: rule === 0 ? 'x\x07y' : null }) };

function decidedLine(decided: DecidedInput): string {
  let line = '';
  forEachRecord(
    batch([record({ notifyClass: 16, flags: P.CMB_RECORD_POST, status: 0xc0000022, decided })]),
    (view) => {
      line = formatEvent(new Decoder(0, P.CMB_PATH_SLOTS).decode(view, new HopTracker(), rules)!, plain);
    },
    (error) => {
      throw error;
    },
  );
  return line;
}

describe('lines', () => {
  it('an event line tells what was decided, by whom and by which rule', () => {
    const [block, allow] = [P.CMB_DECISION_BLOCK, P.CMB_DECISION_ALLOW];
    const lines: [DecidedInput, string][] = [
      [{ decision: block, by: P.CMB_DECIDED_BY_RULE, rule: 0 }, 'blocked by rule "x\\u0007y"'],
      [{ decision: block, by: P.CMB_DECIDED_BY_RULE, rule: 4 }, 'blocked by rule 5'],
      [{ decision: block, by: P.CMB_DECIDED_BY_RULE }, 'blocked by a rule'],
      [
        { decision: block, by: P.CMB_DECIDED_BY_CALLBACK, rule: 4, flags: P.CMB_DECIDED_DRY_RUN },
        'would have been blocked by the callback, asked by rule 5',
      ],
      [{ decision: allow, by: P.CMB_DECIDED_BY_TIMEOUT, rule: 4 }, 'allowed by default of rule 5: no answer in time'],
      [{ decision: allow, by: P.CMB_DECIDED_BY_BREAKER, rule: 4 }, 'allowed by default of rule 5: the breaker is open'],
      [{ decision: block, by: P.CMB_DECIDED_BY_LIMIT, rule: 4 }, 'blocked by default of rule 5: too many are held'],
      [{ decision: allow, by: P.CMB_DECIDED_BY_EXEMPTION, rule: 4 }, 'allowed as an exemption from rule 5'],
      [
        { decision: allow, by: P.CMB_DECIDED_BY_RELEASE, rule: 4 },
        'allowed by default of rule 5: nobody decides any more',
      ],
      [{ decision: block, by: P.CMB_DECIDED_BY_ERROR, rule: 4 }, 'blocked by default of rule 5: the decision failed'],
      [held(1n, 4, 250), 'asked by rule 5, for 250 ms'],
    ];
    for (const [decided, text] of lines) {
      const line = decidedLine(decided);
      assert.ok(line.endsWith(`  STATUS_ACCESS_DENIED  ${text}`), line);
    }
  });

  it('an event line tells what happened, how it ended, and what was lost or repeated', () => {
    const line = formatEvent(setText('Run', 'C:\\x.exe'), plain);
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3}   4321 pre  SetValueKey {4}HKLM\\Software {2}"Run" = REG_SZ "C:\\\\x.exe"$/,
    );
    const failed = record({ notifyClass: 15, status: 0xc0000022, flags: P.CMB_RECORD_POST });
    assert.match(formatEvent(event(failed), plain), /post DeleteKey .*STATUS_ACCESS_DENIED$/);
    const done = record({ notifyClass: 15, flags: P.CMB_RECORD_POST });
    assert.match(formatEvent(event(done), plain), /HKLM\\Software {2}ok$/);
    assert.match(formatEvent(event(record({ notifyClass: 60, keyPath: null })), plain), /class 60 +\?$/);
    assert.match(formatEvent({ ...event(record({})), repeats: 4n } as Event, plain), /\[5 times\]/);
    assert.doesNotMatch(formatEvent(event(record({})), plain), /times/);
    assert.match(formatEvent(event(gapRecord(3n, 9n, 1)), plain), /7 events were lost \(queue-full\): 3 to 9/);
    assert.match(
      formatEvent(event(breakerRecord({ cookie: 1n, state: 1 })), plain),
      /5 deadlines missed in a row: .*10000 ms/,
    );
    const closed = breakerRecord({ cookie: 1n, state: 2, unasked: 1n });
    assert.match(formatEvent(event(closed), plain), /asking again; 1 operation was not asked about/);
    assert.match(formatEvent(setText('', 'x'), { ...plain, processName: true }), /\? \(4321\) .*\(Default\) =/);
  });

  it('an event line shows what is particular about each operation', () => {
    const lines = new Map<string, string>();
    for (const entry of notifyClasses) {
      const [full] = decodeAll(sampleProcess, fullRecord(entry, { keyPath: '\\REGISTRY\\MACHINE\\K' }));
      lines.set(entry.name, formatEvent(full!, { ...plain, duration: true }));
    }
    const expected: [name: string, text: RegExp][] = [
      ['RegNtPostCreateKeyEx', /HKLM\\K {2}created {2}ok {2}1\.5 µs {2}\[as S-1-5-19\] {2}\[transaction\]$/],
      ['RegNtPreSetValueKey', /: REG_QWORD 0xffffffffffffffff \(18446744073709551615\) -> REG_SZ "a\\u0000b/],
      ['RegNtPreDeleteValueKey', /" was REG_MULTI_SZ \["a","/],
      ['RegNtPreDeleteKey', /3 values, 0 subkeys/],
      ['RegNtPostRenameKey', /to HKLM\\a\\u0000b/],
      ['RegNtPreSetInformationKey', /KeyWriteTimeInformation/],
      ['RegNtPostEnumerateKey', /#3 a\\u0000b/],
      ['RegNtPreEnumerateKey', /#3 KeyBasicInformation/],
      ['RegNtPostEnumerateValueKey', /#3 = REG_DWORD malformed 01 02 03/],
      ['RegNtPostQueryValueKey', / = REG_QWORD 0x8080808080808080/],
      ['RegNtPreQueryValueKey', /KeyValuePartialInformation/],
      ['RegNtPreKeyHandleClose', /opened by \? \(12\)/],
      ['RegNtCallbackObjectContextCleanup', / - {4}ContextCleanup HKLM\\K {2}opened by/],
      ['RegNtPreLoadKey', /from \\\?\?\\C:\\a\\u0000b.* REG_APP_HIVE/],
      ['RegNtPreSaveKey', /to \\Device\\X\\.* REG_LATEST_FORMAT/],
      ['RegNtPreRestoreKey', /from \\Device\\X\\/],
      ['RegNtPreSaveMergedKey', /over HKU\\S-1-5-21-1-2-3-1001\\.* to \\Device\\X\\/],
      ['RegNtPreReplaceKey', /by a.*, old kept as old/],
      ['RegNtPreSetKeySecurity', /O:SYG:SY/],
    ];
    for (const [name, text] of expected) assert.match(lines.get(name) ?? '', text);
    assert.equal(
      [...lines.values()].some((line) => /undefined|null|\[object/.test(line)),
      false,
    );
  });

  it('an event line names the process, and marks a value as new or unchanged', () => {
    const of = (input: RecordInput) =>
      decodeAll(sampleProcess, fullRecord(notifyClasses[1], { flags: 0, ...input }))[0]!;
    const shown = (imagePath: string, processFlags = 0) => {
      const process = processRecord({ slot: 5, key: 9n, id: 4321, imagePath, processFlags });
      const flush = record({ notifyClass: 30, processSlot: 5, processKey: 9n });
      return formatEvent(decodeAll(process, flush)[0]!, { ...plain, processName: true });
    };
    assert.match(shown('\\Device\\V\\Windows\\regedit.exe'), / regedit\.exe \(4321\) {5}pre /);
    assert.match(shown(`\\x\\${'long'.repeat(9)}.exe`), / longlonglonglo… \(4321\) pre /);
    assert.match(shown('\\x\\ntoskrnl.exe', P.CMB_PROCESS_SYSTEM), / System \(4321\) /);
    const V = P.CMB_BODY_SET_VALUE;
    const old = (status: number) => (view: DataView) => {
      view.setUint32(V.Type, 3, true);
      view.setUint32(V.Old + P.CMB_OLD_VALUE.Type, 3, true);
      view.setUint32(V.Old + P.CMB_OLD_VALUE.Status, status, true);
      view.setUint32(V.Old + P.CMB_OLD_VALUE.Flags, P.CMB_OLD_VALUE_READ, true);
    };
    const data = { data: Uint8Array.of(1) };
    const spans = [
      [V.ValueName, 'v'],
      [V.Data, data],
      [V.Old + P.CMB_OLD_VALUE.Data, data],
    ] as const;
    assert.match(formatEvent(of({ body: old(0), spans }), plain), /"v" = REG_BINARY 01 \(unchanged\)$/);
    assert.match(formatEvent(of({ body: old(0xc0000034), spans }), plain), /"v" = REG_BINARY 01 \(new\)$/);
  });

  it('an event line shows values of each type, malformed ones and long ones', () => {
    const show = (type: number, hex: string) =>
      formatEvent(event(setValueRecord('v', type, Buffer.from(hex, 'hex'))), plain);
    assert.match(show(4, '0a000000'), /REG_DWORD 0x0000000a \(10\)$/);
    assert.match(show(11, '0a00000000000000'), /REG_QWORD 0x000000000000000a \(10\)$/);
    assert.match(show(7, '610000006200000000 00'.replace(' ', '')), /REG_MULTI_SZ \["a","b"\]$/);
    assert.match(show(3, '0102'), /REG_BINARY 01 02$/);
    assert.match(show(3, 'aa'.repeat(40)), /aa …$/);
    assert.match(show(4, '0102'), /REG_DWORD malformed 01 02$/);
    assert.match(show(0, ''), /REG_NONE$/);
  });

  it('an event line fits the terminal, with the end of the key and the start of the value', () => {
    const key = `\\REGISTRY\\MACHINE\\SOFTWARE\\${'日本語\\'.repeat(20)}終わり`;
    for (const columns of [40, 60, 80, 100, 132, 250]) {
      const line = formatEvent(setText('name', 'ｗｉｄｅ text '.repeat(10), key), { ...plain, columns });
      assert.ok(columnsOf(line) <= Math.max(columns, 42), `${columnsOf(line)} columns in ${columns}`);
      const short = formatEvent(setText('n', 'x'), { ...plain, columns });
      assert.ok(columnsOf(short) <= Math.max(columns, 42));
    }
    const line = formatEvent(setText('name', 'x', key), { ...plain, columns: 100 });
    assert.match(line, /…[^…]*終わり {2}"name" = REG_SZ "x"$/);
    assert.equal(formatEvent(setText('name', 'x', key), plain).includes('…'), false);
    assert.ok(columnsOf(formatEvent(event(gapRecord(1n, 99n, 7)), { ...plain, columns: 30 })) <= 30);
  });

  it('an event line has colour only where it is wanted, and the same text without it', () => {
    const options = { ...plain, columns: 80, color: true };
    const colored = formatEvent(setText('n', 'x'), options);
    assert.match(colored, escapes);
    assert.equal(colored.replaceAll(escapes, ''), formatEvent(setText('n', 'x'), { ...options, color: false }));
    const TERM = 'xterm-256color';
    const terminal = (isTTY: boolean) =>
      Object.create(WriteStream.prototype, { isTTY: { value: isTTY } }) as Pick<WriteStream, 'isTTY' | 'hasColors'>;
    assert.equal(wantsColor(terminal(true), true, { TERM }), true);
    for (const [isTTY, allowed, env] of [
      [false, true, { TERM }],
      [true, false, { TERM }],
      [true, true, { TERM, NO_COLOR: '1' }],
      [true, true, { TERM, NO_COLOR: '1', FORCE_COLOR: '1' }],
      [true, true, { TERM: 'dumb' }],
    ] as const) {
      assert.equal(wantsColor(terminal(isTTY), allowed, env), false);
    }
    assert.equal(wantsColor({ isTTY: true }, true, { TERM }), false);
    assert.equal(wantsColor(terminal(true), true, { TERM, NO_COLOR: '' }), true);
  });

  it('an event line lets no control character of a name or value through to the terminal', () => {
    const hostile = '\x1b]0;owned\x07\x1b[31m\r\n\0\u202e\u009b';
    const line = formatEvent(setText(hostile, hostile, `\\REGISTRY\\MACHINE\\${hostile}`), plain);
    assert.equal(/[\p{Cc}\u202e]/u.test(line), false);
    assert.equal(printable('a\x1bb\ud800'), 'a\\u001bb\\ud800');
  });
});

describe('widths', () => {
  it('columnsOf() counts wide, combining and joined characters by the columns that they take', () => {
    for (const [text, columns] of [
      ['abc', 3],
      ['日本', 4],
      ['e\u0301', 1],
      ['한글', 4],
      ['👩‍💻', 2],
      ['❤️', 2],
      ['', 0],
      ['ﾊﾝｶｸ', 4],
      ['䷀', 2],
      ['〿', 1],
    ] as const) {
      assert.equal(columnsOf(text), columns, text);
    }
  });

  it('keepStart() and keepEnd() cut a text without splitting a character', () => {
    assert.equal(keepStart('日本語', 6), '日本語');
    assert.equal(keepStart('日本語', 5), '日本…');
    assert.equal(keepStart('日本語', 4), '日…');
    assert.equal(keepEnd('日本語', 4), '…語');
    assert.equal(keepEnd('abc', 1), '…');
    assert.equal(keepEnd('abc', 0), '');
  });
});

describe('output', () => {
  it('StreamOutput asks to wait when its stream is full, and stops waiting when the stream breaks', async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    const output = new StreamOutput(stream as unknown as NodeJS.WriteStream);
    assert.equal(output.write('short'), undefined);
    const waiting = output.write('x'.repeat(100));
    assert.ok(waiting);
    stream.resume();
    await waiting;
    stream.pause();
    const again = output.write('x'.repeat(100_000));
    assert.ok(again);
    stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await again;
    assert.equal(output.closed.aborted, true);
    assert.equal(output.write('more'), undefined);
  });
});
