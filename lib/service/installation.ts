// What is installed now: the service of that name, whose it is, and its file.

import { existsSync, readFileSync } from 'node:fs';
import { win32 } from 'node:path';
import { CmBridgeError } from '../base/errors.js';
import type { NativeService } from '../native/native.js';
import { SERVICE, type ServiceContext } from './context.js';
import { packageDriver } from './machine.js';
import { readImage, type DriverImage } from './pe-image.js';
import { readRecord, type InstallRecord } from './record.js';
import { windowsFailure } from './windows-error.js';

const kernelDriver = 1;
export const fileName = `${SERVICE}.sys`;

export interface Installation {
  readonly service: NativeService;
  readonly file: string;
  /** Null: the file is missing, or is no driver. */
  readonly image: DriverImage | null;
  readonly isFileThere: boolean;
  readonly record: InstallRecord | null;
}

/** Null: there is no service of that name. Throws if it is somebody else's. */
export async function findInstallation(context: ServiceContext): Promise<Installation | null> {
  const found = await lookForInstallation(context);
  if (found === null || isOurs(context, found)) return found;
  throw new CmBridgeError(
    'CMB_SERVICE_TAKEN',
    `There is a service ${SERVICE} that this package has not made: ${found.service.displayName}, ${found.service.path}. ` +
      'Nothing was changed. If it is an older cmbridge of yours: sc.exe stop cmbridge, and then sc.exe delete cmbridge',
  );
}

/** The same, whoever has made the service. */
export async function lookForInstallation(context: ServiceContext): Promise<Installation | null> {
  const service = await context.windows.services.query(SERVICE).catch((error: unknown) => {
    throw windowsFailure('The service could not be looked for', error);
  });
  if (service === null) return null;
  const file = imageFile(service.path, context.systemRoot);
  const isFileThere = existsSync(file);
  return { service, file, isFileThere, image: tryImage(file), record: readRecord(context.windows) };
}

/** Made by this package, or by hand for a driver of this package. */
export function isOurs(context: ServiceContext, { service, image, record }: Installation): boolean {
  if (service.type !== kernelDriver) return false;
  if (record !== null) return true;
  const shipped = tryImage(packageDriver(context.packageRoot, context.windows.nativeMachine()));
  return image !== null && image.hash === shipped?.hash;
}

export function tryImage(file: string): DriverImage | null {
  try {
    return readImage(readFileSync(file), file);
  } catch {
    return null;
  }
}

/** The file that an ImagePath means. */
export function imageFile(path: string, systemRoot: string): string {
  const plain = path.replace(/^"([^"]*)".*$/, '$1').replace(/^\\\?\?\\/, '');
  const below = /^(?:\\?SystemRoot\\|%SystemRoot%\\)(.*)$/i.exec(plain);
  if (below?.[1] !== undefined) return win32.join(systemRoot, below[1]);
  return win32.isAbsolute(plain) || plain.startsWith('/') ? plain : win32.join(systemRoot, plain);
}
