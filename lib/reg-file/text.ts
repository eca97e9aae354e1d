// The text of a .reg file from its bytes.

import { RegFileError } from '../base/errors.js';
import { decodeUtf16 } from '../registry/registry-value.js';

/** What windows-1252 has at 0x80 .. 0x9F; everything else is as in ISO 8859-1. The five holes stay what they are, as in Windows. */
const ansi =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

export function decodeAnsi(bytes: Uint8Array): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

  return latin1.replace(/[\x80-\x9f]/g, (character) => ansi.charAt(character.charCodeAt(0) - 0x80));
}

/** The text of a .reg file: UTF-16LE with or without a mark, UTF-8, and for REGEDIT4 the code page of western Windows. */
export function decodeRegText(bytes: Uint8Array): string {
  const [first, second, third] = bytes;
  if (first === 0xfe && second === 0xff) {
    throw new RegFileError(
      1,
      1,
      'the file is UTF-16 in big-endian order; expected little-endian order, as regedit writes it',
    );
  }
  if (first === 0xff && second === 0xfe) return decodeUnicode(bytes.subarray(2));
  if (first === 0xef && second === 0xbb && third === 0xbf) return decodeUtf8(bytes.subarray(3)) ?? badUtf8(bytes);
  if (second === 0) return decodeUnicode(bytes);
  if (decodeAnsi(bytes.subarray(0, 8)) === 'REGEDIT4') return decodeAnsi(bytes);
  return decodeUtf8(bytes) ?? decodeAnsi(bytes);
}

function decodeUnicode(bytes: Uint8Array): string {
  const even = bytes.byteLength & ~1;
  const text = decodeUtf16(bytes, 0, even);
  if (even === bytes.byteLength) return text;
  const lines = text.split('\n');
  throw new RegFileError(
    lines.length,
    (lines.at(-1)?.length ?? 0) + 1,
    'the file ends in the middle of a UTF-16 character; it was cut off',
  );
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function badUtf8(bytes: Uint8Array): never {
  const decoded = new TextDecoder('utf-8').decode(bytes);
  const lines = decoded.slice(0, decoded.indexOf('\ufffd')).split('\n');
  throw new RegFileError(
    lines.length,
    (lines.at(-1)?.length ?? 0) + 1,
    'the file is marked as UTF-8, but this is not UTF-8',
  );
}
