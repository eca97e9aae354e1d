import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageInfo } from '../../lib/native/native-loader.js';
import { parts } from './parts.js';
import type { Report, Row } from './report.js';
import type { Summary } from './summary.js';

const run = promisify(execFile);
const main = fileURLToPath(new URL('main.js', import.meta.url));
const performanceTable = join(packageInfo().root, 'scripts', 'performance-table.mjs');

/** Of figures this only says that they can be figures: how large they are is nothing that a test can know. */
describe('benchmarks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cmbridge-bench-'));
  const file = join(folder, 'figures.json');
  let report: Report;
  let output: string;

  before(async () => {
    ({ stdout: output } = await run(process.execPath, [main, '--quick', '--json', file]));
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('a quick run of the benchmarks runs every part', () => {
    const ids = report.sections.map(({ id }) => id);
    for (const kind of ['notify', 'query', 'set', 'open']) assert.ok(ids.includes(`callback-${kind}`), kind);
    for (const id of [
      'replay',
      'live-1',
      'decisions',
      'decisions-loaded',
      'memory',
      'growth-events',
      'growth-registrations',
      'growth-paths',
    ]) {
      assert.ok(ids.includes(id), id);
    }
  });

  it('a quick run of the benchmarks gives a figure for every row and column, with its spread', () => {
    for (const section of report.sections) {
      assert.ok(section.rows.length > 1, section.id);
      for (const row of section.rows) checkRow(section.id, row);
      for (const { key } of section.columns) {
        assert.ok(
          section.rows.some((row) => row.values[key] !== undefined),
          `${section.id} ${key}`,
        );
      }
    }
  });

  it('a quick run of the benchmarks measures rates and costs that are above nothing', () => {
    for (const { id, rows } of report.sections) {
      for (const { id: row, values } of rows) {
        for (const key of ['operation', 'event', 'rate', 'delivered', 'produced', 'resident']) {
          const value = values[key];
          if (value !== undefined) assert.ok(medianOf(value) > 0, `${id} ${row} ${key}`);
        }
      }
    }
  });

  it('a quick run of the benchmarks tells of each target whether it was met', () => {
    assert.ok(report.targets.length >= 3);
    for (const { id, wanted, found, met } of report.targets) {
      assert.ok(wanted !== '' && found !== '' && typeof met === 'boolean', id);
    }
    assert.match(output, /Targets\n/);
    assert.match(output, /Quick: the figures mean nothing/);
  });

  it('the figures of the benchmarks are written into a document, each table once', async () => {
    const document = join(folder, 'performance.md');
    const published = readFileSync(join(packageInfo().root, 'docs', 'performance.md'), 'utf8');
    writeFileSync(document, published);
    await run(process.execPath, [performanceTable, file, '--into', document]);
    await run(process.execPath, [performanceTable, file, '--into', document]);
    const text = readFileSync(document, 'utf8');
    for (const { title } of report.sections) assert.equal(text.split(`### ${title}\n`).length, 2, title);
    assert.equal(text.slice(0, 200), published.slice(0, 200));
  });

  it('the benchmarks list their parts, and refuse those that do not exist', async () => {
    const { stdout } = await run(process.execPath, [main, '--list']);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      parts.map(({ name }) => name),
    );
    await assert.rejects(
      run(process.execPath, [main, '--only', 'everything']),
      /there is no part everything; parts: callback/,
    );
    await assert.rejects(run(process.execPath, [main, '--fast']), /--fast/);
  });
});

function medianOf(value: Summary | number): number {
  return typeof value === 'number' ? value : value.median;
}

function checkRow(section: string, row: Row): void {
  for (const [key, value] of Object.entries(row.values)) {
    const where = `${section} ${row.id} ${key}`;
    if (typeof value === 'number') {
      assert.ok(Number.isFinite(value), where);
      continue;
    }
    const order = [value.min, value.p25, value.median, value.p75, value.max];
    assert.ok(value.samples > 0 && order.every(Number.isFinite), where);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
      where,
    );
  }
}
