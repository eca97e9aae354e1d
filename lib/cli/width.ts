// The columns of a terminal that text takes, and text that is cut or filled up to so many.

import { eastAsianWidth } from 'get-east-asian-width';

const invisible = /^[\p{Mn}\p{Me}\p{Cf}]/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * Makes text harmless in a terminal: control characters, which could move the cursor or colour the screen, direction marks,
 * and unpaired surrogates appear as \u escapes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Columns that printable text takes in a terminal. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) columns += graphemeColumns(segment);
  return columns;
}

function graphemeColumns(grapheme: string): number {
  // The selector asks for an emoji where a sign has two forms.
  if (grapheme.includes('\ufe0f')) return 2;
  return invisible.test(grapheme) ? 0 : eastAsianWidth(grapheme.codePointAt(0) ?? 0);
}

export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** The start of the text in at most so many columns, with an ellipsis when something is missing. */
export function keepStart(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of segmenter.segment(text)) {
    used += graphemeColumns(segment);
    if (used > columns) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** The end of the text in at most so many columns: of a key, the last components say most. */
export function keepEnd(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of [...segmenter.segment(text)].reverse()) {
    used += graphemeColumns(segment);
    if (used > columns) break;
    kept = segment + kept;
  }
  return columns < 1 ? '' : `…${kept}`;
}
