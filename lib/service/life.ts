// Starting and stopping the service of the driver.

import { dirname } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { SERVICE, type ServiceContext } from './context.js';
import { requireSafeFolder } from './folder.js';
import { findInstallation, type Installation } from './installation.js';
import { writeRecord } from './record.js';
import { isAltered, stateOf, usageOf, type DriverState } from './status.js';
import { addTrust, isTrusted, removeTrust, signerOf } from './trust.js';
import { windowsCode, WindowsCode, windowsFailure } from './windows-error.js';

/** Tells what is done, one sentence for each thing. */
export type Tell = (sentence: string) => void;

const stepTime = 200;
/** The service control manager is busy while Windows starts, for a minute or so. */
const busyTime = 90_000;
const changeTime = 30_000;

/** Resolves with whether it was this call that started it. */
export async function startInstalled(context: ServiceContext, found: Installation, tell: Tell): Promise<boolean> {
  if (stateOf(found) === 'running') return false;
  if (stateOf(found) === 'stopping') throw stillStopping();
  requireLoadable(context, found);
  try {
    await startService(context);
  } catch (error) {
    if (windowsCode(error) !== WindowsCode.INVALID_IMAGE_HASH) throw windowsFailure('The driver does not start', error);
    await startTrusted(context, found, tell, error);
  }
  await waitForState(context, 'running');
  tell('The driver runs.');
  return true;
}

/** What would be loaded is what was installed, and nobody else can put something there. */
function requireLoadable(context: ServiceContext, found: Installation): void {
  if (!found.isFileThere) {
    throw new CmBridgeError(
      'CMB_DRIVER_FILE',
      `The driver file ${found.file} is missing. npx cmbridge driver install --upgrade puts it there again`,
    );
  }
  if (isAltered(found)) {
    throw new CmBridgeError(
      'CMB_DRIVER_FILE',
      `The driver file ${found.file} is not the one that was installed (its hash is ${found.image?.hash ?? 'none'}, not ${found.record?.hash ?? ''}). ` +
        'npx cmbridge driver install --upgrade replaces it',
    );
  }
  requireSafeFolder(dirname(found.file), folderFacts(context));
}

export function folderFacts({ windows, systemRoot }: ServiceContext) {
  return { systemRoot, fileSecurity: (path: string) => windows.fileSecurity(path) };
}

async function startService({ windows, delay }: ServiceContext): Promise<void> {
  for (let waited = 0; ; waited += stepTime) {
    try {
      await windows.services.start(SERVICE);
      return;
    } catch (error) {
      const code = windowsCode(error);
      if (code === WindowsCode.SERVICE_ALREADY_RUNNING) return;
      if (code !== WindowsCode.SERVICE_DATABASE_LOCKED || waited >= busyTime) throw error;
      await delay(stepTime);
    }
  }
}

/** Once more, with trust in the certificate, if this package made it for this file and destroyed its key. */
async function startTrusted(context: ServiceContext, found: Installation, tell: Tell, refusal: unknown): Promise<void> {
  const { image, record } = found;
  const [certificate] = image?.certificates ?? [];
  const signer = image === null ? null : signerOf(image);
  const isOwn = signer !== null && record !== null && signer.thumbprint === record.certificate;
  if (certificate === undefined || !isOwn || isTrusted(context.windows, signer.thumbprint)) {
    throw windowsFailure('The driver does not start', refusal);
  }
  try {
    // On record first: what is killed in between is taken away by uninstalling.
    writeRecord(context.windows, { ...record, isTrusted: true });
    addTrust(context.windows, certificate);
    await startService(context);
  } catch (error) {
    removeTrust(context.windows, signer.thumbprint);
    writeRecord(context.windows, record);
    throw windowsFailure('The driver does not start, trusted or not', error);
  }
  tell(
    `Windows did not load the driver until its certificate (${signer.thumbprint}) was trusted, so this machine trusts it now, until the driver is uninstalled.`,
  );
}

export interface StopOptions {
  /** Also when registrations persist, which end with it. */
  readonly force: boolean;
}

/** Resolves with whether it was this call that stopped it. */
export async function stopInstalled(
  context: ServiceContext,
  found: Installation,
  { force }: StopOptions,
  tell: Tell,
): Promise<boolean> {
  if (stateOf(found) === 'stopped') return false;
  if (stateOf(found) === 'stopping') throw stillStopping();
  const usage = await usageOf(context);
  if (usage !== null && usage.sessions > 0) {
    const programs = usage.sessions === 1 ? 'A program has' : `${usage.sessions} programs have`;
    throw new CmBridgeError(
      'CMB_DRIVER_IN_USE',
      `${programs} the driver open, and Windows unloads no driver before the last one has closed it. Nothing was changed; end the programs first`,
    );
  }
  if (usage !== null && usage.registrations > 0 && !force) {
    const count =
      usage.registrations === 1 ? 'A registration persists' : `${usage.registrations} registrations persist`;
    throw new CmBridgeError(
      'CMB_DRIVER_IN_USE',
      `${count}, and what it enforces would end with the driver. Nothing was changed; --force stops it all the same`,
    );
  }
  try {
    await context.windows.services.stop(SERVICE);
  } catch (error) {
    if (windowsCode(error) !== WindowsCode.SERVICE_NOT_ACTIVE) throw windowsFailure('The driver does not stop', error);
  }
  await waitForState(context, 'stopped');
  tell('The driver is stopped.');
  return true;
}

function stillStopping(): CmBridgeError {
  return new CmBridgeError(
    'CMB_DRIVER_IN_USE',
    'The driver was told to stop, and stops when the last program has closed it. End the programs that have it open',
  );
}

async function waitForState(context: ServiceContext, wanted: DriverState): Promise<void> {
  for (let waited = 0; ; waited += stepTime) {
    const found = await findInstallation(context);
    const state = found === null ? 'not-installed' : stateOf(found);
    if (state === wanted) return;
    if (waited >= changeTime) {
      if (state === 'stopping') throw stillStopping();
      throw new CmBridgeError('CMB_WINDOWS_ERROR', `The driver is ${state}, and not ${wanted}, after 30 seconds`);
    }
    await context.delay(stepTime);
  }
}
