import type { Column, Report, Section, Target, Unit } from './report.js';
import type { Summary } from './summary.js';

export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case 'ns':
      return value.toFixed(Math.abs(value) < 100 ? 1 : 0);
    case 'ratio':
      return value.toFixed(2);
    case 'events/s':
      return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1e3).toFixed(1)} k`;
    case 'bytes':
      return `${(value / 1024 / 1024).toFixed(2)} MiB`;
    case 'percent':
      return `${value.toFixed(1)} %`;
    case 'count':
      return String(Math.round(value));
  }
}

const unitNames: Record<Unit, string> = {
  ns: ' (ns)',
  'events/s': ' (events/s)',
  ratio: '',
  bytes: '',
  percent: '',
  count: '',
};

export type Cells = readonly string[];

/** Head and rows. A column whose values are summaries tells the median and the spread. */
export function cellsOf(section: Section): { head: Cells; rows: Cells[] } {
  const spreads = new Set(section.columns.filter((column) => hasSpread(section, column)).map(({ key }) => key));
  const head = ['', ...section.columns.flatMap((column) => headOf(column, spreads.has(column.key)))];
  const rows = section.rows.map((row) => [
    row.label,
    ...section.columns.flatMap(({ key, unit }) => valueCells(row.values[key], unit, spreads.has(key))),
  ]);
  return { head, rows };
}

function hasSpread(section: Section, column: Column): boolean {
  return section.rows.some((row) => typeof row.values[column.key] === 'object');
}

function headOf({ label, unit }: Column, spread: boolean): string[] {
  const name = label + unitNames[unit];
  return spread ? [name, 'p25 – p75', 'min – max'] : [name];
}

function valueCells(value: Summary | number | undefined, unit: Unit, spread: boolean): string[] {
  const rest = spread ? ['', ''] : [];
  if (value === undefined) return ['–', ...rest];
  if (typeof value === 'number') return [formatValue(value, unit), ...rest];
  const range = (low: number, high: number) => `${formatValue(low, unit)} – ${formatValue(high, unit)}`;
  return [formatValue(value.median, unit), range(value.p25, value.p75), range(value.min, value.max)];
}

function align(rows: readonly Cells[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

export function sectionText(section: Section): string {
  const { head, rows } = cellsOf(section);
  const lines = [section.title, ...align([head, ...rows]).map((line) => `  ${line}`)];
  for (const row of section.rows) if (row.note !== undefined) lines.push(`  ${row.label}: ${row.note}`);
  for (const note of section.notes) lines.push(`  ${note}`);
  return lines.join('\n');
}

export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ text, wanted, found, met }) => [text, wanted, found, met ? 'met' : 'MISSED']);
  return ['Targets', ...align([['', 'wanted', 'found', ''], ...rows]).map((line) => `  ${line}`)].join('\n');
}

export function machineText({ machine, seconds, quick }: Report): string {
  const memory = `${Math.round(machine.memoryBytes / 1024 ** 3)} GiB`;
  const load = machine.load.map((value) => value.toFixed(1)).join(' and ');
  return (
    `${machine.cpu}, ${machine.cores} cores, ${memory}, ${machine.system}, Node.js ${machine.node}. ` +
    `Load average ${load} before and after ${Math.round(seconds)} s.` +
    (quick ? ' Quick: the figures mean nothing.' : '')
  );
}
