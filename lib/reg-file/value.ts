// The data of values as .reg files write them.

import type { Cursor } from './cursor.js';
import { decodeAnsi } from './text.js';

interface Data {
  readonly type: number;
  readonly data: Uint8Array;
}

const REG_SZ = 1;
const REG_EXPAND_SZ = 2;
const REG_BINARY = 3;
const REG_DWORD = 4;
const REG_MULTI_SZ = 7;

export function parseData(cursor: Cursor, isAnsi: boolean): Data {
  if (cursor.peek() === '"')
    return { type: REG_SZ, data: Buffer.from(`${parseString(cursor, 'string')}\0`, 'utf16le') };
  if (cursor.accept('dword:')) return { type: REG_DWORD, data: parseDword(cursor) };
  if (cursor.accept('hex:')) return { type: REG_BINARY, data: parseBytes(cursor) };
  if (!cursor.accept('hex(')) {
    cursor.fail(`expected a string in quotes, dword:, hex:, hex(type): or -, found ${cursor.found()}`);
  }
  const digits = cursor.takeWhile(/[0-9A-Fa-f]/);
  if (digits === '' || digits.length > 8) cursor.fail('expected a type of 1 to 8 hexadecimal digits, as in hex(2):');
  if (!cursor.accept('):')) cursor.fail(`expected "):" after the type, found ${cursor.found()}`);
  const type = parseInt(digits, 16);
  const bytes = parseBytes(cursor);
  const isText = type === REG_SZ || type === REG_EXPAND_SZ || type === REG_MULTI_SZ;
  // In REGEDIT4 files the bytes of strings are those of the code page.
  return { type, data: isAnsi && isText ? Buffer.from(decodeAnsi(bytes), 'utf16le') : bytes };
}

/** A string may go over several lines: regedit writes line ends in values as they are. */
export function parseString(cursor: Cursor, what: string): string {
  const { line, column } = cursor;
  cursor.take();
  let text = '';
  while (!cursor.atEnd) {
    const escapeLine = cursor.line;
    const escapeColumn = cursor.column;
    const unit = cursor.take();
    if (unit === '"') return text;
    if (unit !== '\\') {
      text += unit;
      continue;
    }
    const escaped = cursor.peek();
    if (escaped !== '\\' && escaped !== '"') {
      cursor.fail(
        `expected \\\\ or \\" after a backslash in a ${what}, found ${cursor.found()}`,
        escapeLine,
        escapeColumn,
      );
    }
    text += cursor.take();
  }
  return cursor.fail(`the ${what} has no closing quote; the file ends inside it`, line, column);
}

function parseDword(cursor: Cursor): Uint8Array {
  const { line, column } = cursor;
  const found = cursor.found();
  const digits = cursor.takeWhile(/[0-9A-Fa-f]/);
  if (digits === '' || digits.length > 8) {
    cursor.fail(`expected 1 to 8 hexadecimal digits after dword:, found ${found}`, line, column);
  }
  const data = Buffer.alloc(4);
  data.writeUInt32LE(parseInt(digits, 16));
  return data;
}

function parseBytes(cursor: Cursor): Uint8Array {
  const bytes: number[] = [];
  skipContinuation(cursor);
  if (cursor.atLineEnd || cursor.peek() === ';') return Buffer.from(bytes);
  for (;;) {
    const { line, column } = cursor;
    const found = cursor.found();
    const digits = cursor.takeWhile(/[0-9A-Fa-f]/);
    if (digits === '' || digits.length > 2) {
      cursor.fail(`expected a byte of 1 or 2 hexadecimal digits, found ${found}`, line, column);
    }
    bytes.push(parseInt(digits, 16));
    skipContinuation(cursor);
    if (cursor.atLineEnd || cursor.peek() === ';') return Buffer.from(bytes);
    if (!cursor.accept(',')) cursor.fail(`expected "," between bytes, found ${cursor.found()}`);
    skipContinuation(cursor);
  }
}

/** Blanks, and a backslash at the end of a line, which joins it with the next one. */
function skipContinuation(cursor: Cursor): void {
  cursor.skipBlanks();
  while (cursor.accept('\\')) {
    cursor.skipBlanks();
    if (cursor.peek() === ';') cursor.restOfLine();
    if (cursor.atEnd) cursor.fail('the file ends after a line continuation; it was cut off');
    if (!cursor.atLineEnd) cursor.fail(`expected the end of the line after "\\", found ${cursor.found()}`);
    cursor.take();
    cursor.skipBlanks();
  }
}
