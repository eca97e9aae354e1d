// Run by Windows' node.exe with the package as npm installed it: from its command line to the first event.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { SimulatedProcess } from '../../lib/simulator/simulated-process.js';
import { ActorProcess } from './actor-process.js';

const run = promisify(execFile);

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const folder = setting('CMBRIDGE_PACKAGE');
const actor = setting('CMBRIDGE_REGACTOR');
const commandLine = join(folder, 'dist', 'lib', 'cli', 'main.js');
const cmbridge = (...args: string[]) => run(process.execPath, [commandLine, ...args]);

describe('the installed package on Windows', () => {
  it(
    'the installed package gets from its own commands to the first event, and away again',
    { timeout: 240_000 },
    async () => {
      const library = (await import(
        pathToFileURL(join(folder, 'dist', 'lib', 'index.js')).href
      )) as typeof import('../../lib/index.js');
      const { stdout } = await cmbridge('driver', 'install');
      assert.match(stdout, /signed with a certificate made for it \([0-9a-f]{40}\); its private key is destroyed\./);
      assert.match(stdout, /The driver runs\./);
      assert.doesNotMatch(stdout, /trusts it now/);
      const status = JSON.parse((await cmbridge('driver', 'status', '--json')).stdout) as { driver: string };
      assert.equal(status.driver, 'same');
      const driver = await library.openDriver();
      assert.equal(driver.backend, 'device');
      const registration = await driver.registerCallback({ altitude: '385210.4775', classes: ['RegNtPreSetValueKey'] });
      const program = new SimulatedProcess(await ActorProcess.start(actor, []), actor, () => undefined);
      const key = await program.createKeyPath('HKLM\\SOFTWARE\\CmBridgeTest');
      await key.setValue('First', 'event');
      for await (const event of registration.events()) {
        assert.equal(event.class, 'RegNtPreSetValueKey');
        assert.match(event.key ?? '', /\\CmBridgeTest$/i);
        break;
      }
      await program.deleteTree('HKLM\\SOFTWARE\\CmBridgeTest');
      await program.exit();
      await driver.close();
      await cmbridge('driver', 'uninstall');
      await assert.rejects(cmbridge('driver', 'status'), { code: 4 });
    },
  );
});
