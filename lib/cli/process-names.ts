import { execFile } from 'node:child_process';
import type { Driver } from '../driver.js';

/** Names of processes by id, for people; an id that is not known yet has none. */
export interface ProcessNames {
  find(id: number): string | null;
}

export function processNames(driver: Driver): ProcessNames {
  if (driver.simulator !== null) return simulatedNames(driver);
  return process.platform === 'win32' ? new TaskList() : { find: () => null };
}

function simulatedNames(driver: Driver): ProcessNames {
  const names = new Map<number, string>();
  return {
    find(id) {
      for (const simulated of driver.simulator?.processes ?? []) names.set(simulated.id, baseName(simulated.imagePath));
      return names.get(id) ?? null;
    },
  };
}

/** Asks tasklist.exe when an unknown id turns up, at most once in two seconds; the first events of a process go without a name. */
class TaskList implements ProcessNames {
  readonly #names = new Map<number, string>([[process.pid, baseName(process.execPath)]]);
  #askedAt = -Infinity;

  find(id: number): string | null {
    const name = this.#names.get(id) ?? null;
    if (name === null && performance.now() - this.#askedAt > 2000) this.#ask();
    return name;
  }

  #ask(): void {
    this.#askedAt = performance.now();
    execFile('tasklist.exe', ['/FO', 'CSV', '/NH'], { windowsHide: true }, (error, output) => {
      if (error !== null) return;
      for (const [, name = '', id = ''] of output.matchAll(/^"([^"]*)","(\d+)"/gm)) this.#names.set(Number(id), name);
    }).unref();
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('\\') + 1);
}
