export type Style = 'plain' | 'dim' | 'cyan' | 'green' | 'red' | 'yellow';

const codes = { plain: '', dim: '2', cyan: '36', green: '32', red: '31', yellow: '33' } as const;

export interface Terminal {
  readonly isTTY?: boolean | undefined;
}

/** Colour only where somebody sees it and nobody has said no. */
export function wantsColor(terminal: Terminal, allowed: boolean, env: NodeJS.ProcessEnv): boolean {
  return terminal.isTTY === true && allowed && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function paint(text: string, style: Style, color: boolean): string {
  return color && style !== 'plain' && text !== '' ? `\x1b[${codes[style]}m${text}\x1b[0m` : text;
}
