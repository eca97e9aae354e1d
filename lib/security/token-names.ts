// The names of the integrity levels and the impersonation levels of tokens, for events, their JSON and the simulator alike.

/** The lowest RID of each integrity level, ascending. */
export const integrityRids = {
  untrusted: 0x0000,
  low: 0x1000,
  medium: 0x2000,
  'medium-plus': 0x2100,
  high: 0x3000,
  system: 0x4000,
  protected: 0x5000,
} as const;

/** A mandatory integrity level, after the label's RID: 0x1000 low, 0x2000 medium, 0x3000 high, and so on. A RID in between counts as the level below it. */
export type IntegrityLevel = keyof typeof integrityRids;

export const integrityLevels = Object.keys(integrityRids) as IntegrityLevel[];

const lowestRids = Object.values(integrityRids);

/** The level that the RID of a mandatory label belongs to. A plain loop: each event of a thread that impersonates comes here. */
export function integrityLevelOf(rid: number): IntegrityLevel {
  let index = integrityLevels.length - 1;
  while (index > 0 && rid < (lowestRids[index] ?? 0)) index--;
  return integrityLevels[index] ?? 'untrusted';
}

/** SECURITY_IMPERSONATION_LEVEL: the index of a name is its number. */
export const impersonationLevels = ['anonymous', 'identification', 'impersonation', 'delegation'] as const;

export type ImpersonationLevel = (typeof impersonationLevels)[number];
