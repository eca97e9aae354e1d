// A place in the text of a .reg file.

import { RegFileError } from '../base/errors.js';

/** A place in the text that knows its line and column. */
export class Cursor {
  readonly #text: string;
  #offset = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get line(): number {
    return this.#line;
  }

  get column(): number {
    return this.#offset - this.#lineStart + 1;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#text.length;
  }

  get atLineEnd(): boolean {
    return this.atEnd || this.peek() === '\r' || this.peek() === '\n';
  }

  /** The next character, or an empty string at the end. */
  peek(): string {
    return this.#text.charAt(this.#offset);
  }

  /** One UTF-16 unit; CR LF counts as one line end and comes as both. */
  take(): string {
    const start = this.#offset;
    const unit = this.#text.charAt(this.#offset++);
    if (unit === '\r' && this.peek() === '\n') this.#offset++;
    if (unit === '\r' || unit === '\n') {
      this.#line++;
      this.#lineStart = this.#offset;
    }
    return this.#text.slice(start, this.#offset);
  }

  takeWhile(pattern: RegExp): string {
    const start = this.#offset;
    while (!this.atEnd && pattern.test(this.peek())) this.#offset++;
    return this.#text.slice(start, this.#offset);
  }

  /** Takes `expected`, in whatever case, if it comes next. */
  accept(expected: string): boolean {
    const next = this.#text.slice(this.#offset, this.#offset + expected.length);
    if (next.toLowerCase() !== expected) return false;
    this.#offset += expected.length;
    return true;
  }

  /** What is left of the line, without its end. */
  restOfLine(): string {
    return this.takeWhile(/[^\r\n]/);
  }

  skipBlanks(): void {
    this.takeWhile(/[ \t]/);
  }

  /** What comes next, for a message. */
  found(): string {
    if (this.atEnd) return 'the end of the file';
    if (this.atLineEnd) return 'the end of the line';
    const end = this.#text.slice(this.#offset).search(/[\r\n]|$/);
    const rest = this.#text.slice(this.#offset, this.#offset + end);
    return JSON.stringify(rest.length > 24 ? `${rest.slice(0, 21)}...` : rest);
  }

  fail(message: string, line = this.line, column = this.column): never {
    throw new RegFileError(line, column, message);
  }
}
