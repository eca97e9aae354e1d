// What the doctor finds, one thing at a time, with the next step.

export type FindingLevel = 'ok' | 'note' | 'warning' | 'problem';

export interface Finding {
  /** What was looked at; stays the same from version to version. */
  readonly check: string;
  /** `problem`: the driver cannot work so. `warning`: it may not. `note`: worth knowing. */
  readonly level: FindingLevel;
  readonly text: string;
  /** A command to type, or what else to do; null when there is nothing to do. */
  readonly next: string | null;
  /** What was read, for programs. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

export interface Examination {
  readonly platform: NodeJS.Platform;
  readonly findings: readonly Finding[];
  /** The worst of them. */
  readonly level: FindingLevel;
}

export interface ExamineOptions {
  /** Tells whether it is free. Default: 385210, near which `cmbridge watch` registers. */
  readonly altitude?: string | undefined;
}

export const levels: readonly FindingLevel[] = ['ok', 'note', 'warning', 'problem'];

export function finding(
  check: string,
  level: FindingLevel,
  text: string,
  next: string | null = null,
  details?: Finding['details'],
): Finding {
  return { check, level, text, next, ...(details === undefined ? {} : { details }) };
}

/** A check that throws is a finding, too: the others go on. */
export async function attempt(check: string, look: () => Promise<Finding[]> | Finding[]): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [finding(check, 'warning', `This could not be found out: ${why}`)];
  }
}
