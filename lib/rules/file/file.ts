// Rule files read from disk or given as text.

import { createReadStream } from 'node:fs';
import { abortError, invalidArgument } from '../../base/errors.js';
import { checkOptions, checkSignal, quote, throwIfAborted } from '../../base/options.js';
import { decodeRuleText, maxFileBytes } from './file-text.js';
import { RuleFileReader, type RuleFile } from './file-reader.js';

export type { RuleFile };

export interface ParseRulesOptions {
  /** For messages. */
  readonly fileName?: string | undefined;
}

export interface LoadRulesOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Reads the text of a rule file, YAML or JSON. Throws a `RulesError` that has everything that is wrong in it, with the places. */
export function parseRules(text: string, options?: ParseRulesOptions): RuleFile {
  const { fileName } = checkOptions('parseRules()', options, ['fileName']);
  if (typeof text !== 'string') throw invalidArgument(`The text of a rule file must be a string, not ${quote(text)}`);
  if (fileName !== undefined && typeof fileName !== 'string') {
    throw invalidArgument(`"fileName" must be a string, not ${quote(fileName)}`);
  }
  return new RuleFileReader(text.startsWith('\ufeff') ? text.slice(1) : text, fileName ?? null).read();
}

/** Reads a rule file: UTF-8, or UTF-16 with its mark. */
export async function loadRules(path: string, options?: LoadRulesOptions): Promise<RuleFile> {
  const signal = checkSignal(checkOptions('loadRules()', options, ['signal'])['signal']);
  if (typeof path !== 'string' || path === '') {
    throw invalidArgument(`The path of a rule file must be a string, not ${quote(path)}`);
  }
  throwIfAborted(signal, 'Reading the rules');
  return parseRules(decodeRuleText(await readBytes(path, signal), path), { fileName: path });
}

/** No more than is needed to see that it is too much, as the path may be that of a device without an end. */
async function readBytes(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: maxFileBytes, signal })) chunks.push(chunk as Uint8Array);
  } catch (error) {
    if (signal?.aborted === true) throw abortError(signal, 'Reading the rules');
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`Cannot read ${path}: ${reason}`, { cause: error });
  }
  return Buffer.concat(chunks);
}
