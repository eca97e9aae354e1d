// The line of `cmbridge watch` for one event.

import type { BreakerEvent, Event, GapEvent, NotificationEvent, UnknownEvent } from '../event/event.js';
import { ntStatusText, ntSuccess } from '../base/nt-status.js';
import { breakerText, decisionText } from './decision-text.js';
import { formatDetail } from './detail.js';
import { processName } from './process-name.js';
import { paint, type Style } from './style.js';
import { columnsOf, keepEnd, keepStart, pad, printable } from './width.js';

export interface LineOptions {
  /** Width to fit into, or null for no limit. */
  readonly columns: number | null;
  readonly color: boolean;
  /** Show the name of the process beside its id. */
  readonly processName: boolean;
  /** Show how long the operation took. */
  readonly duration: boolean;
}

const operationColumns = 14;

/** One line for one event: time, process, phase, operation, key, and what else there is to say. */
export function formatEvent(event: Event, options: LineOptions): string {
  if (event.class === 'gap') return formatGap(event, options);
  if (event.class === 'breaker') return formatBreaker(event, options);
  const time = formatTime(event.time);
  const process = formatProcess(event, options.processName);
  const operation = operationName(event);
  const phase = event.phase === 'cleanup' ? '-' : event.phase;
  const head = `${time} ${process} ${pad(phase, 4)} ${pad(operation, operationColumns)} `;
  const detail = printable(formatDetail(event));
  const status = formatStatus(event.status);
  const duration = options.duration ? formatDuration(event.duration) : '';
  const tail = [detail, status, decisionText(event), duration, ...circumstances(event)]
    .filter((part) => part !== '')
    .join('  ');
  const [key, rest] = share(printable(event.key ?? event.keyPath ?? '?'), tail, options.columns, columnsOf(head));
  const style = statusStyle(event.status);
  return [
    paint(`${time} ${process} `, 'dim', options.color),
    paint(`${pad(phase, 4)} ${pad(operation, operationColumns)} `, 'cyan', options.color),
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

function formatBreaker(event: BreakerEvent, { columns, color }: LineOptions): string {
  const text = `${formatTime(event.time)} --- ${breakerText(event)} ---`;
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

function formatStatus(status: number | null): string {
  if (status === null) return '';
  return status === 0 ? 'ok' : ntStatusText(status);
}

function statusStyle(status: number | null): Style {
  if (status === null) return 'plain';
  return ntSuccess(status) ? 'green' : 'red';
}

function operationName({ operation, notifyClass }: NotificationEvent | UnknownEvent): string {
  if (operation === null) return `class ${notifyClass}`;
  return operation === 'CallbackObjectContextCleanup' ? 'ContextCleanup' : operation;
}

/** What is out of the ordinary about the caller. */
function circumstances(event: NotificationEvent | UnknownEvent): string[] {
  const found: string[] = [];
  if (event.previousMode === 'kernel') found.push('[kernel]');
  if (event.impersonation !== null) found.push(`[as ${event.impersonation.user ?? '?'}]`);
  if (event.transaction !== null) found.push('[transaction]');
  if (event.repeats > 0n) found.push(`[${event.repeats + 1n} times]`);
  return found;
}

function formatDuration(duration: bigint | null): string {
  if (duration === null) return '';
  const nanoseconds = Number(duration);
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  return nanoseconds < 1e9 ? `${(nanoseconds / 1e6).toFixed(1)} ms` : `${(nanoseconds / 1e9).toFixed(1)} s`;
}

function formatProcess({ processId, process }: NotificationEvent | UnknownEvent, withName: boolean): string {
  if (!withName) return String(processId).padStart(6);
  const id = ` (${processId})`;
  return pad(keepStart(printable(processName(process)), 22 - id.length) + id, 22);
}

/** Local time of day. */
function formatTime(time: bigint): string {
  const date = new Date(Number(time / 1_000_000n));
  const two = (number: number) => String(number).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}
