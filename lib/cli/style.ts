// The colours of the command line.

import { styleText } from 'node:util';

export type Style = 'plain' | 'dim' | 'cyan' | 'green' | 'red' | 'yellow';

export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** What a stream of node:tty says of itself: by TERM, and what else the environment tells. */
  hasColors?(env: NodeJS.ProcessEnv): boolean;
}

/** Colour only where somebody sees it and nobody has said no. */
export function wantsColor(terminal: Terminal, allowed: boolean, env: NodeJS.ProcessEnv): boolean {
  // NO_COLOR is a no unless it is empty (no-color.org). The stream is not asked about it: an empty one is a no to Node.js 20, and to
  // FORCE_COLOR it gives way there, with a warning.
  const { NO_COLOR = '', ...others } = env;
  if (terminal.isTTY !== true || !allowed || NO_COLOR !== '') return false;
  return terminal.hasColors?.(others) === true;
}

export function paint(text: string, style: Style, color: boolean): string {
  // Who calls has asked the stream that the text goes to; styleText() would ask standard output.
  return color && style !== 'plain' && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}
