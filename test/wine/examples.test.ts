// Run by Windows' node.exe as conformance.test.ts: the examples guard, and a program comes by.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SimulatedProcess } from '../../lib/simulator/simulated-process.js';
import { ActorProcess } from './actor-process.js';

const actor = process.env['CMBRIDGE_REGACTOR'];
if (!actor) throw new Error('CMBRIDGE_REGACTOR must be the path of regactor.exe');
const native = process.env['CMBRIDGE_REGACTOR_NATIVE'] === '1' ? ['--native'] : [];

const startActor = async () => new SimulatedProcess(await ActorProcess.start(actor, native), actor, () => undefined);

class Example {
  readonly #child;
  readonly #ended: Promise<[number | null]>;
  #text = '';

  constructor(name: string, programArguments: readonly string[] = []) {
    const file = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
    this.#child = spawn(process.execPath, [file, ...programArguments], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.stdout.setEncoding('utf8').on('data', (part: string) => {
      this.#text += part;
    });
  }

  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      const over = this.#ended.then(() => Promise.reject(new Error(`no ${String(pattern)} in:\n${this.#text}`)));
      await Promise.race([once(this.#child.stdout, 'data'), over]);
    }
  }

  say(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Ends its standard input, as a person does who closes the console. */
  async end(): Promise<string> {
    this.#child.stdin.end();
    const [status] = await this.#ended;
    assert.equal(status, 0, this.#text);
    return this.#text;
  }
}

const denied = { ntStatusName: 'STATUS_ACCESS_DENIED' };
const missing = { ntStatusName: 'STATUS_OBJECT_NAME_NOT_FOUND' };

describe('examples', () => {
  it(
    'examples/protect-run-key.ts asks before what is started at logon changes, with the device',
    { timeout: 60_000 },
    async () => {
      const program = await startActor();
      const key = await program.createKeyPath('HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run');
      const example = new Example('protect-run-key', ['10']);
      await example.said(/^Ready/m);
      const allowed = key.setValue('CmBridgeTest', 'C:\\Updater.exe');
      await example.said(/SetValueKey "CmBridgeTest".*\? \[y\/N\]/);
      example.say('y\n');
      await allowed;
      const refused = assert.rejects(key.setValue('CmBridgeMiner', 'C:\\Miner.exe'), denied);
      await example.said(/SetValueKey "CmBridgeMiner".*\? \[y\/N\]/);
      example.say('n\n');
      await refused;
      await example.said(/^.*Refused: .*CmBridgeMiner/m);
      assert.match(await example.end(), /Allowed: regactor\.exe .*"CmBridgeTest"/);
      assert.equal((await key.queryValue('CmBridgeTest')).data, 'C:\\Updater.exe');
      await assert.rejects(key.queryValue('CmBridgeMiner'), missing);
      await key.deleteValue('CmBridgeTest');
      await program.exit();
    },
  );

  it(
    'examples/honeypot.ts has values that exist only in TypeScript, with the device',
    { timeout: 60_000 },
    async () => {
      const example = new Example('honeypot');
      await example.said(/^Ready/m);
      const thief = await startActor();
      const vault = await thief.openKey('HKLM\\SOFTWARE\\Contoso\\Vault');
      assert.equal((await vault.query()).values, 4);
      const names = (await vault.enumerateValues()).map(({ name }) => name);
      assert.deepEqual(names, ['Account', 'Password', 'Keys', 'Expires']);
      await vault.setValue('Password', 'mine now');
      assert.equal((await vault.queryValue('password')).data, 'correct horse battery staple');
      await vault.close();
      await thief.exit();
      assert.match(await example.end(), /^regactor\.exe .* writes Password\n.* reads password$/m);
    },
  );

  it(
    'examples/pretend-value.ts makes a program believe that values are other ones, with the device',
    { timeout: 60_000 },
    async () => {
      const program = await startActor();
      const key = await program.createKeyPath('HKLM\\SOFTWARE\\Contoso\\Notes');
      await key.setValue('Edition', 'Home');
      await key.setValue('License', '1111-2222');
      // The program that it starts has the same name as the one that reads here.
      const example = new Example('pretend-value', [actor]);
      await example.said(/^Ready/m);
      assert.equal((await key.queryValue('Edition')).data, 'Enterprise');
      assert.equal((await key.queryValue('seats')).data, 1000);
      await assert.rejects(key.queryValue('License'), missing);
      assert.match(await example.end(), /has read such values 3 times/);
      assert.equal((await key.queryValue('Edition')).data, 'Home');
      await program.deleteTree('HKLM\\SOFTWARE\\Contoso');
      await program.exit();
    },
  );
});
