// The options of createProcess().

import { invalidArgument } from '../base/errors.js';
import { deviceName } from './host-file.js';
import type { NativeProcessOptions } from '../native/native.js';
import { checkBoolean, checkInteger, checkOptions, quote } from '../base/options.js';
import { checkToken, tokenOptionNames, type TokenOptions } from './token.js';

/** By default an elevated program of the usual user. */
export interface CreateProcessOptions extends TokenOptions {
  /** Default: C:\Windows\regedit.exe. */
  readonly imagePath?: string | undefined;
  /** Default: the image path in quotation marks. Null: it cannot be had. */
  readonly commandLine?: string | null | undefined;
  /** Process id. Default: 0, a parent that is gone. */
  readonly parentId?: number | undefined;
  /** A 32-bit program. Default: false. */
  readonly wow64?: boolean | undefined;
  /** A process id that no process has now; used again, it is a new process all the same. Default: the next one. */
  readonly id?: number | undefined;
}

const maxProcessId = 0xffff_fffc;

export function checkProcess(options: unknown): NativeProcessOptions {
  const known = ['imagePath', 'commandLine', 'parentId', 'wow64', 'id', ...tokenOptionNames];
  const checked = checkOptions('createProcess()', options, known);
  const { imagePath = 'C:\\Windows\\regedit.exe', commandLine = quotedPath(imagePath), id } = checked;
  checkText('imagePath', imagePath);
  if (commandLine !== null) checkText('commandLine', commandLine);
  return {
    ...checkToken(checked, true),
    imagePath: deviceName(imagePath as string),
    commandLine: commandLine as string | null,
    parentId: checkInteger('parentId', checked['parentId'], 0, maxProcessId, 0),
    wow64: checkBoolean('wow64', checked['wow64'], false),
    id: id === undefined ? null : checkProcessId(id),
  };
}

const quotedPath = (imagePath: unknown): string => `"${String(imagePath)}"`;

/** The kernel keeps both in a UNICODE_STRING. */
function checkText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && value.length < 0x7fff) return;
  throw invalidArgument(`"${name}" must be a string of 1 to 32766 characters, not ${quote(value)}`);
}

function checkProcessId(id: unknown): number {
  const number = checkInteger('id', id, 4, maxProcessId, 4);
  if (number % 4 === 0) return number;
  throw invalidArgument(`"id" must be a multiple of 4, as process ids are, not ${number}`);
}
