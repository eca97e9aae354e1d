// The names that SDDL has for SIDs, kinds of entries, flags and rights.

/** Two-letter names of SIDs that are the same on every machine. */
export const sidAliases: Readonly<Record<string, string>> = {
  WD: 'S-1-1-0',
  CO: 'S-1-3-0',
  CG: 'S-1-3-1',
  OW: 'S-1-3-4',
  NU: 'S-1-5-2',
  IU: 'S-1-5-4',
  SU: 'S-1-5-6',
  AN: 'S-1-5-7',
  ED: 'S-1-5-9',
  PS: 'S-1-5-10',
  AU: 'S-1-5-11',
  RC: 'S-1-5-12',
  SY: 'S-1-5-18',
  LS: 'S-1-5-19',
  NS: 'S-1-5-20',
  WR: 'S-1-5-33',
  BA: 'S-1-5-32-544',
  BU: 'S-1-5-32-545',
  BG: 'S-1-5-32-546',
  PU: 'S-1-5-32-547',
  AO: 'S-1-5-32-548',
  SO: 'S-1-5-32-549',
  PO: 'S-1-5-32-550',
  BO: 'S-1-5-32-551',
  RE: 'S-1-5-32-552',
  RU: 'S-1-5-32-554',
  RD: 'S-1-5-32-555',
  NO: 'S-1-5-32-556',
  MU: 'S-1-5-32-558',
  LU: 'S-1-5-32-559',
  IS: 'S-1-5-32-568',
  CY: 'S-1-5-32-569',
  ER: 'S-1-5-32-573',
  CD: 'S-1-5-32-574',
  RA: 'S-1-5-32-575',
  ES: 'S-1-5-32-576',
  MS: 'S-1-5-32-577',
  HA: 'S-1-5-32-578',
  AA: 'S-1-5-32-579',
  RM: 'S-1-5-32-580',
  HO: 'S-1-5-32-584',
  SH: 'S-1-5-32-585',
  UD: 'S-1-5-84-0-0-0-0-0',
  AC: 'S-1-15-2-1',
  LW: 'S-1-16-4096',
  ME: 'S-1-16-8192',
  MP: 'S-1-16-8448',
  HI: 'S-1-16-12288',
  SI: 'S-1-16-16384',
  AS: 'S-1-18-1',
  SS: 'S-1-18-2',
};

/** The last number of SIDs that begin with the SID of a domain or of the machine. */
export const domainAliases: Readonly<Record<string, number>> = {
  RO: 498,
  LA: 500,
  LG: 501,
  DA: 512,
  DU: 513,
  DG: 514,
  DC: 515,
  DD: 516,
  CA: 517,
  SA: 518,
  EA: 519,
  PA: 520,
  CN: 522,
  AP: 525,
  KA: 526,
  EK: 527,
  RS: 553,
};

export interface AceType {
  readonly name: string;
  /** Flags and up to two GUIDs stand between the mask and the SID. */
  readonly object: boolean;
  /** Data follows the SID. */
  readonly data: boolean;
}

const plain = { object: false, data: false };
const object = { object: true, data: false };
const withData = { object: false, data: true };

/** By AceType. What has no name here cannot be written as SDDL, on Windows either. */
export const aceTypes: ReadonlyMap<number, AceType> = new Map([
  [0x00, { name: 'A', ...plain }],
  [0x01, { name: 'D', ...plain }],
  [0x02, { name: 'AU', ...plain }],
  [0x03, { name: 'AL', ...plain }],
  [0x05, { name: 'OA', ...object }],
  [0x06, { name: 'OD', ...object }],
  [0x07, { name: 'OU', ...object }],
  [0x08, { name: 'OL', ...object }],
  [0x09, { name: 'XA', ...withData }],
  [0x0a, { name: 'XD', ...withData }],
  [0x0b, { name: 'ZA', object: true, data: true }],
  [0x0d, { name: 'XU', ...withData }],
  [0x11, { name: 'ML', ...plain }],
  [0x12, { name: 'RA', ...withData }],
  [0x13, { name: 'SP', ...plain }],
  [0x14, { name: 'TL', ...plain }],
  [0x15, { name: 'FL', ...withData }],
]);

export const mandatoryLabelAce = 0x11;
export const auditAces: ReadonlySet<number> = new Set([0x02, 0x03, 0x07, 0x08, 0x0d]);

type Bits = readonly (readonly [name: string, bit: number])[];

/** In the order in which Windows writes them. */
export const inheritanceFlags: Bits = [
  ['OI', 0x01],
  ['CI', 0x02],
  ['NP', 0x04],
  ['IO', 0x08],
  ['ID', 0x10],
];
export const auditFlags: Bits = [
  ['SA', 0x40],
  ['FA', 0x80],
];
/** Flags of entries that audit nothing. */
export const otherFlags: Bits = [
  ['CR', 0x20],
  ['TP', 0x40],
];

/** Masks that are written as a whole. KX is the same mask as KR. */
export const wholeRights: Bits = [
  ['KA', 0x000f_003f],
  ['KR', 0x0002_0019],
  ['KW', 0x0002_0006],
  ['KX', 0x0002_0019],
  ['FA', 0x001f_01ff],
  ['FR', 0x0012_0089],
  ['FW', 0x0012_0116],
  ['FX', 0x0012_00a0],
];
export const singleRights: Bits = [
  ['CC', 0x0000_0001],
  ['DC', 0x0000_0002],
  ['LC', 0x0000_0004],
  ['SW', 0x0000_0008],
  ['RP', 0x0000_0010],
  ['WP', 0x0000_0020],
  ['DT', 0x0000_0040],
  ['LO', 0x0000_0080],
  ['CR', 0x0000_0100],
  ['SD', 0x0001_0000],
  ['RC', 0x0002_0000],
  ['WD', 0x0004_0000],
  ['WO', 0x0008_0000],
  ['GA', 0x1000_0000],
  ['GX', 0x2000_0000],
  ['GW', 0x4000_0000],
  ['GR', 0x8000_0000],
];
export const labelRights: Bits = [
  ['NW', 0x1],
  ['NR', 0x2],
  ['NX', 0x4],
];

/** Bits of SECURITY_DESCRIPTOR_CONTROL. */
export const control = {
  daclPresent: 0x0004,
  saclPresent: 0x0010,
  selfRelative: 0x8000,
} as const;
export const aclControl: { readonly D: Bits; readonly S: Bits } = {
  D: [
    ['P', 0x1000],
    ['AR', 0x0100],
    ['AI', 0x0400],
  ],
  S: [
    ['P', 0x2000],
    ['AR', 0x0200],
    ['AI', 0x0800],
  ],
};
