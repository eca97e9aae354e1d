// Looks at everything that decides whether the driver can run here.

import { checkOptions, quote } from '../../base/options.js';
import { invalidArgument } from '../../base/errors.js';
import { windowsContext, type ServiceContext } from '../context.js';
import { lookForInstallation } from '../installation.js';
import { stateOf } from '../status.js';
import { altitudeFindings } from './altitude.js';
import {
  appControl,
  memoryIntegrity,
  secureBoot,
  smartAppControl,
  testSigning,
  type DriverSigning,
} from './code-integrity.js';
import { crashDumps } from './crash-dumps.js';
import { driverFindings } from './driver.js';
import { elsewhereFindings } from './elsewhere.js';
import { codeIntegrityLog } from './event-log.js';
import { attempt, levels, type Examination, type ExamineOptions, type Finding } from './finding.js';
import { administrator, architecture, windowsVersion } from './system.js';

const watched = '385210';

export async function examine(options?: ExamineOptions): Promise<Examination> {
  const altitude = checkOptions('examine()', options, ['altitude'])['altitude'] ?? watched;
  if (typeof altitude !== 'string' || !/^\d+(\.\d+)?$/.test(altitude)) {
    throw invalidArgument(
      `"altitude" must be a decimal number in a string, such as "385210.4771", not ${quote(altitude)}`,
    );
  }
  if (process.platform !== 'win32') return examination(await elsewhereFindings());
  return examination(await windowsFindings(windowsContext(), altitude));
}

/** @internal */
export async function windowsFindings(context: ServiceContext, altitude: string): Promise<Finding[]> {
  const signing = await signingOf(context);
  const single: readonly [string, () => Finding][] = [
    ['windows', () => windowsVersion(context)],
    ['architecture', () => architecture(context)],
    ['administrator', () => administrator(context)],
    ['test-signing', () => testSigning(context, signing)],
    ['secure-boot', () => secureBoot(context)],
    ['memory-integrity', () => memoryIntegrity(context)],
    ['smart-app-control', () => smartAppControl(context)],
    ['app-control', () => appControl(context)],
  ];
  const findings: Finding[] = [];
  for (const [check, look] of single) findings.push(...(await attempt(check, () => [look()])));
  findings.push(...(await attempt('service', () => driverFindings(context))));
  findings.push(...(await attempt('altitude', () => altitudeFindings(context, altitude))));
  findings.push(...(await attempt('code-integrity-log', () => codeIntegrityLog(context))));
  findings.push(...(await attempt('crash-dumps', () => [crashDumps(context)])));
  return findings;
}

/** What is not installed yet will be signed by this package, and a certificate that signs itself is one for tests. */
async function signingOf(context: ServiceContext): Promise<DriverSigning> {
  const found = await lookForInstallation(context).catch(() => null);
  if (found !== null && stateOf(found) === 'running') return 'accepted';
  return (found?.image?.certificates.length ?? 0) <= 1 ? 'for tests' : 'other';
}

function examination(findings: readonly Finding[]): Examination {
  const worst = Math.max(...findings.map(({ level }) => levels.indexOf(level)));
  return { platform: process.platform, findings, level: levels[worst] ?? 'ok' };
}
