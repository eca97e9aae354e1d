// Taking the driver away again: the service, the file, and trust in its certificate.

import { dirname, join } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import { requireAdministrator, SERVICE, type ServiceContext } from './context.js';
import { removeFile, renameFile } from './files.js';
import { findInstallation } from './installation.js';
import { startInstalled, stopInstalled, type StopOptions, type Tell } from './life.js';
import { addTrust, removeTrust } from './trust.js';
import { UndoList } from './undo.js';
import { windowsFailure } from './windows-error.js';

const stepTime = 200;
const deleteTime = 15_000;

/** Resolves with whether there was anything to take away. */
export async function uninstall(context: ServiceContext, options: StopOptions, tell: Tell): Promise<boolean> {
  requireAdministrator(context);
  const found = await findInstallation(context);
  if (found === null) return false;
  const undo = new UndoList();
  const aside = join(dirname(found.file), `${SERVICE}-old.sys`);
  try {
    if (await stopInstalled(context, found, options, tell)) {
      undo.add('the driver is stopped', async () => {
        const again = await findInstallation(context);
        if (again !== null) await startInstalled(context, again, () => undefined);
      });
    }
    if (found.isFileThere) {
      await removeFile(context, aside);
      await renameFile(context, found.file, aside);
      undo.add(`the driver is ${aside}`, () => renameFile(context, aside, found.file));
    }
    if (found.record?.isTrusted === true) {
      const [certificate] = found.image?.certificates ?? [];
      removeTrust(context.windows, found.record.certificate);
      undo.add('its certificate is not trusted', () => {
        if (certificate !== undefined) addTrust(context.windows, certificate);
      });
    }
    await context.windows.services.delete(SERVICE).catch((error: unknown) => {
      throw windowsFailure('The service could not be deleted', error);
    });
  } catch (error) {
    throw await undo.takeBack(error);
  }
  tell(`The service ${SERVICE} is deleted.`);
  if (found.record?.isTrusted === true) {
    tell(`This machine trusts the certificate ${found.record.certificate} no more.`);
  }
  await removeFile(context, aside);
  tell(`The file ${found.file} is deleted.`);
  await waitUntilGone(context);
  return true;
}

async function waitUntilGone({ windows, delay }: ServiceContext): Promise<void> {
  for (let waited = 0; (await windows.services.query(SERVICE)) !== null; waited += stepTime) {
    if (waited >= deleteTime) {
      throw new CmBridgeError(
        'CMB_WINDOWS_ERROR',
        'The service is to be deleted, and goes when the last program has closed it: services.msc or the Task Manager perhaps',
      );
    }
    await delay(stepTime);
  }
}
