// `cmbridge doctor`: what stands between this machine and the first event.

import type { Command } from 'commander';
import { examine, type Examination, type Finding } from '../service/service.js';
import { paint, wantsColor, type Style } from './style.js';

interface DoctorOptions {
  readonly json?: boolean | undefined;
  readonly altitude?: string | undefined;
  readonly color: boolean;
}

const marks: Readonly<Record<Finding['level'], readonly [string, Style]>> = {
  ok: ['ok     ', 'green'],
  note: ['note   ', 'cyan'],
  warning: ['warning', 'yellow'],
  problem: ['PROBLEM', 'red'],
};

/** `finish` sets the exit status. */
export function addDoctorCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command('doctor')
    .description(
      'Look at everything that decides whether the driver can run here. Exit status 1 when there is a problem.',
    )
    .option('--altitude <altitude>', 'tell whether this altitude is free (default: 385210)')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colour, as the variable NO_COLOR does')
    .exitOverride()
    .action(async ({ json, altitude, color }: DoctorOptions) => {
      const examination = await examine({ altitude });
      if (json === true) console.log(JSON.stringify(examination));
      else console.log(describeExamination(examination, wantsColor(process.stdout, color, process.env)));
      finish(examination.level === 'problem' ? 1 : 0);
    });
}

export function describeExamination({ findings, level }: Examination, color: boolean): string {
  const lines = findings.flatMap(({ check, level: found, text, next }) => {
    const [mark, style] = marks[found];
    const line = `${paint(mark, style, color)}  ${check}: ${text}`;
    return next === null ? [line] : [line, `         next: ${next}`];
  });
  const problems = findings.filter(({ level: found }) => found === 'problem').length;
  const end = problems === 1 ? '1 problem.' : `${problems} problems.`;
  return [...lines, level === 'problem' ? end : 'Nothing stands in the way.'].join('\n');
}
