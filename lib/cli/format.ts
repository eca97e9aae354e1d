import type { Event, GapEvent, NotificationEvent, UnknownEvent } from '../event.js';
import { ntStatusText, ntSuccess } from '../nt-status.js';
import type { RegistryValue } from '../registry-value.js';
import { paint, type Style } from './style.js';
import { columnsOf, keepEnd, keepStart, pad, printable } from './width.js';

export interface LineOptions {
  /** Width to fit into, or null for no limit. */
  readonly columns: number | null;
  readonly color: boolean;
  readonly processName: string | null;
}

const operationColumns = 14;

/** One line for one event: time, process, phase, operation, key, and what else there is to say. */
export function formatEvent(event: Event, options: LineOptions): string {
  if (event.class === 'gap') return formatGap(event, options);
  const time = formatTime(event.time);
  const process = formatProcess(event.processId, options.processName);
  const operation = event.operation ?? `class ${event.notifyClass}`;
  const head = `${time} ${process} ${pad(event.phase, 4)} ${pad(operation, operationColumns)} `;
  const detail = printable(formatDetail(event));
  const status = formatStatus(event.status);
  const tail = [detail, status].filter((part) => part !== '').join('  ');
  const [key, rest] = share(printable(event.key ?? event.keyPath ?? '?'), tail, options.columns, columnsOf(head));
  const style = statusStyle(event.status);
  return [
    paint(`${time} ${process} `, 'dim', options.color),
    paint(`${pad(event.phase, 4)} ${pad(operation, operationColumns)} `, 'cyan', options.color),
    key,
    rest === '' ? '' : '  ',
    paint(rest, style, options.color),
  ].join('');
}

function formatGap(event: GapEvent, { columns, color }: LineOptions): string {
  const causes = event.causes.length === 0 ? 'unknown cause' : event.causes.join(', ');
  const events = event.count === 1n ? '1 event was' : `${event.count} events were`;
  const text = `${formatTime(event.time)} --- ${events} lost (${causes}): ${event.firstSequence} to ${event.lastSequence} ---`;
  return paint(columns === null ? text : keepStart(text, columns), 'yellow', color);
}

/** The tail may take half of the room when there is not enough for both. */
function share(key: string, tail: string, columns: number | null, used: number): [key: string, tail: string] {
  if (columns === null) return [key, tail];
  const room = Math.max(0, columns - used);
  const separator = tail === '' ? 0 : 2;
  const tailColumns = Math.min(columnsOf(tail), Math.max(Math.floor(room / 2), room - separator - columnsOf(key)));
  const shownTail = keepStart(tail, Math.max(0, Math.min(tailColumns, room - separator)));
  return [keepEnd(key, Math.max(0, room - (shownTail === '' ? 0 : separator) - columnsOf(shownTail))), shownTail];
}

function formatDetail(event: NotificationEvent | UnknownEvent): string {
  switch (event.class) {
    case 'RegNtPreSetValueKey':
    case 'RegNtPostSetValueKey':
      return `${formatValueName(event.valueName)} = ${formatValue(event.value)}`;
    case 'RegNtPreDeleteValueKey':
    case 'RegNtPostDeleteValueKey':
      return formatValueName(event.valueName);
    case 'RegNtPreRenameKey':
    case 'RegNtPostRenameKey':
      return `to ${event.newName ?? '?'}`;
    case 'RegNtPostCreateKeyEx':
      return event.disposition ?? '';
    default:
      return '';
  }
}

function formatValueName(name: string | null): string {
  if (name === null) return '?';
  return name === '' ? '(Default)' : JSON.stringify(name);
}

export function formatValue(value: RegistryValue): string {
  if (value.fault) return `${value.type} (unreadable)`;
  const more = value.truncated ? ` … (${value.size} bytes)` : '';
  if (value.malformed) return `${value.type} malformed ${hex(value.bytes)}${more}`;
  switch (value.type) {
    case 'REG_DWORD':
    case 'REG_DWORD_BIG_ENDIAN':
      return `${value.type} 0x${value.data.toString(16).padStart(8, '0')} (${value.data})`;
    case 'REG_QWORD':
      return `${value.type} 0x${value.data.toString(16).padStart(16, '0')} (${value.data})`;
    case 'REG_SZ':
    case 'REG_EXPAND_SZ':
    case 'REG_LINK':
      return `${value.type} ${JSON.stringify(value.data)}${more}`;
    case 'REG_MULTI_SZ':
      return `${value.type} ${JSON.stringify(value.data)}${more}`;
    default:
      return `${value.type} ${hex(value.bytes)}${more}`.trimEnd();
  }
}

function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 32))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  return bytes.byteLength > 32 ? `${shown} …` : shown;
}

function formatStatus(status: number | null): string {
  if (status === null) return '';
  return status === 0 ? 'ok' : ntStatusText(status);
}

function statusStyle(status: number | null): Style {
  if (status === null) return 'plain';
  return ntSuccess(status) ? 'green' : 'red';
}

function formatProcess(id: number, name: string | null): string {
  if (name === null) return String(id).padStart(6);
  return pad(keepStart(`${printable(name)} (${id})`, 22), 22);
}

/** Local time of day. */
function formatTime(time: bigint): string {
  const date = new Date(Number(time / 1_000_000n));
  const two = (number: number) => String(number).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}
