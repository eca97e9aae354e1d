// What is installed, in words that programs and people read.

import { SERVICE, type ServiceContext } from './context.js';
import { isOurs, lookForInstallation, type Installation } from './installation.js';
import { compareDrivers, packageDriver, type VersionComparison } from './machine.js';
import { tryImage } from './installation.js';

export type DriverState = 'not-installed' | 'stopped' | 'starting' | 'stopping' | 'running' | 'unknown';
export type DriverStart = 'boot' | 'system' | 'auto' | 'demand' | 'disabled';

export interface DriverStatus {
  readonly service: string;
  readonly state: DriverState;
  /** When Windows starts it; null when it is not installed. */
  readonly start: DriverStart | null;
  readonly file: string | null;
  /** Of the installed file; null when it tells none. */
  readonly fileVersion: string | null;
  readonly packageVersion: string;
  /**
   * The installed driver, compared with the one of this package. `missing`: the service is there and its file is not. `altered`: the file
   * is not the one that was installed. `foreign`: the service is not this package's. Null when nothing is installed.
   */
  readonly driver: VersionComparison | 'missing' | 'altered' | 'foreign' | null;
  /** Programs that have it open, and registrations; null when it does not run, or cannot be asked by this user. */
  readonly sessions: number | null;
  readonly registrations: number | null;
}

const states: readonly DriverState[] = ['unknown', 'stopped', 'starting', 'stopping', 'running'];
export const starts: readonly DriverStart[] = ['boot', 'system', 'auto', 'demand', 'disabled'];

export function stateOf({ service }: Installation): DriverState {
  return states[service.state] ?? 'unknown';
}

export async function status(context: ServiceContext): Promise<DriverStatus> {
  const found = await lookForInstallation(context);
  const base = { service: SERVICE, packageVersion: context.packageVersion };
  if (found === null) {
    const nothing = { start: null, file: null, fileVersion: null, driver: null, sessions: null, registrations: null };
    return { ...base, state: 'not-installed', ...nothing };
  }
  const usage = stateOf(found) === 'running' && isOurs(context, found) ? await usageOf(context) : null;
  return {
    ...base,
    state: stateOf(found),
    start: starts[found.service.startType] ?? null,
    file: found.file,
    fileVersion: found.image?.version ?? null,
    driver: compare(context, found),
    sessions: usage?.sessions ?? null,
    registrations: usage?.registrations ?? null,
  };
}

function compare(context: ServiceContext, found: Installation): DriverStatus['driver'] {
  if (!isOurs(context, found)) return found.isFileThere ? 'foreign' : 'missing';
  if (!found.isFileThere) return 'missing';
  if (found.image === null || isAltered(found)) return 'altered';
  const shipped = tryImage(packageDriver(context.packageRoot, context.windows.nativeMachine()));
  return shipped === null ? 'different' : compareDrivers(found.image, shipped);
}

export function isAltered({ image, record }: Installation): boolean {
  return record !== null && image?.hash !== record.hash;
}

export interface Usage {
  /** Without the session that asks. */
  readonly sessions: number;
  readonly registrations: number;
}

/** Null: the driver cannot be opened. */
export async function usageOf(context: ServiceContext): Promise<Usage | null> {
  try {
    await using driver = await context.open();
    const { sessions, registrations } = await driver.statistics({ scope: 'driver' });
    return { sessions: sessions - 1, registrations };
  } catch {
    return null;
  }
}
