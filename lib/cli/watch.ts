// `cmbridge watch`.

import { readFile } from 'node:fs/promises';
import type { Driver } from '../driver/driver.js';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { stringifyEvent } from '../event/json/write.js';
import type { Event } from '../event/event.js';
import { checkNotifyClass, notifyClasses, type NotifyClassName, type Phase } from '../registry/notify-class.js';
import type { OpenDriverOptions } from '../driver/open-driver.js';
import { parseRegFile } from '../reg-file/parse.js';
import { loadRules, type RuleFile } from '../rules/file/file.js';
import { formatProblem } from './rules-check.js';
import type { Statistics } from '../session/statistics.js';
import { formatEvent } from './format.js';
import type { Output } from './output.js';
import { wantsColor } from './style.js';

export interface WatchOptions {
  readonly altitude?: string | undefined;
  readonly class?: readonly string[] | undefined;
  readonly phase?: Phase | undefined;
  /** A rule file. */
  readonly rules?: string | undefined;
  /** Rules that block or bypass only tell. */
  readonly dryRun?: boolean | undefined;
  /** Events per second. */
  readonly rateLimit?: number | undefined;
  readonly coalesceReads?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly simulate?: string | undefined;
  readonly processName?: boolean | undefined;
  readonly duration?: boolean | undefined;
  readonly oldValues?: boolean | undefined;
  readonly color: boolean;
  readonly count?: number | undefined;
}

export interface WatchEnvironment {
  readonly open: (options: OpenDriverOptions) => Promise<Driver>;
  readonly output: Output;
  /** For everything that is not an event. */
  readonly note: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs until the file is imported, the count is reached, the output is closed or the signal aborts. */
export async function watch(options: WatchOptions, environment: WatchEnvironment): Promise<void> {
  const { simulate } = options;
  if (simulate === undefined && environment.platform !== 'win32') {
    throw invalidArgument(
      `There is no Windows registry on ${environment.platform}, and nothing happens in the simulator by itself. ` +
        'Try: cmbridge watch --simulate FILE.reg',
    );
  }
  const file = simulate === undefined ? null : await readRegFile(simulate);
  const rules = options.rules === undefined ? null : await readRules(options.rules, environment);
  const stop = new AbortController();
  const signal = AbortSignal.any([environment.signal, environment.output.closed, stop.signal]);
  await using driver = await environment.open({ backend: simulate === undefined ? 'auto' : 'simulator' });
  let shown = 0;
  const registration = await driver.registerCallback(
    {
      altitude: options.altitude ?? defaultAltitude(),
      classes: options.class === undefined ? undefined : findClasses(options.class),
      phases: options.phase === undefined ? undefined : [options.phase],
      oldValues: options.oldValues,
      rules: rules?.rules,
      otherwise: rules?.otherwise,
      dryRun: options.dryRun,
      rateLimit: options.rateLimit,
      coalesceReads: options.coalesceReads,
      onError: (error) => {
        environment.note(`cmbridge: ${error instanceof Error ? error.message : String(error)}`);
      },
    },
    (event) => {
      if (options.count !== undefined && shown >= options.count) return undefined;
      shown++;
      if (shown === options.count) stop.abort();
      return environment.output.write(formatLine(event, options, environment));
    },
  );
  const where = driver.backend === 'device' ? 'the registry' : 'the simulator';
  environment.note(
    `Watching ${where} at altitude ${registration.altitude}, cookie ${registration.cookie}. Ctrl-C ends.`,
  );
  if (file === null) await aborted(signal);
  else await runFile(driver, file, signal);
  await registration.unregister();
  environment.note(summary(shown, await driver.statistics()));
}

async function readRegFile(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw invalidArgument(`Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  try {
    parseRegFile(bytes);
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    throw new CmBridgeError(error.code, `${path}: ${error.message}`, { cause: error });
  }
  return bytes;
}

async function readRules(path: string, { note }: WatchEnvironment): Promise<RuleFile> {
  const file = await loadRules(path);
  for (const warning of file.warnings) note(formatProblem(warning, path, false));
  const asking = file.rules.findIndex(({ action }) => action === 'ask');
  if (asking === -1) return file;
  const line = file.locate(['rules', asking, 'action'])?.line;
  throw invalidArgument(
    `${path}:${line ?? 1}: this rule asks, and cmbridge watch decides nothing; "notify" shows the same operations`,
  );
}

async function runFile(driver: Driver, file: Uint8Array, signal: AbortSignal): Promise<void> {
  const simulated = driver.simulator?.createProcess({ imagePath: 'C:\\Windows\\regedit.exe' });
  try {
    if (!signal.aborted) await simulated?.importReg(file, { signal });
  } catch (error) {
    if (!(error instanceof CmBridgeError) || error.code !== 'CMB_ABORTED') throw error;
  } finally {
    await simulated?.exit();
  }
}

function formatLine(event: Event, options: WatchOptions, { output, env }: WatchEnvironment): string {
  if (options.json === true) return stringifyEvent(event);
  return formatEvent(event, {
    columns: output.columns,
    color: wantsColor(output, options.color, env),
    processName: options.processName === true,
    duration: options.duration === true,
  });
}

const operations = new Set<string>(notifyClasses.map(({ operation }) => operation));

/** A name is that of a class, or of an operation, which stands for its pre and its post class. */
function findClasses(names: readonly string[]): NotifyClassName[] {
  return names.flatMap((name): NotifyClassName[] => {
    const ofOperation = notifyClasses.filter(({ operation }) => operation === name).map((entry) => entry.name);
    if (ofOperation.length > 0) return ofOperation;
    return [checkNotifyClass(name, operations).name];
  });
}

/** Two watchers must not collide, and a fraction must not end with a zero to be told from a shorter one. */
function defaultAltitude(): string {
  return `385210.${process.pid}${Math.floor(Math.random() * 1e6)}1`;
}

function summary(shown: number, { callbacks, delivered, lost }: Statistics): string {
  const drops = lost === 0n ? 'none lost' : `${lost} LOST`;
  return `${shown} events shown; ${callbacks} notifications, ${delivered} delivered, ${drops}.`;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}
