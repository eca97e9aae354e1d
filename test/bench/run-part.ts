// Runs one part in a process of its own, so that no part meets the heap that another has left.

import type { PartOptions } from './part.js';
import { parts } from './parts.js';
import type { Section } from './report.js';

export interface PartRequest {
  readonly name: string;
  readonly quick: boolean;
}

process.once('message', ({ name, quick }: PartRequest) => {
  const part = parts.find((candidate) => candidate.name === name);
  const options: PartOptions = {
    quick,
    progress: (text) => {
      console.error(`${name}: ${text}`);
    },
  };
  const run = async (): Promise<Section[]> => (part === undefined ? [] : part.run(options));
  run().then(
    (sections) =>
      process.send?.(sections, () => {
        process.disconnect();
      }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
