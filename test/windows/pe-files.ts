// The Windows files that the package carries, and the reader that scripts/ and these tests share.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

const reader = (await import(
  new URL('../../../scripts/lib/pe.mjs', import.meta.url).href
)) as typeof import('../../scripts/lib/pe.mjs');
export const { DLL_CHARACTERISTICS, MACHINE, PeFile, SECTION } = reader;
export type PeFile = InstanceType<typeof PeFile>;

export const prebuilt = (name: string): string => `${root}prebuilds/win32-x64/${name}`;
/** Another build of the driver, such as that of MSVC and the WDK, in place of the package's. */
export const driverPath = process.env['CMBRIDGE_DRIVER'] ?? prebuilt('cmbridge.sys');

export const packageVersion = (JSON.parse(await readFile(`${root}package.json`, 'utf8')) as { version: string })
  .version;

/** The names of a list of imports. Each line has one; what stands behind it says since when Windows exports it. */
export async function importNames(list: string): Promise<Set<string>> {
  const text = await readFile(`${root}driver/${list}`, 'utf8');
  return new Set([...text.matchAll(/^ {4}(\w+)/gm)].map(([, name]) => name ?? ''));
}
