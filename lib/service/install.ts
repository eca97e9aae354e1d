// Installing the driver, or another version in its place; each step can be taken back.

import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, win32 } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { DISPLAY_NAME, GROUP, requireAdministrator, SERVICE, type ServiceContext } from './context.js';
import { removeFile, renameFile } from './files.js';
import { requireSafeFolder } from './folder.js';
import { fileName, findInstallation, tryImage, type Installation } from './installation.js';
import { folderFacts, startInstalled, stopInstalled, type Tell } from './life.js';
import { compareDrivers, readDriver, readPackageDriver, type DriverFile } from './machine.js';
import { writeRecord, type InstallRecord } from './record.js';
import { isAltered, starts, stateOf, type DriverStart } from './status.js';
import { removeTrust } from './trust.js';
import { UndoList } from './undo.js';
import { windowsFailure } from './windows-error.js';

export interface InstallRequest {
  readonly start: Extract<DriverStart, 'demand' | 'auto' | 'system'> | null;
  readonly upgrade: boolean;
  /** Leave it as it is, and do not start it. */
  readonly stopped: boolean;
  /** Null: the driver of the package. */
  readonly file: string | null;
  /** Null: `System32\drivers`. */
  readonly folder: string | null;
}

/** What this call has changed, so that it can be put back. */
export interface InstallChanges {
  readonly isNew: boolean;
  readonly isStarted: boolean;
  /** What it was before; null: not changed. */
  readonly start: DriverStart | null;
}

export async function install(context: ServiceContext, request: InstallRequest, tell: Tell): Promise<InstallChanges> {
  requireAdministrator(context);
  const machine = context.windows.nativeMachine();
  const file =
    request.file === null ? readPackageDriver(context.packageRoot, machine) : readDriver(request.file, machine);
  const found = await findInstallation(context);
  const undo = new UndoList();
  try {
    if (found === null) return await installNew(context, request, file, undo, tell);
    const isOther = found.image?.hash !== file.image.hash;
    if (isOther && !request.upgrade) throw otherVersion(found, file);
    const wasRunning = stateOf(found) === 'running';
    if (isOther) await replace(context, found, file, undo, tell);
    const start = await changeStart(context, found, request.start, undo, tell);
    const isStarted = await startUnless(context, request.stopped && !wasRunning, tell);
    if (isOther) await forget(context, found);
    return { isNew: false, isStarted: isStarted && !wasRunning, start };
  } catch (error) {
    throw await undo.takeBack(error);
  }
}

async function installNew(
  context: ServiceContext,
  { start, stopped, folder }: InstallRequest,
  file: DriverFile,
  undo: UndoList,
  tell: Tell,
): Promise<InstallChanges> {
  const target = join(safeFolder(context, folder), fileName);
  // What an installation left that was killed is this very driver.
  if (tryImage(target)?.hash === file.image.hash) await removeFile(context, target);
  if (existsSync(target)) {
    throw new CmBridgeError(
      'CMB_DRIVER_FILE',
      `${target} exists already, and no service ${SERVICE} that it could belong to. Nothing was changed; remove the file if it is of no use`,
    );
  }
  undo.add(`${target} is still there`, () => removeFile(context, target));
  const record = await put(context, file, target, tell);
  undo.add('its certificate is still trusted', () => {
    distrust(context, record);
  });
  const { services } = context.windows;
  const config = { startType: starts.indexOf(start ?? 'demand'), path: imagePath(context, target) };
  await services.create(SERVICE, { ...config, group: GROUP, displayName: DISPLAY_NAME }).catch((error: unknown) => {
    throw windowsFailure('The service could not be made', error);
  });
  undo.add('the service is still there', () => services.delete(SERVICE));
  tell(
    `The service ${SERVICE} is made; it starts ${start === null || start === 'demand' ? 'on demand' : `with Windows (${start})`}.`,
  );
  writeRecord(context.windows, record);
  const isStarted = await startUnless(context, stopped, tell);
  return { isNew: true, isStarted, start: null };
}

function safeFolder(context: ServiceContext, wanted: string | null): string {
  const folder = wanted ?? win32.join(context.systemRoot, 'System32', 'drivers');
  let real: string;
  try {
    real = realpathSync.native(folder);
  } catch (cause) {
    throw new CmBridgeError('CMB_INVALID_ARGUMENT', `There is no folder ${folder}`, { cause });
  }
  requireSafeFolder(real, folderFacts(context));
  return real;
}

/** Below the folder of Windows the path needs no drive letter, which are not there yet when drivers of the system start. */
function imagePath({ systemRoot }: ServiceContext, target: string): string {
  const below = win32.relative(systemRoot, target);
  return below.startsWith('..') || win32.isAbsolute(below) ? target : `\\SystemRoot\\${below}`;
}

/**
 * Writes the bytes that were checked, signs them in the folder where only administrators can write, and looks whether they are still the
 * same to a signature.
 */
async function put(context: ServiceContext, file: DriverFile, target: string, tell: Tell): Promise<InstallRecord> {
  writeFileSync(target, file.bytes, { flag: 'wx' });
  let certificate = '';
  if (file.image.certificates.length === 0) {
    ({ thumbprint: certificate } = await context.sign(target));
    tell(`The driver is signed with a certificate made for it (${certificate}); its private key is destroyed.`);
  }
  const written = tryImage(target);
  if (written?.hash !== file.image.hash || written.certificates.length === 0) {
    throw new CmBridgeError('CMB_DRIVER_FILE', `${target} is not what was written there: somebody else writes to it`);
  }
  tell(`The driver is in ${target}.`);
  return { packageVersion: context.packageVersion, hash: file.image.hash, certificate, isTrusted: false };
}

/** The other version is signed before the old one is stopped, and the old file stays until the new one runs. */
async function replace(
  context: ServiceContext,
  found: Installation,
  file: DriverFile,
  undo: UndoList,
  tell: Tell,
): Promise<void> {
  const folder = dirname(found.file);
  requireSafeFolder(folder, folderFacts(context));
  const [fresh, old] = [join(folder, `${SERVICE}-new.sys`), oldFile(found)];
  for (const left of [fresh, old]) await removeFile(context, left);
  undo.add(`${fresh} is still there`, () => removeFile(context, fresh));
  const record = await put(context, file, fresh, tell);
  undo.add('its certificate is still trusted', () => {
    distrust(context, record);
  });
  if (await stopInstalled(context, found, { force: false }, tell)) {
    undo.add('the driver is stopped', async () => {
      await startUnless(context, false, () => undefined);
    });
  }
  if (found.isFileThere) await renameFile(context, found.file, old);
  undo.add(`the old driver is ${old}`, async () => {
    await removeFile(context, found.file);
    if (found.isFileThere) await renameFile(context, old, found.file);
  });
  await renameFile(context, fresh, found.file);
  const before = found.record;
  undo.add('the old version is not on record', () => {
    if (before !== null) writeRecord(context.windows, before);
  });
  writeRecord(context.windows, record);
  tell(`Version ${file.image.version ?? 'unknown'} is in the place of ${found.image?.version ?? 'the old one'}.`);
}

/** Whether it came to be trusted or not. */
function distrust({ windows }: ServiceContext, { certificate }: InstallRecord): void {
  if (certificate !== '') removeTrust(windows, certificate);
}

const oldFile = ({ file }: Installation) => join(dirname(file), `${SERVICE}-old.sys`);

/** When the new version is there: the file of the old one and trust in its certificate go. */
async function forget(context: ServiceContext, found: Installation): Promise<void> {
  const { record } = found;
  await removeFile(context, oldFile(found));
  if (record?.isTrusted === true) removeTrust(context.windows, record.certificate);
}

function otherVersion(found: Installation, { image }: DriverFile): CmBridgeError {
  const versions = `${found.image?.version ?? 'unknown'}, this package has ${image.version ?? 'unknown'}`;
  if (!found.isFileThere) {
    return new CmBridgeError(
      'CMB_DRIVER_FILE',
      `The service is there, and its file ${found.file} is missing. --upgrade puts it there again`,
    );
  }
  if (found.image === null || isAltered(found)) {
    return new CmBridgeError(
      'CMB_DRIVER_FILE',
      `The driver file ${found.file} is not the one that was installed. --upgrade replaces it`,
    );
  }
  return new CmBridgeError(
    'CMB_DRIVER_VERSION',
    `The installed driver is ${compareDrivers(found.image, image)} (version ${versions}). --upgrade replaces it, also while it runs`,
  );
}

async function changeStart(
  { windows }: ServiceContext,
  { service }: Installation,
  wanted: InstallRequest['start'],
  undo: UndoList,
  tell: Tell,
): Promise<DriverStart | null> {
  const startType = wanted === null ? service.startType : starts.indexOf(wanted);
  if (startType === service.startType) return null;
  await windows.services.change(SERVICE, { startType }).catch((error: unknown) => {
    throw windowsFailure('The service could not be changed', error);
  });
  undo.add('it starts otherwise than before', () => windows.services.change(SERVICE, { startType: service.startType }));
  tell(`The driver starts ${wanted === 'demand' ? 'on demand' : `with Windows (${wanted ?? ''})`} from now on.`);
  return starts[service.startType] ?? null;
}

async function startUnless(context: ServiceContext, stopped: boolean, tell: Tell): Promise<boolean> {
  if (stopped) return false;
  const found = await findInstallation(context);
  return found === null ? false : startInstalled(context, found, tell);
}
