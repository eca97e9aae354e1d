// One throw-away Wine prefix, and commands in it that cannot hang.

import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
    this.log = createWriteStream(this.logPath);
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
    return spawn(this.wine, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: { ...this.environment, ...options.env },
    });
  }

  /** Resolves with `{ code, output }`; rejects when the time is over. `show` copies the output to this terminal. */
  run(args, { seconds = 60, show = false, env } = {}) {
    return new Promise((resolve, reject) => {
      const child = this.start(args, { env });
      let output = '';
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, seconds * 1000);
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (show) process.stdout.write(text);
      });
      child.stderr.setEncoding('utf8').on('data', (text) => {
        output += text;
        this.log.write(text);
        if (show) process.stderr.write(text);
      });
      child.on('error', reject);
      // Not 'close': Wine's own background processes inherit the pipes and keep them open.
      child.on('exit', (code) => {
        clearTimeout(timer);
        setTimeout(() => {
          if (late) reject(new Error(`no end of \`${args.join(' ')}\` after ${seconds} s`));
          else resolve({ code: code ?? 128, output });
        }, 100);
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
    this.log.end();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
