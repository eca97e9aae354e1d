// Who else sits at an altitude: file system filters say theirs in the registry; a registry callback is found by trying.

import { NtStatusError } from '../../base/errors.js';
import type { ServiceContext } from '../context.js';
import { registryText } from '../record.js';
import { finding, type Finding } from './finding.js';

const services = 'SYSTEM\\CurrentControlSet\\Services';

/** Drivers with an instance at an altitude, by name. */
export function filterAltitudes({ windows }: ServiceContext): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of windows.registryKeys(services) ?? []) {
    for (const instance of windows.registryKeys(`${services}\\${name}\\Instances`) ?? []) {
      const altitude = registryText(windows, `${services}\\${name}\\Instances\\${instance}`, 'Altitude');
      if (altitude !== null) found.set(name, altitude);
    }
  }
  return found;
}

export async function altitudeFindings(context: ServiceContext, altitude: string): Promise<Finding[]> {
  const filters = filterAltitudes(context);
  const same = [...filters].filter(([, other]) => other === altitude).map(([name]) => name);
  const details = { altitude, filters: Object.fromEntries(filters) };
  if (same.length > 0) {
    const text = `${same.join(', ')} has the altitude ${altitude} among the file system filters, and may have a registry callback there.`;
    return [
      finding(
        'altitude',
        'warning',
        text,
        'Take another altitude: registerCallback({ altitude }), cmbridge watch --altitude',
        details,
      ),
    ];
  }
  const taken = await isTaken(context, altitude);
  if (taken === true) {
    const text = `A registry callback is registered at the altitude ${altitude}.`;
    return [finding('altitude', 'warning', text, 'Take another altitude: a fraction is enough, 385210.4771', details)];
  }
  const how = taken === null ? 'No file system filter has' : 'Nobody has';
  return [finding('altitude', 'ok', `${how} the altitude ${altitude}.`, null, details)];
}

/** Null: the driver cannot be asked. */
async function isTaken(context: ServiceContext, altitude: string): Promise<boolean | null> {
  let driver;
  try {
    driver = await context.open();
  } catch {
    return null;
  }
  try {
    const registration = await driver.registerCallback({ altitude, classes: ['RegNtPreLoadKey'] }, () => undefined);
    await registration.unregister();
    return false;
  } catch (error) {
    if (error instanceof NtStatusError && error.code === 'CMB_ALTITUDE_COLLISION') return true;
    throw error;
  } finally {
    await driver.close();
  }
}
