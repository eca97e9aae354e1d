// What there is to look at where there is no Windows: the C library, the addon, and the driver in the simulator.

import { openDriver } from '../../driver/open-driver.js';
import { loadNative } from '../../native/native-loader.js';
import { attempt, finding, type Finding } from './finding.js';

export async function elsewhereFindings(): Promise<Finding[]> {
  return [library(), ...(await attempt('addon', () => [addon()])), ...(await attempt('simulator', simulator))].map(
    (found) =>
      // Whatever cannot be found out here is what programs need.
      found.level === 'warning' ? { ...found, level: 'problem' } : found,
  );
}

function library(): Finding {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const version = report.header?.glibcVersionRuntime;
  if (version !== undefined)
    return finding('c-library', 'ok', `glibc ${version}, Node.js ${process.version}, ${process.arch}.`);
  return finding(
    'c-library',
    'note',
    'This is no glibc: the addon that the package carries for Linux needs one.',
    'Build the addon from the repository: npm run build:native',
  );
}

function addon(): Finding {
  const { version, backends } = loadNative();
  return finding('addon', 'ok', `The native part is there (${version}; ${backends.join(', ')}).`);
}

/** One registration, one value that is set, and the events of it. */
async function simulator(): Promise<Finding[]> {
  await using driver = await openDriver({ backend: 'simulator' });
  const seen: string[] = [];
  const registration = await driver.registerCallback(
    { altitude: '385210.1', classes: ['RegNtPreSetValueKey', 'RegNtPostSetValueKey'] },
    (event) => {
      if ('operation' in event) seen.push(event.class);
    },
  );
  const program = driver.simulator?.createProcess({ imagePath: 'C:\\doctor.exe' });
  const key = await program?.createKeyPath('HKLM\\SOFTWARE\\CmBridgeDoctor');
  await key?.setValue('Answer', 42);
  await program?.exit();
  await registration.unregister();
  if (seen.join() === 'RegNtPreSetValueKey,RegNtPostSetValueKey') {
    return [finding('simulator', 'ok', 'The driver runs in the simulator, and events arrive.')];
  }
  return [
    finding(
      'simulator',
      'problem',
      `The simulator gave other events than expected: ${seen.join(', ') || 'none'}.`,
      null,
      { seen },
    ),
  ];
}
