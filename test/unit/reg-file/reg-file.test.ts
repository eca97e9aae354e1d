import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegFileError } from '../../../lib/base/errors.js';
import type { RegOperation } from '../../../lib/reg-file/operation.js';
import { parseRegFile } from '../../../lib/reg-file/parse.js';

const head = 'Windows Registry Editor Version 5.00\r\n\r\n';
const key = '[HKEY_CURRENT_USER\\Software\\Example]\r\n';

function utf16(text: string): Uint8Array {
  return Buffer.from(`\ufeff${text}`, 'utf16le');
}

/** The values of one key, as [name, type, data] or [name] for a deletion. */
function values(lines: string, header = head): unknown[] {
  return parseRegFile(utf16(header + key + lines))
    .filter((operation) => operation.kind === 'setValue' || operation.kind === 'deleteValue')
    .map((operation) =>
      operation.kind === 'setValue'
        ? [operation.name, operation.type, Buffer.from(operation.data).toString('hex')]
        : [operation.name],
    );
}

const hexOf = (text: string): string => Buffer.from(text, 'utf16le').toString('hex');

function failure(text: string | Uint8Array): RegFileError {
  try {
    parseRegFile(text);
  } catch (error) {
    assert.ok(error instanceof RegFileError, String(error));
    assert.equal(error.code, 'CMB_REG_FILE');
    assert.ok(error.message.startsWith(`line ${error.line}, column ${error.column}: `));
    return error;
  }
  throw new Error(`not refused: ${JSON.stringify(String(text))}`);
}

describe('.reg files', () => {
  it('a .reg file holds keys, values and deletions, in order, with their lines', () => {
    const text =
      head +
      '; a comment\r\n[HKEY_LOCAL_MACHINE\\Software\\A]\r\n@="default"\r\n"v"=dword:0000000a\r\n"gone"=-\r\n\r\n' +
      '[-HKEY_LOCAL_MACHINE\\Software\\B]\r\n\t [HKEY_CURRENT_USER\\C [x]] ; why\r\n';
    const expected: RegOperation[] = [
      { kind: 'createKey', line: 4, path: 'HKEY_LOCAL_MACHINE\\Software\\A' },
      {
        kind: 'setValue',
        line: 5,
        path: 'HKEY_LOCAL_MACHINE\\Software\\A',
        name: '',
        type: 1,
        data: Buffer.from('default\0', 'utf16le'),
      },
      {
        kind: 'setValue',
        line: 6,
        path: 'HKEY_LOCAL_MACHINE\\Software\\A',
        name: 'v',
        type: 4,
        data: Buffer.from([10, 0, 0, 0]),
      },
      { kind: 'deleteValue', line: 7, path: 'HKEY_LOCAL_MACHINE\\Software\\A', name: 'gone' },
      { kind: 'deleteKey', line: 9, path: 'HKEY_LOCAL_MACHINE\\Software\\B' },
      { kind: 'createKey', line: 10, path: 'HKEY_CURRENT_USER\\C [x]' },
    ];
    assert.deepEqual(parseRegFile(utf16(text)), expected);
  });

  it('a .reg file is the same in every encoding and with every line end', () => {
    const text = `${head}${key}"Größe 日本"="äöü €"\r\n`;
    const expected = parseRegFile(utf16(text));
    assert.equal((expected[1] as { name: string }).name, 'Größe 日本');
    assert.deepEqual(parseRegFile(Buffer.from(text, 'utf16le')), expected);
    assert.deepEqual(parseRegFile(Buffer.from(`\ufeff${text}`)), expected);
    assert.deepEqual(parseRegFile(Buffer.from(text)), expected);
    assert.deepEqual(parseRegFile(text), expected);
    assert.deepEqual(parseRegFile(utf16(text.replaceAll('\r\n', '\n'))), expected);
    assert.deepEqual(parseRegFile(utf16(text.replaceAll('\r\n', '\r'))), expected);
    assert.deepEqual(parseRegFile(utf16(text.trimEnd())), expected);
  });

  it('a .reg file has values of all types', () => {
    assert.deepEqual(
      values(
        [
          '"sz"="C:\\\\Program Files\\\\x \\"quoted\\""',
          '"empty"=""',
          '"dword"=dword:ff',
          '"binary"=hex:00,1,Ff',
          '"nothing"=hex:',
          '"none"=hex(0):',
          '"expand"=hex(2):25,00,00,00',
          '"multi"=hex(7):61,00,00,00,00,00',
          '"qword"=hex(b):01,02,03,04,05,06,07,08',
          '"bigendian"=hex(5):01,02,03,04',
          '"own"=hex(ffff0007):aa',
          '"a=b"=dword:00000001 ; with a comment',
          'gap',
        ]
          .slice(0, -1)
          .join('\r\n'),
      ),
      [
        ['sz', 1, hexOf('C:\\Program Files\\x "quoted"\0')],
        ['empty', 1, '0000'],
        ['dword', 4, 'ff000000'],
        ['binary', 3, '0001ff'],
        ['nothing', 3, ''],
        ['none', 0, ''],
        ['expand', 2, '25000000'],
        ['multi', 7, '610000000000'],
        ['qword', 11, '0102030405060708'],
        ['bigendian', 5, '01020304'],
        ['own', 0xffff0007, 'aa'],
        ['a=b', 4, '01000000'],
      ],
    );
  });

  it('a .reg file joins lines that end with a backslash', () => {
    const expected = [['x', 3, '010203']];
    assert.deepEqual(values('"x"=hex:01,\\\r\n  02,\\\r\n  03\r\n'), expected);
    assert.deepEqual(values('"x"=hex:\\\n01,02\\\n,03'), expected);
    assert.deepEqual(values('"x" = hex: 01 , 02,\\ ; first part\r\n\t03'), expected);
  });

  it('a .reg file holds line ends inside strings, as regedit writes them', () => {
    assert.deepEqual(values('"x"="one\r\ntwo"\r\n"y"=-\r\n'), [['x', 1, hexOf('one\r\ntwo\0')], ['y']]);
  });

  it('a .reg file of the old format has its strings in the code page', () => {
    const text = Buffer.from(
      `REGEDIT4\r\n\r\n${key}"\x80"="\x93\xe4\x94"\r\n"m"=hex(7):e4,00,00\r\n"b"=hex:e4\r\n`,
      'latin1',
    );
    const found = parseRegFile(text).slice(1) as Extract<RegOperation, { kind: 'setValue' }>[];
    assert.deepEqual(
      found.map(({ name, type, data }) => [name, type, Buffer.from(data).toString('hex')]),
      [
        ['€', 1, hexOf('“ä”\0')],
        ['m', 7, hexOf('ä\0\0')],
        ['b', 3, 'e4'],
      ],
    );
  });

  it('a damaged .reg file is refused with line, column, what was found and what was expected', () => {
    const cases: [text: string, line: number, column: number, message: RegExp][] = [
      ['', 1, 1, /expected the first line.*the end of the file/],
      ['REGEDIT5\n', 1, 1, /found "REGEDIT5"/],
      [`${head}"x"="y"`, 3, 1, /expected a key in brackets before/],
      [`${head}${key}x=1`, 4, 1, /expected a key in brackets, a value name.*"x=1"/],
      [`${head}${key}"x`, 4, 1, /value name has no closing quote/],
      [`${head}${key}"x"`, 4, 4, /expected "=".*the end of the file/],
      [`${head}${key}"x"=`, 4, 5, /expected a string.*end of the file/],
      [`${head}${key}"x"="C:\\new"`, 4, 8, /after a backslash.*"new\\""/],
      [`${head}${key}"x"="one\r\n"y"="two"`, 5, 2, /began on line 4/],
      [`${head}${key}"x"=dword:`, 4, 11, /hexadecimal digits after dword:/],
      [`${head}${key}"x"=dword:123456789`, 4, 11, /1 to 8/],
      [`${head}${key}"x"=dword:12 34`, 4, 14, /expected the end of the line.*"34"/],
      [`${head}${key}"x"=hex:1,2g`, 4, 12, /expected ",".*"g"/],
      [`${head}${key}"x"=hex:1,,2`, 4, 11, /byte.*",2"/],
      [`${head}${key}"x"=hex:123`, 4, 9, /1 or 2.*"123"/],
      [`${head}${key}"x"=hex:01,`, 4, 12, /expected a byte.*end of the file/],
      [`${head}${key}"x"=hex:01,\\`, 4, 13, /ends after a line continuation/],
      [`${head}${key}"x"=hex(zz):01`, 4, 9, /type of 1 to 8/],
      [`${head}${key}"x"=hex(2:01`, 4, 10, /"\):"/],
      [`${head}${key}"x"=qword:1`, 4, 5, /found "qword:1"/],
      [`${head}[HKEY_LOCAL_MACHINE\\x`, 3, 22, /expected "\]"/],
      [`${head}[HKEY_LOCAL_MACHINE\\x] y`, 3, 23, /after "\]", found "y"/],
      [`${head}[SOFTWARE\\x]`, 3, 2, /expected a key such as.*"SOFTWARE/],
      [`${head}[-HKEY_LOCAL_MACHINE]`, 3, 2, /root key.*cannot be deleted/],
      [`${head}[-HKCU\\x]\r\n"y"=-`, 4, 1, /which the file deletes/],
    ];
    for (const [text, line, column, message] of cases) {
      const error = failure(text);
      assert.match(error.message, message, JSON.stringify(text));
      assert.deepEqual([error.line, error.column], [line, column], `${JSON.stringify(text)}: ${error.message}`);
    }
    assert.match(failure(utf16(`${head}${key}`).subarray(0, -1)).message, /middle of a UTF-16/);
    assert.match(failure(Buffer.from('\ufeffW', 'utf16le').swap16()).message, /big-endian/);
    assert.match(failure(Buffer.from([0xef, 0xbb, 0xbf, 0x41, 0x0a, 0xff])).message, /line 2, column 1.*not UTF-8/);
  });

  it('a .reg file that is cut anywhere says less, or is refused with a place inside the file', () => {
    const text = `${head}${key}@="x\\\\y"\r\n"m"=hex(7):61,00,\\\r\n  00,00\r\n"d"=dword:00000001\r\n[-HKCU\\Gone]\r\n`;
    const whole = parseRegFile(text);
    const lines = text.split(/\r\n/);
    for (let length = 0; length < text.length; length++) {
      let found: RegOperation[];
      try {
        found = parseRegFile(text.slice(0, length));
      } catch (error) {
        assert.ok(error instanceof RegFileError, String(error));
        assert.ok(error.line <= lines.length && error.column <= (lines[error.line - 1]?.length ?? 0) + 1);
        continue;
      }
      assert.ok(found.length <= whole.length);
    }
  });
});
