// How a process is called in lines of text.

import type { ProcessInfo } from '../event/event.js';

/** The name of a process for people: of its program, without the folder. */
export function processName({ imagePath, isSystem }: ProcessInfo): string {
  if (isSystem) return 'System';
  return imagePath === null ? '?' : imagePath.slice(imagePath.lastIndexOf('\\') + 1);
}
