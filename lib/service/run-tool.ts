// Runs a program to its end and gives what it wrote.

import { spawn, type StdioOptions } from 'node:child_process';

export interface ToolResult {
  readonly code: number | null;
  readonly output: Buffer;
  readonly errors: string;
}

export interface ToolOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Open files that the program finds as its descriptors 3 and up. */
  readonly files?: readonly number[] | undefined;
}

/** Rejects when there is no such program. */
export async function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(options.files ?? [])];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio, env: options.env ?? process.env, windowsHide: true });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => output.push(part));
    child.stderr?.on('data', (part: Buffer) => errors.push(part));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output: Buffer.concat(output), errors: Buffer.concat(errors).toString('utf8') });
    });
  });
}
