// npm run bench: what cmbridge costs and how fast it is, as JSON and as tables.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parts } from './parts.js';
import type { Report, Section } from './report.js';
import type { PartRequest } from './run-part.js';
import { machineText, sectionText, targetsText } from './table.js';
import { judge } from './targets.js';

const usage = `Usage: npm run bench -- [--json FILE] [--only PART]... [--quick] [--list]

  --json FILE   write the figures there as JSON
  --only PART   run this part only; may be given several times
  --quick       run everything with tiny numbers, to see that it runs
  --list        tell the parts`;

function refuse(message: string): never {
  console.error(`bench: ${message}\n${usage}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        json: { type: 'string' },
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

async function runPart(name: string, quick: boolean): Promise<Section[]> {
  const child = fork(fileURLToPath(new URL('run-part.js', import.meta.url)), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const request: PartRequest = { name, quick };
  child.send(request);
  let sections: Section[] | null = null;
  child.once('message', (message) => {
    sections = message as Section[];
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (code !== 0 || sections === null) throw new Error(`the part "${name}" ended with ${signal ?? String(code)}`);
  return sections;
}

async function main(): Promise<void> {
  const { json, only, quick, list, help } = readArguments();
  if (help) {
    console.log(usage);
    return;
  }
  if (list) {
    console.log(parts.map(({ name, text }) => `${name.padEnd(14)} ${text}`).join('\n'));
    return;
  }
  const names = parts.map(({ name }) => name);
  const unknown = (only ?? []).filter((name) => !names.includes(name));
  if (unknown.length > 0) refuse(`there is no part ${unknown.join(', ')}; parts: ${names.join(', ')}`);

  const begin = Date.now();
  const loadBefore = loadavg()[0] ?? 0;
  const sections: Section[] = [];
  for (const name of names.filter((candidate) => only?.includes(candidate) ?? true)) {
    for (const section of await runPart(name, quick)) {
      sections.push(section);
      console.log(`${sectionText(section)}\n`);
    }
  }
  const targets = judge(sections);
  const report: Report = {
    format: 1,
    date: new Date(begin).toISOString(),
    quick,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()}`,
      node: process.version,
      load: [loadBefore, loadavg()[0] ?? 0],
    },
    seconds: (Date.now() - begin) / 1000,
    sections,
    targets,
  };
  if (targets.length > 0) console.log(`${targetsText(targets)}\n`);
  console.log(machineText(report));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
}

await main();
