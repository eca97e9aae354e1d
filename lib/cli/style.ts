// The colours of the command line.

import { styleText } from 'node:util';

export type Style = 'plain' | 'dim' | 'cyan' | 'green' | 'red' | 'yellow';

export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** What a stream of node:tty says of itself: how it was started, NO_COLOR and TERM. */
  hasColors?(env: NodeJS.ProcessEnv): boolean;
}

/** Colour only where somebody sees it and nobody has said no. */
export function wantsColor(terminal: Terminal, allowed: boolean, env: NodeJS.ProcessEnv): boolean {
  if (terminal.isTTY !== true || !allowed) return false;
  // An empty NO_COLOR says nothing (no-color.org); Node.js 20 takes it for a no.
  const { NO_COLOR, ...others } = env;
  return terminal.hasColors?.(NO_COLOR === '' ? others : env) === true;
}

export function paint(text: string, style: Style, color: boolean): string {
  // Who calls has asked the stream that the text goes to; styleText() would ask standard output.
  return color && style !== 'plain' && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}
