// The bytes of a rule file as text.

import { TextPositions } from './position.js';
import { RulesError } from '../problem.js';

/** @internal As many rules as there may be, with 500 characters each; the YAML parser takes seconds for the worst such file. */
export const maxFileBytes = 2 * 1024 * 1024;

/** The text of a rule file: UTF-8, or UTF-16LE with its mark, as some editors on Windows write. */
export function decodeRuleText(bytes: Uint8Array, fileName: string): string {
  if (bytes.byteLength > maxFileBytes) {
    throw problemAt(
      '',
      0,
      `the file is larger than ${maxFileBytes} bytes, which is more than rules can need`,
      fileName,
    );
  }
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const encoding = isUtf16 ? 'utf-16le' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const text = new TextDecoder(encoding).decode(bytes);
    const name = isUtf16 ? 'UTF-16' : 'UTF-8';
    const offset = Math.max(0, text.indexOf('\ufffd'));
    throw problemAt(text, offset, `this is not ${name}; save the file as UTF-8`, fileName);
  }
}

function problemAt(text: string, offset: number, message: string, fileName: string): RulesError {
  const position = new TextPositions(text).at(offset);
  return new RulesError([{ severity: 'error', path: [], message, ...position }], fileName);
}
