// What the functions of this room work with: Windows by way of the addon, the package, and how a driver is signed and opened.

import { CmBridgeError } from '../base/errors.js';
import type { Driver } from '../driver/driver.js';
import { openDriver } from '../driver/open-driver.js';
import { loadNative, packageInfo } from '../native/native-loader.js';
import type { NativeWindows } from '../native/native.js';
import { signFile, type Signature } from './sign.js';

export const SERVICE = 'cmbridge';
export const DISPLAY_NAME = 'cmbridge registry callbacks';
/** Of the drivers that start with Windows it orders this one among its like: the altitudes that `watch` takes lie in that group. */
export const GROUP = 'FSFilter Activity Monitor';
export const SERVICE_KEY = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE}`;

export interface ServiceContext {
  readonly windows: NativeWindows;
  /** `C:\Windows` */
  readonly systemRoot: string;
  /** Where the package is. */
  readonly packageRoot: string;
  readonly packageVersion: string;
  /** Signs a file in its place, with a certificate made for that. */
  readonly sign: (file: string) => Promise<Signature>;
  readonly open: () => Promise<Driver>;
  readonly delay: (milliseconds: number) => Promise<void>;
}

export function windowsContext(): ServiceContext {
  if (process.platform !== 'win32') {
    throw new CmBridgeError(
      'CMB_NOT_SUPPORTED',
      `Drivers are for Windows, and this is ${process.platform}. The simulator needs none: openDriver(), cmbridge watch --simulate FILE.reg`,
    );
  }
  const { windows } = loadNative();
  if (windows === null) throw new CmBridgeError('CMB_NOT_SUPPORTED', 'The native part was built without services');
  const { root, version } = packageInfo();
  return {
    windows,
    systemRoot: windows.systemRoot(),
    packageRoot: root,
    packageVersion: version,
    sign: (file) => signFile(file),
    open: () => openDriver({ backend: 'device' }),
    delay: (milliseconds) =>
      new Promise((resolve) => {
        setTimeout(resolve, milliseconds);
      }),
  };
}

export function requireAdministrator({ windows }: ServiceContext): void {
  if (windows.isElevated()) return;
  throw new CmBridgeError(
    'CMB_ACCESS_DENIED',
    'Only administrators may install, start and stop drivers. Open the terminal with "Run as administrator" and try again',
  );
}
