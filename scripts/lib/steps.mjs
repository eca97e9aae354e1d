// Runs a list of named steps one after the other, tells how each ended and counts what their test runners counted.

import { spawn } from 'node:child_process';
import { styleText } from 'node:util';

const paint = (style, text) => (process.stdout.isTTY ? styleText(style, text) : text);

// What the closing lines of the runners that the steps use look like.
const COUNTERS = [
  { field: 'passed', pattern: /^ℹ pass (\d+)$/gm },
  { field: 'failed', pattern: /^ℹ fail (\d+)$/gm },
  { field: 'skipped', pattern: /^ℹ skipped (\d+)$/gm },
  { field: 'skipped', pattern: /^ℹ todo (\d+)$/gm },
  { field: 'passed', pattern: /^\[  PASSED  \] (\d+) tests?\.$/gm },
  { field: 'failed', pattern: /^\[  FAILED  \] (\d+) tests?, listed below:$/gm },
  { field: 'skipped', pattern: /^\[  SKIPPED \] (\d+) tests?, listed below:$/gm },
];

export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: { ...process.env, ...options.env },
    });
    let output = '';
    const take = (stream, target) => {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        target.write(text);
      });
    };
    take(child.stdout, process.stdout);
    take(child.stderr, process.stderr);
    child.on('error', (error) => resolve({ code: 127, output: `${output}\n${error.message}` }));
    child.on('close', (code, signal) => resolve({ code: code ?? 128, signal, output }));
  });
}

export function count(output) {
  const totals = { passed: 0, failed: 0, skipped: 0 };

  const plain = output.replace(/\u001b\[[0-9;]*m/g, '').replace(/\r\n/g, '\n');
  for (const { field, pattern } of COUNTERS) {
    for (const match of plain.matchAll(pattern)) totals[field] += Number(match[1]);
  }
  return totals;
}

/** Runs every step; a step is `{ name, commands: [[command, ...args], ...], tests?: boolean }`. Resolves with the exit code. */
export async function runSteps(steps) {
  const rows = [];
  for (const step of steps) {
    console.log(`\n${paint('bold', `== ${step.name}`)}`);
    const started = Date.now();
    const totals = { passed: 0, failed: 0, skipped: 0 };
    let reason = '';
    for (const [command, ...args] of step.commands) {
      const result = await run(command, args, { env: step.env });
      const counted = count(result.output);
      for (const field of Object.keys(totals)) totals[field] += counted[field];
      if (result.code !== 0) {
        reason = `${[command, ...args].join(' ')} ended with ${result.signal ?? result.code}`;
        break;
      }
    }
    if (!reason && totals.failed > 0) reason = `${totals.failed} failed`;
    if (!reason && totals.skipped > 0 && process.env.CI) reason = `${totals.skipped} skipped; CI skips none`;
    if (!reason && step.tests && totals.passed === 0) reason = 'ran no test';
    rows.push({ name: step.name, reason, totals, seconds: (Date.now() - started) / 1000 });
    if (reason && step.fatal) break;
  }
  return summarise(rows, steps.length);
}

function summarise(rows, planned) {
  console.log(`\n${paint('bold', '== Summary')}`);
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, reason, totals, seconds } of rows) {
    for (const field of Object.keys(sum)) sum[field] += totals[field];
    const tests = totals.passed + totals.failed + totals.skipped;
    const verdict = reason ? paint('red', `FAILED  ${reason}`) : paint('green', 'ok');
    console.log(
      `${name.padEnd(34)} ${`${seconds.toFixed(1)} s`.padStart(9)} ${`${tests || '-'} tests`.padStart(12)}  ${verdict}`,
    );
  }
  const broken = rows.filter((row) => row.reason).length;
  if (rows.length < planned) console.log(`${planned - rows.length} steps were not run because an earlier one failed.`);
  // A step that failed without a failing test (a build, a linter) counts as one failure, so that the line never hides it.
  const failed = Math.max(sum.failed, broken);
  console.log(`\n${sum.passed} passed, ${failed} failed, ${sum.skipped} skipped`);
  return broken || rows.length < planned ? 1 : 0;
}
