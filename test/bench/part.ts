import type { Section } from './report.js';

export interface PartOptions {
  /** Few and small repetitions: every part runs, and no figure means anything. */
  readonly quick: boolean;
  /** Tells somebody who waits what is going on. */
  readonly progress: (text: string) => void;
}

export interface Part {
  readonly name: string;
  readonly text: string;
  readonly run: (options: PartOptions) => Promise<Section[]>;
}

export function pick<T>(options: PartOptions, quick: T, full: T): T {
  return options.quick ? quick : full;
}
