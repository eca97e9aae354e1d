// Files of drivers that something may still hold open for a moment: the kernel that has just unloaded them, a scanner of viruses.

import { renameSync, rmSync } from 'node:fs';
import type { ServiceContext } from './context.js';

const stepTime = 100;
const patience = 5000;
const heldOpen = ['EBUSY', 'EPERM', 'EACCES'];

/** It is well if there is no such file. */
export async function removeFile(context: ServiceContext, path: string): Promise<void> {
  await patiently(context, () => {
    rmSync(path, { force: true });
  });
}

export async function renameFile(context: ServiceContext, from: string, to: string): Promise<void> {
  await patiently(context, () => {
    renameSync(from, to);
  });
}

async function patiently({ delay }: ServiceContext, act: () => void): Promise<void> {
  for (let waited = 0; ; waited += stepTime) {
    try {
      act();
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || !heldOpen.includes(code) || waited >= patience) throw error;
    }
    await delay(stepTime);
  }
}
