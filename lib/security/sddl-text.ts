// The reader of SDDL text, with the SIDs in it.

import { invalidArgument, type CmBridgeError } from '../base/errors.js';
import { quote } from '../base/options.js';
import { domainAliases, sidAliases } from './sddl-tables.js';
import { parseSid } from './sid.js';

/** Reads SDDL from left to right; its errors tell where they are. */
export class SddlText {
  position = 0;
  readonly #text: string;
  readonly #domainSid: string | undefined;

  constructor(text: string, domainSid: string | undefined) {
    this.#text = text;
    this.#domainSid = domainSid;
  }

  get isAtEnd(): boolean {
    return this.position === this.#text.length;
  }

  error(what: string, position = this.position): CmBridgeError {
    return invalidArgument(`${quote(this.#text)} is no security descriptor: at position ${position} ${what}`);
  }

  /** Takes the first of `words` that stands here. */
  oneOf(words: readonly string[]): string | null {
    const word = words.find((candidate) => this.#text.startsWith(candidate, this.position));
    if (word === undefined) return null;
    this.position += word.length;
    return word;
  }

  /** Takes everything before the next of `ends`, which stays. */
  until(ends: string): string {
    const start = this.position;
    while (!this.isAtEnd && !ends.includes(this.#text.charAt(this.position))) this.position++;
    return this.#text.slice(start, this.position);
  }

  take(word: string): void {
    if (this.oneOf([word]) === null) throw this.error(`expected ${quote(word)}`);
  }

  /** `S-1-...` or a two-letter name. */
  sid(): Uint8Array {
    const start = this.position;
    if (this.oneOf(['S-', 's-']) === null) return this.#alias();
    let end = this.position;
    while (end < this.#text.length && '-0123456789abcdefABCDEFxX'.includes(this.#text.charAt(end))) end++;
    // Only the mark of a following DACL can be mistaken for a digit.
    if (this.#text.startsWith('D:', end - 1)) end--;
    this.position = end;
    const text = this.#text.slice(start, end);
    try {
      return parseSid(text);
    } catch {
      throw this.error(`${quote(text)} is no SID`, start);
    }
  }

  #alias(): Uint8Array {
    const name = this.#text.slice(this.position, this.position + 2);
    const sid = Object.hasOwn(sidAliases, name) ? sidAliases[name] : this.#domainAlias(name);
    if (sid === undefined) throw this.error(`${quote(name)} is no name of a SID; expected S-1-... or two letters`);
    this.position += 2;
    return parseSid(sid);
  }

  #domainAlias(name: string): string | undefined {
    if (!Object.hasOwn(domainAliases, name)) return undefined;
    if (this.#domainSid === undefined) {
      throw this.error(`${name} is a member of a domain; the option domainSid would tell of which`);
    }
    return `${this.#domainSid}-${domainAliases[name] ?? 0}`;
  }
}
