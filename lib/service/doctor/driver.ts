// The driver itself: the service, the file, its signature, and whether it answers.

import { CmBridgeError } from '../../base/errors.js';
import type { ServiceContext } from '../context.js';
import { requireSafeFolder } from '../folder.js';
import { isOurs, lookForInstallation, tryImage, type Installation } from '../installation.js';
import { packageDriver } from '../machine.js';
import { folderFacts } from '../life.js';
import { stateOf, status } from '../status.js';
import { isTrusted, signerOf } from '../trust.js';
import { win32 } from 'node:path';
import { attempt, finding, type Finding } from './finding.js';

const install = 'npx cmbridge driver install';
const upgrade = 'npx cmbridge driver install --upgrade';

export async function driverFindings(context: ServiceContext): Promise<Finding[]> {
  const found = await lookForInstallation(context);
  if (found === null) return [finding('service', 'problem', 'The driver is not installed.', install)];
  if (!isOurs(context, found)) {
    const text = `The service cmbridge is somebody else's: ${found.service.displayName}, type ${found.service.type}, ${found.service.path}.`;
    return [finding('service', 'problem', text, 'sc.exe qc cmbridge')];
  }
  return [
    await service(context, found),
    ...(await attempt('driver-file', () => [file(context, found), folder(context, found)])),
    ...(await attempt('certificate', () => [certificate(context, found)])),
    ...(stateOf(found) === 'running' ? await attempt('device', () => device(context)) : []),
  ];
}

async function service(context: ServiceContext, found: Installation): Promise<Finding> {
  const { state, start, driver, fileVersion, packageVersion, sessions, registrations } = await status(context);
  const details = { state, start, driver, fileVersion, packageVersion, sessions, registrations };
  const versions = `the driver is ${driver ?? 'unknown'} (${fileVersion ?? 'no version'}; the package is ${packageVersion})`;
  // Another version may serve as well; `device` tells whether this package understands it.
  if (driver !== 'same' && state === 'running') {
    return finding('service', 'warning', `Installed, running; ${versions}.`, upgrade, details);
  }
  if (driver !== 'same') return finding('service', 'problem', `Installed, ${state}; ${versions}.`, upgrade, details);
  if (state === 'running')
    return finding('service', 'ok', `Installed, running, of this package; starts: ${start ?? '?'}.`, null, details);
  const code = found.service.exitCode;
  // ERROR_SERVICE_NEVER_STARTED
  const ended = code === 0 || code === 1077 ? '' : ` It ended with error ${code}.`;
  return finding('service', 'problem', `Installed, ${state}.${ended}`, 'npx cmbridge driver start', {
    ...details,
    exitCode: code,
  });
}

/** Signing does not change the hash, so it tells whether the file is that of the package. */
function file(context: ServiceContext, { file: path, image, record }: Installation): Finding {
  if (image === null) return finding('driver-file', 'problem', `${path} is missing or damaged.`, upgrade);
  const shipped = tryImage(packageDriver(context.packageRoot, context.windows.nativeMachine()))?.hash ?? null;
  const details = { path, hash: image.hash, recorded: record?.hash ?? null, package: shipped };
  if (record !== null && record.hash !== image.hash) {
    return finding('driver-file', 'problem', `${path} is not the file that was installed.`, upgrade, details);
  }
  const whose = shipped === image.hash ? ', which is that of the package' : '';
  return finding('driver-file', 'ok', `${path}, Authenticode hash ${image.hash}${whose}.`, null, details);
}

function folder(context: ServiceContext, { file: path }: Installation): Finding {
  try {
    requireSafeFolder(win32.isAbsolute(path) ? win32.dirname(path) : path, folderFacts(context));
    return finding('driver-folder', 'ok', 'Only administrators can write to the folder of the driver.');
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    return finding(
      'driver-folder',
      'problem',
      error.message,
      'npx cmbridge driver uninstall; npx cmbridge driver install',
    );
  }
}

function certificate({ windows }: ServiceContext, { image, record }: Installation): Finding {
  const signer = image === null ? null : signerOf(image);
  if (signer === null) return finding('certificate', 'problem', 'The installed driver is not signed.', upgrade);
  const trusted = isTrusted(windows, signer.thumbprint);
  const details = { ...signer, trusted, isOwn: record?.certificate === signer.thumbprint };
  const text = `Signed by ${signer.subject} (${signer.thumbprint}), ${trusted ? 'which this machine trusts' : 'which this machine does not trust as a root'}.`;
  // With test signing on, any certificate will do; another one leads to a root of Microsoft.
  return finding('certificate', 'ok', text, null, details);
}

async function device(context: ServiceContext): Promise<Finding[]> {
  try {
    await using driver = await context.open();
    const { major, minor } = driver.protocol;
    const { sessions } = await driver.statistics({ scope: 'driver' });
    const details = { protocol: `${major}.${minor}`, sessions: sessions - 1 };
    return [finding('device', 'ok', `\\\\.\\CmBridge answers, with protocol ${major}.${minor}.`, null, details)];
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    const next = error.code === 'CMB_PROTOCOL_MISMATCH' ? upgrade : null;
    const level = error.code === 'CMB_ACCESS_DENIED' ? 'warning' : 'problem';
    return [finding('device', level, error.message, next, { code: error.code })];
  }
}
