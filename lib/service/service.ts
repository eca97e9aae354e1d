// The door of this room, and `cmbridge/service` for programs: installing the driver, its life as a service, signing, the doctor.

import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { checkBoolean, checkOptions, quote } from '../base/options.js';
import { packageInfo } from '../native/native-loader.js';
import { requireAdministrator, SERVICE, windowsContext, type ServiceContext } from './context.js';
import { install, type InstallChanges, type InstallRequest } from './install.js';
import { findInstallation, fileName } from './installation.js';
import { startInstalled, stopInstalled, type Tell } from './life.js';
import { readDriver, readPackageDriver } from './machine.js';
import { signFile, type Signature, type SigningCertificate } from './sign.js';
import { starts, status, type DriverStatus } from './status.js';
import { uninstall } from './uninstall.js';

export { examine } from './doctor/doctor.js';
export type { Examination, ExamineOptions, Finding, FindingLevel } from './doctor/finding.js';
export type { DriverStart, DriverState, DriverStatus } from './status.js';
export type { Signature, SigningCertificate } from './sign.js';

interface TellOption {
  /** Is told what is done, in one sentence for each thing. */
  readonly onStep?: ((sentence: string) => void) | undefined;
}

export interface InstallDriverOptions extends TellOption {
  /** When the driver starts: at demand, or with Windows. Default: demand; of a driver that is there, what it is. */
  readonly start?: 'demand' | 'auto' | 'system' | undefined;
  /** Replaces an installed driver of another version, also while it runs. */
  readonly upgrade?: boolean | undefined;
  /** Does not start it now. */
  readonly stopped?: boolean | undefined;
  /** Another driver file than the one of this package, such as one with a signature for production. */
  readonly file?: string | undefined;
  /** Where the driver is put. Default: `System32\drivers`. */
  readonly folder?: string | undefined;
}

export interface StopDriverOptions extends TellOption {
  /** Also when registrations persist: they end with the driver. */
  readonly force?: boolean | undefined;
}

/** What installDriver() has done. Disposing of it puts back what was there before; another version that was put in place stays. */
export interface InstalledDriver extends AsyncDisposable {
  /** It was not installed before. */
  readonly isNew: boolean;
  /** It did not run before. */
  readonly isStarted: boolean;
  /** Puts back what was there before. Idempotent. */
  remove(): Promise<void>;
}

/** Installs the driver as a service and starts it. Needs an administrator. What is there already stays as it is. */
export async function installDriver(options?: InstallDriverOptions): Promise<InstalledDriver> {
  return installDriverWith(windowsContext, options);
}

/** @internal */
export async function installDriverWith(
  makeContext: () => ServiceContext,
  options?: InstallDriverOptions,
): Promise<InstalledDriver> {
  const known = ['start', 'upgrade', 'stopped', 'file', 'folder', 'onStep'];
  const checked = checkOptions('installDriver()', options, known);
  const start = checked['start'] ?? null;
  if (start !== null && start !== 'demand' && start !== 'auto' && start !== 'system') {
    throw invalidArgument(`"start" must be "demand", "auto" or "system", not ${quote(start)}`);
  }
  const request: InstallRequest = {
    start,
    upgrade: checkBoolean('upgrade', checked['upgrade'], false),
    stopped: checkBoolean('stopped', checked['stopped'], false),
    file: checkPath('file', checked['file']),
    folder: checkPath('folder', checked['folder']),
  };
  const context = makeContext();
  return new InstalledHandle(context, await install(context, request, teller(options)));
}

class InstalledHandle implements InstalledDriver {
  readonly isNew: boolean;
  readonly isStarted: boolean;
  readonly #context: ServiceContext;
  #changes: InstallChanges | null;

  constructor(context: ServiceContext, changes: InstallChanges) {
    this.isNew = changes.isNew;
    this.isStarted = changes.isStarted;
    this.#context = context;
    this.#changes = changes;
  }

  async remove(): Promise<void> {
    const changes = this.#changes;
    if (changes === null) return;
    const quiet: Tell = () => undefined;
    if (changes.isNew) await uninstall(this.#context, { force: true }, quiet);
    else {
      const found = await findInstallation(this.#context);
      if (found !== null && changes.isStarted) await stopInstalled(this.#context, found, { force: true }, quiet);
      if (found !== null && changes.start !== null) {
        await this.#context.windows.services.change(SERVICE, { startType: starts.indexOf(changes.start) });
      }
    }
    this.#changes = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}

/** What is installed, whether it runs, and how it compares with this package. Needs no administrator. */
export async function driverStatus(): Promise<DriverStatus> {
  return status(windowsContext());
}

/** Resolves with false when it ran already. */
export async function startDriver(options?: TellOption): Promise<boolean> {
  checkOptions('startDriver()', options, ['onStep']);
  return startDriverWith(windowsContext(), teller(options));
}

/** @internal */
export async function startDriverWith(context: ServiceContext, tell: Tell): Promise<boolean> {
  requireAdministrator(context);
  const found = await findInstallation(context);
  if (found === null) {
    throw new CmBridgeError('CMB_DRIVER_NOT_FOUND', 'The driver is not installed: npx cmbridge driver install');
  }
  return startInstalled(context, found, tell);
}

/** Resolves with false when it did not run. Refused while a program has it open. */
export async function stopDriver(options?: StopDriverOptions): Promise<boolean> {
  const { force } = checkStop('stopDriver()', options);
  return stopDriverWith(windowsContext(), { force }, teller(options));
}

/** @internal */
export async function stopDriverWith(
  context: ServiceContext,
  { force }: { force: boolean },
  tell: Tell,
): Promise<boolean> {
  requireAdministrator(context);
  const found = await findInstallation(context);
  return found === null ? false : stopInstalled(context, found, { force }, tell);
}

/** Stops the driver and takes all of it away. Resolves with false when there was nothing. */
export async function uninstallDriver(options?: StopDriverOptions): Promise<boolean> {
  const { force } = checkStop('uninstallDriver()', options);
  return uninstall(windowsContext(), { force }, teller(options));
}

export interface SignDriverOptions {
  /** Where the signed driver is written. Default: `cmbridge.sys` in the current folder. */
  readonly out?: string | undefined;
  /** Default: the driver of this package. */
  readonly file?: string | undefined;
  /** For which machine, where there is none to ask: of Linux, say. Default: x64 there. */
  readonly machine?: 'x64' | 'arm64' | undefined;
  /** Default: one is made, and its private key is destroyed when the driver is signed. */
  readonly certificate?: SigningCertificate | undefined;
}

export interface SignedDriver extends Signature {
  readonly file: string;
}

/** Signs a copy of the driver for test machines. */
export async function signDriver(options?: SignDriverOptions): Promise<SignedDriver> {
  const checked = checkOptions('signDriver()', options, ['out', 'file', 'machine', 'certificate']);
  const file = checkPath('out', checked['out']) ?? fileName;
  const machine = wantedMachine(checked['machine']);
  const source = checkPath('file', checked['file']);
  const { bytes } = source === null ? readPackageDriver(packageInfo().root, machine) : readDriver(source, machine);
  if (existsSync(file)) throw invalidArgument(`${file} exists already, and is not written over`);
  const fresh = `${file}.unsigned`;
  writeFileSync(fresh, bytes, { flag: 'wx' });
  return signInto(fresh, file, options?.certificate ?? null);
}

async function signInto(fresh: string, file: string, certificate: SigningCertificate | null): Promise<SignedDriver> {
  try {
    const signature = await signFile(fresh, certificate);
    renameSync(fresh, file);
    return { file, ...signature };
  } finally {
    rmSync(fresh, { force: true });
  }
}

function wantedMachine(machine: unknown): number {
  if (machine === 'x64') return 0x8664;
  if (machine === 'arm64') return 0xaa64;
  if (machine !== undefined) throw invalidArgument(`"machine" must be "x64" or "arm64", not ${quote(machine)}`);
  return process.platform === 'win32' ? windowsContext().windows.nativeMachine() : 0x8664;
}

function checkStop(what: string, options: StopDriverOptions | undefined): { force: boolean } {
  const checked = checkOptions(what, options, ['force', 'onStep']);
  return { force: checkBoolean('force', checked['force'], false) };
}

function checkPath(name: string, value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw invalidArgument(`"${name}" must be a path, not ${quote(value)}`);
}

function teller(options: TellOption | undefined): Tell {
  return options?.onStep ?? (() => undefined);
}
