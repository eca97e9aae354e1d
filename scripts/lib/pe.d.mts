export const DLL_CHARACTERISTICS: Readonly<
  Record<'HIGH_ENTROPY_VA' | 'DYNAMIC_BASE' | 'FORCE_INTEGRITY' | 'NX_COMPAT' | 'WDM_DRIVER' | 'GUARD_CF', number>
>;
export const SECTION: Readonly<Record<'DISCARDABLE' | 'EXECUTE' | 'READ' | 'WRITE', number>>;
export const MACHINE: Readonly<Record<'AMD64' | 'ARM64', number>>;

export interface PeSection {
  readonly name: string;
  readonly virtualSize: number;
  readonly address: number;
  readonly rawSize: number;
  readonly offset: number;
  readonly flags: number;
}

export class PeFile {
  constructor(path: string);
  readonly path: string;
  readonly bytes: Buffer;
  readonly machine: number;
  readonly timeDateStamp: number;
  readonly characteristics: number;
  readonly entryPoint: number;
  readonly sectionAlignment: number;
  readonly checksum: number;
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  readonly sections: readonly PeSection[];
  readonly imports: readonly { library: string; nameOffset: number; names: readonly string[] }[];
  readonly hasDelayImports: boolean;
  readonly unwindEntries: number;
  readonly relocations: number;
  readonly symbols: { readonly guid: Buffer; readonly path: string } | null;
  readonly loadConfiguration: {
    readonly securityCookie: bigint;
    readonly guardFunctions: bigint;
    readonly guardFlags: number;
  } | null;
  readonly version: {
    readonly numbers: string;
    readonly fileType: number;
    readonly texts: Record<string, string>;
  } | null;
  readonly exports: readonly string[];
  readonly signature: Buffer | null;
  section(name: string): PeSection | undefined;
  sectionAt(address: number): PeSection | undefined;
  contents(section: PeSection): Buffer;
  computeChecksum(): number;
}
