// Puts the figures of a run of the benchmarks into docs/performance.md: node scripts/performance-table.mjs FILE, where FILE is what
// `npm run bench -- --json FILE` wrote. `--into PATH` names another document.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BEGIN = '<!-- Figures: written by scripts/performance-table.mjs, not by hand. -->';
const END = '<!-- End of figures. -->';

function fail(message) {
  console.error(`performance-table: ${message}`);
  process.exit(1);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string', default: fileURLToPath(new URL('../docs/performance.md', import.meta.url)) } },
});
if (positionals.length !== 1) fail('name the one JSON file that `npm run bench -- --json FILE` wrote');
const report = JSON.parse(readFileSync(positionals[0], 'utf8'));
if (report.format !== 1) fail(`${positionals[0]} is no report of npm run bench`);
const { cellsOf, machineText } = await import('../dist/test/bench/table.js').catch((error) =>
  fail(`run npm run build:ts first (${error.message})`),
);

const table = (head, rows) =>
  [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

function sectionText(section) {
  const { head, rows } = cellsOf(section);
  const notes = [
    ...section.rows.filter(({ note }) => note !== undefined).map(({ label, note }) => `${label}: ${note}`),
    ...section.notes,
  ];
  return [`### ${section.title}`, table(head, rows), notes.map((note) => `- ${note}`).join('\n')].join('\n\n');
}

const targets = report.targets.map(({ text, wanted, found, met }) => [text, wanted, found, met ? 'met' : '**missed**']);
const figures = [
  `Taken on ${report.date.slice(0, 10)}: ${machineText(report)}`,
  '### Targets',
  table(['', 'wanted', 'found', ''], targets),
  ...report.sections.map(sectionText),
].join('\n\n');

const text = readFileSync(values.into, 'utf8');
const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
if (begin === -1 || end < begin) fail(`${values.into} has no place for the figures: ${BEGIN} ... ${END}`);
writeFileSync(values.into, `${text.slice(0, begin)}${BEGIN}\n\n${figures}\n\n${text.slice(end)}`);
