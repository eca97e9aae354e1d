import type { Summary } from './summary.js';

/** One line of a table. */
export interface Row {
  readonly id: string;
  readonly label: string;
  /** By the column's key. */
  readonly values: Readonly<Record<string, Summary | number>>;
  readonly note?: string;
}

export interface Column {
  readonly key: string;
  readonly label: string;
  readonly unit: Unit;
}

export type Unit = 'ns' | 'ratio' | 'events/s' | 'bytes' | 'percent' | 'count';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** What a reader must know to understand the figures. */
  readonly notes: readonly string[];
}

export interface Target {
  readonly id: string;
  readonly text: string;
  readonly wanted: string;
  readonly found: string;
  readonly met: boolean;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Of the last minute, when the run began and when it ended. */
  readonly load: readonly [number, number];
}

export interface Report {
  readonly format: 1;
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly seconds: number;
  readonly sections: readonly Section[];
  readonly targets: readonly Target[];
}

/** The median, or the number itself; undefined where nothing was measured. */
export function valueOf(
  sections: readonly Section[],
  sectionId: string,
  rowId: string,
  key: string,
): number | undefined {
  const value = sections.find(({ id }) => id === sectionId)?.rows.find(({ id }) => id === rowId)?.values[key];
  return typeof value === 'object' ? value.median : value;
}
