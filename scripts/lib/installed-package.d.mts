export interface InstalledPackage {
  readonly project: string;
  readonly folder: string;
  readonly size: number;
  readonly files: readonly string[];
}

export function installPackage(project: string): InstalledPackage;
