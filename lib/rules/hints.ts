// What texts in conditions hardly mean, although they are patterns.

import { quotePattern } from './pattern/pattern.js';

const rootKeys =
  /^\\*(HKLM|HKU|HKCU|HKCR|HKCC|HKEY_(LOCAL_MACHINE|USERS|CURRENT_USER|CLASSES_ROOT|CURRENT_CONFIG)|REGISTRY(\\+(MACHINE|USER))?)\\*$/i;

export function keyHint(text: string): string | null {
  if (!rootKeys.test(text)) return wildcardHint(text);
  return `${quotePattern(text)} is that key alone; for all that is below it write ${quotePattern(`${text.replace(/\\+$/, '')}\\**`)}`;
}

export function valueNameHint(text: string): string | null {
  if (/^\((Default|Standard|value not set)\)$/i.test(text)) {
    return `${quotePattern(text)} is how programs show the default value; its name is ""`;
  }
  return wildcardHint(text);
}

export function imageHint(text: string): string | null {
  if (/%[^%\\]+%/.test(text)) return `environment variables are not expanded in ${quotePattern(text)}`;
  return wildcardHint(text.replace(/^\\(\?\?|\\\?)\\/, ''));
}

function wildcardHint(text: string): string | null {
  if (!text.includes('?')) return null;
  return `the question mark in ${quotePattern(text)} stands for itself; "*" is the only wildcard within a component`;
}
