// What Code Integrity has last written about the driver.

import { win32 } from 'node:path';
import type { ServiceContext } from '../context.js';
import { runTool } from '../run-tool.js';
import { finding, type Finding } from './finding.js';

const channel = 'Microsoft-Windows-CodeIntegrity/Operational';
const newest = 300;
const shown = 5;

/** By the messages of ci.dll. */
const meanings = new Map<number, string>([
  [3001, 'an unsigned driver was loaded'],
  [3002, 'its page hashes were not found'],
  [3003, 'its page hashes were not found; loaded, as a kernel debugger is attached'],
  [3004, 'the hash of the file was not found: it is not signed, or was altered after that'],
  [3005, 'the hash of the file was not found; loaded, as a kernel debugger is attached'],
  [3021, 'its signer is revoked'],
  [3022, 'its signer is revoked'],
  [3023, 'it is blocked, as it is revoked'],
  [3033, 'its signature does not meet the level that is demanded'],
  [3034, 'its signature would not meet the level that is demanded'],
  [3076, 'an App Control policy would block it'],
  [3077, 'an App Control policy blocks it'],
  [3111, 'it is not fit for memory integrity'],
]);
/** They only tell. */
const harmless = [3003, 3005, 3034, 3076];

export interface LoggedEvent {
  readonly id: number;
  readonly time: string;
  readonly data: Readonly<Record<string, string>>;
}

export async function codeIntegrityLog({ systemRoot }: ServiceContext): Promise<Finding[]> {
  const program = win32.join(systemRoot, 'System32', 'wevtutil.exe');
  const { code, output, errors } = await runTool(program, [
    'qe',
    channel,
    `/c:${newest}`,
    '/rd:true',
    '/f:xml',
    '/uni:true',
  ]);
  if (code !== 0) throw new Error(`wevtutil.exe ended with ${code ?? 'a signal'}: ${errors.trim()}`);
  return [logFinding(parseEvents(decode(output)))];
}

/** UTF-16 where it was asked for, and what the console has where it was not heeded. */
function decode(output: Buffer): string {
  return output.includes(0) ? output.toString('utf16le').replace(/^\ufeff/, '') : output.toString('utf8');
}

export function logFinding(events: readonly LoggedEvent[]): Finding {
  const ours = events.filter(({ data }) => Object.values(data).some((text) => /\\cmbridge(-new)?\.sys$/i.test(text)));
  const [last] = ours;
  if (last === undefined)
    return finding('code-integrity-log', 'ok', 'Code Integrity has written nothing about cmbridge.sys.');
  const lines = ours.slice(0, shown).map(({ id, time }) => `${time} event ${id}: ${meanings.get(id) ?? 'see the log'}`);
  return finding(
    'code-integrity-log',
    harmless.includes(last.id) ? 'note' : 'warning',
    `Code Integrity about cmbridge.sys, newest first: ${lines.join('; ')}.`,
    `wevtutil qe ${channel} /c:20 /rd:true /f:text`,
    { events: ours.slice(0, shown) },
  );
}

/** Events as wevtutil writes them: one element after the other, in no document. */
export function parseEvents(xml: string): LoggedEvent[] {
  return [...xml.matchAll(/<Event[ >][\s\S]*?<\/Event>/g)].map(([event]) => ({
    id: Number(/<EventID[^>]*>(\d+)<\/EventID>/.exec(event)?.[1] ?? 0),
    time: /<TimeCreated[^>]*SystemTime=['"]([^'"]*)['"]/.exec(event)?.[1] ?? '',
    data: Object.fromEntries(
      [...event.matchAll(/<Data Name=['"]([^'"]*)['"][^>]*>([^<]*)<\/Data>/g)].map(([, name = '', text = '']) => [
        name,
        plainText(text),
      ]),
    ),
  }));
}

function plainText(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
    .trim();
}
