// One throw-away Wine prefix, and commands in it that cannot hang.

import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WINESERVERS = ['wineserver', '/usr/lib/wine/wineserver', '/usr/lib/wine/wineserver64'];
const WINES = ['wine', 'wine64', '/usr/lib/wine/wine64'];

function find(candidates) {
  const found = candidates.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined);
  if (!found) throw new Error(`none of ${candidates.join(', ')} can be started: install the packages wine and wine64`);
  return found;
}

/** The path of a file of this machine as Windows programs see it. */
export const windowsPath = (path) => `Z:${path.replaceAll('/', '\\')}`;

export class WinePrefix {
  constructor() {
    this.wine = find(WINES);
    this.server = find(WINESERVERS);
    this.root = mkdtempSync(join(tmpdir(), 'cmbridge-wine-'));
    this.path = join(this.root, 'prefix');
    this.logPath = join(this.root, 'wine.log');
    this.environment = {
      ...process.env,
      WINEPREFIX: this.path,
      WINEARCH: 'win64',
      // Errors, and what kernel modules print.
      WINEDEBUG: process.env.CMBRIDGE_WINEDEBUG ?? '-all,err+all,warn+debugstr,fixme+ntoskrnl',
      // No questions about packages that nothing here needs.
      WINEDLLOVERRIDES: 'mscoree,mshtml=;winemenubuilder.exe=d',
      LC_ALL: 'C.UTF-8',
    };
    delete this.environment.DISPLAY;
    delete this.environment.WAYLAND_DISPLAY;
    for (const name of Object.keys(this.environment)) {
      // Settings of the npm that runs this script mean nothing to a Windows program.
      if (/^npm_/i.test(name) || name === 'NODE_OPTIONS') delete this.environment[name];
    }
  }

  inside(...parts) {
    return join(this.path, 'drive_c', ...parts);
  }

  start(args, options = {}) {
    return spawn(this.wine, args, { ...options, env: { ...this.environment, ...options.env } });
  }

  /**
   * Resolves with `{ code, output }`; rejects when the time is over. `show` copies the output to this terminal. The output goes
   * through a file: Windows' Node does not know what to do with the sockets that this Node makes for a child, and Wine's
   * background processes would keep a pipe open.
   */
  run(args, { seconds = 60, show = false, env } = {}) {
    this.runs = (this.runs ?? 0) + 1;
    const path = join(this.root, `output-${this.runs}`);
    const file = openSync(path, 'w+');
    const child = this.start(args, { env, stdio: ['ignore', file, file] });
    const decoder = new TextDecoder();
    const chunk = Buffer.alloc(1 << 16);
    let output = '';
    let position = 0;
    const drain = () => {
      for (let size; (size = readSync(file, chunk, 0, chunk.length, position)) > 0; position += size) {
        const text = decoder.decode(chunk.subarray(0, size), { stream: true });
        output += text;
        if (show) process.stdout.write(text);
      }
    };
    const poll = setInterval(drain, 250);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, seconds * 1000);
    const done = () => {
      clearTimeout(timer);
      clearInterval(poll);
      drain();
      closeSync(file);
      appendFileSync(this.logPath, `== ${args.join(' ')}\n${output}`);
    };
    return new Promise((resolve, reject) => {
      child.on('error', (error) => {
        done();
        reject(error);
      });
      child.on('exit', (code) => {
        done();
        if (late) reject(new Error(`no end of \`${args.join(' ')}\` after ${seconds} s; so far it wrote:\n${output}`));
        else resolve({ code: code ?? 128, output });
      });
    });
  }

  async expect(args, options) {
    const result = await this.run(args, options);
    if (result.code !== 0) throw new Error(`\`${args.join(' ')}\` ended with ${result.code}:\n${result.output.trim()}`);
    return result.output;
  }

  async boot() {
    await this.expect(['wineboot', '-i'], { seconds: 240 });
    // Node refuses Windows 7, which is what Wine claims to be at first.
    await this.expect(['winecfg', '/v', 'win10']);
    // What the first start set going must be over before anything is installed.
    spawnSync(this.server, ['-w'], { env: this.environment, stdio: 'ignore', timeout: 60_000 });
  }

  tail(lines = 40) {
    try {
      return readFileSync(this.logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '';
    }
  }

  destroy() {
    const options = { env: this.environment, stdio: 'ignore', timeout: 30_000 };
    spawnSync(this.server, ['-k'], options);
    spawnSync(this.server, ['-w'], options);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
