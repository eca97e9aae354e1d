// Errors of the YAML parser in words that help people who write registry paths.

import type { YAMLError } from 'yaml';

const advice = 'text that YAML could take for something else wants single quotes';

/** What the parser found, and what to do about it where people write registry paths. */
export function explainYamlError({ code, message, pos }: YAMLError, text: string): string {
  const [offset] = pos;
  const unclosed = /^Flow (?:sequence|map) .*end with a (.)$/.exec(message)?.[1];
  if (unclosed !== undefined) return `"${unclosed}" is missing here, at the latest`;
  switch (code) {
    case 'BAD_DQ_ESCAPE':
      return `${text.slice(offset, offset + 2)} means nothing between double quotes; ${backslashAdvice}`;
    case 'BLOCK_IN_FLOW':
      return `${message}; is a comma missing behind this?`;
    case 'TAB_AS_INDENT':
      return 'tabs cannot indent in YAML; use spaces';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; a rule file has one';
    case 'NON_STRING_KEY':
      return 'a name was expected here, such as "keys"';
    case 'TAG_RESOLVE_FAILED':
      return `${firstWord(text, offset)} is a tag, which rules have no use for; ${advice}`;
    case 'RESOURCE_EXHAUSTION':
      return 'this is nested too deep';
    case 'BAD_ALIAS':
    case 'BAD_SCALAR_START':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MISSING_CHAR':
    case 'UNEXPECTED_TOKEN':
      return lineOf(text, offset).includes('\\') ? `${message}; ${advice}` : message;
    default:
      return message;
  }
}

const backslashAdvice = 'double the backslash, or use single quotes, between which it is an ordinary character';

/**
 * Escapes that are right in YAML and JSON but stand where somebody has written a path: of "HKLM\new", \n is a line feed. A text
 * between double quotes, these included.
 */
export function escapeProblem(quoted: string): { readonly offset: number; readonly message: string } | null {
  for (const { index, 0: escape } of quoted.matchAll(/\\[^]/g)) {
    if (!/[abtnvfreNLP_0 ]/.test(escape.charAt(1))) continue;
    return {
      offset: index,
      message:
        `${escape} between double quotes is no backslash and ${JSON.stringify(escape.charAt(1))}, but one other character; ` +
        `${backslashAdvice}. Where that character is meant, write \\u and four digits`,
    };
  }
  return null;
}

function firstWord(text: string, offset: number): string {
  return /^\S*/.exec(text.slice(offset, offset + 80))?.[0] ?? '';
}

function lineOf(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end === -1 ? undefined : end);
}
