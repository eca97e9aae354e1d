// The parser of .reg files.

import { CmBridgeError } from '../base/errors.js';
import { quote } from '../base/options.js';
import { nativeKey } from '../registry/registry-path.js';
import { Cursor } from './cursor.js';
import type { RegOperation } from './operation.js';
import { decodeRegText } from './text.js';
import { parseData, parseString } from './value.js';

const version5 = 'Windows Registry Editor Version 5.00';
const version4 = 'REGEDIT4';

interface Section {
  readonly path: string;
  readonly isDeleted: boolean;
}

/** Reads a .reg file as regedit writes it: its bytes, or its text. A RegFileError tells line, column and what was expected. */
export function parseRegFile(source: Uint8Array | string): RegOperation[] {
  const text = typeof source === 'string' ? source.replace(/^\ufeff/, '') : decodeRegText(source);
  const cursor = new Cursor(text);
  const isAnsi = parseHeader(cursor);
  const operations: RegOperation[] = [];
  let section: Section | null = null;
  while (skipToContent(cursor)) {
    if (cursor.peek() === '[') {
      const { line } = cursor;
      section = parseSection(cursor);
      operations.push({ kind: section.isDeleted ? 'deleteKey' : 'createKey', line, path: section.path });
    } else {
      operations.push(parseValue(cursor, section, isAnsi));
    }
  }
  return operations;
}

function parseHeader(cursor: Cursor): boolean {
  skipBlankLines(cursor);
  const { line, column } = cursor;
  const found = cursor.found();
  const header = cursor.restOfLine().trimEnd();
  if (header === version4) return true;
  if (header === version5) return false;
  return cursor.fail(`expected the first line to be "${version5}" or "${version4}", found ${found}`, line, column);
}

/** Over blank lines and comments; false at the end of the file. */
function skipToContent(cursor: Cursor): boolean {
  for (;;) {
    skipBlankLines(cursor);
    if (cursor.peek() !== ';') return !cursor.atEnd;
    cursor.restOfLine();
  }
}

function skipBlankLines(cursor: Cursor): void {
  for (;;) {
    cursor.skipBlanks();
    if (cursor.atEnd || !cursor.atLineEnd) return;
    cursor.take();
  }
}

function parseSection(cursor: Cursor): Section {
  const { line, column } = cursor;
  const text = cursor.restOfLine();
  // A key name may hold a bracket itself, so the last one closes.
  const end = text.lastIndexOf(']');
  if (end === -1) cursor.fail(`expected "]" after the key, found the end of the line`);
  const rest = text.slice(end + 1).trim();
  if (rest !== '' && !rest.startsWith(';')) {
    cursor.fail(`expected the end of the line after "]", found ${quote(rest)}`, line, column + end + 1);
  }
  const isDeleted = text.charAt(1) === '-';
  const path = text.slice(isDeleted ? 2 : 1, end);
  try {
    nativeKey(path);
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    cursor.fail(`expected a key such as HKEY_LOCAL_MACHINE\\Software\\Example, found ${quote(path)}`, line, column + 1);
  }
  if (isDeleted && !path.replace(/\\+$/, '').includes('\\')) {
    cursor.fail(`the root key ${path} cannot be deleted`, line, column + 1);
  }
  return { path, isDeleted };
}

function parseValue(cursor: Cursor, section: Section | null, isAnsi: boolean): RegOperation {
  const { line } = cursor;
  if (cursor.peek() !== '@' && cursor.peek() !== '"') {
    cursor.fail(`expected a key in brackets, a value name in quotes, @ or a comment, found ${cursor.found()}`);
  }
  if (section === null) cursor.fail('expected a key in brackets before the first value');
  if (section.isDeleted) cursor.fail(`the value belongs to the key ${section.path}, which the file deletes`);
  const { path } = section;
  const name = cursor.accept('@') ? '' : parseString(cursor, 'value name');
  cursor.skipBlanks();
  if (!cursor.accept('=')) cursor.fail(`expected "=" after the value name, found ${cursor.found()}`);
  cursor.skipBlanks();
  let operation: RegOperation;
  if (cursor.accept('-')) operation = { kind: 'deleteValue', line, path, name };
  else operation = { kind: 'setValue', line, path, name, ...parseData(cursor, isAnsi) };
  cursor.skipBlanks();
  if (cursor.peek() === ';') cursor.restOfLine();
  if (!cursor.atLineEnd) {
    const began = cursor.line === line ? '' : ` (the value began on line ${line}; is a closing quote missing?)`;
    cursor.fail(`expected the end of the line after the value, found ${cursor.found()}${began}`);
  }
  return operation;
}
