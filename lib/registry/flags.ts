// Masks with the names of their bits.

/** A mask, and what its bits are called. */
export interface Flags {
  readonly value: number;
  /** One name per bit, lowest first; bits without a name come last, together, as `0x...`. */
  readonly names: readonly string[];
}

/** A caller chooses the masks, so a cache of them needs a bound; real programs use a few dozen. */
const cacheLimit = 1024;

function flagsOf(bits: Readonly<Record<string, number>>): (value: number) => Flags {
  const known = Object.entries(bits).sort(([, a], [, b]) => a - b);
  const cache = new Map<number, Flags>();
  return (value) => {
    const cached = cache.get(value);
    if (cached !== undefined) return cached;
    const mask = value >>> 0;
    const names = known.filter(([, bit]) => (mask & bit) !== 0).map(([name]) => name);
    const rest = known.reduce((left, [, bit]) => left & ~bit, mask) >>> 0;
    if (rest !== 0) names.push(`0x${rest.toString(16).toUpperCase()}`);
    const flags = Object.freeze({ value: mask, names: Object.freeze(names) });
    if (cache.size >= cacheLimit) cache.clear();
    cache.set(value, flags);
    return flags;
  };
}

/** ACCESS_MASK of a key. Composites such as KEY_READ are not named: the single rights that they stand for are. */
export const keyAccess = flagsOf({
  KEY_QUERY_VALUE: 0x0000_0001,
  KEY_SET_VALUE: 0x0000_0002,
  KEY_CREATE_SUB_KEY: 0x0000_0004,
  KEY_ENUMERATE_SUB_KEYS: 0x0000_0008,
  KEY_NOTIFY: 0x0000_0010,
  KEY_CREATE_LINK: 0x0000_0020,
  KEY_WOW64_64KEY: 0x0000_0100,
  KEY_WOW64_32KEY: 0x0000_0200,
  DELETE: 0x0001_0000,
  READ_CONTROL: 0x0002_0000,
  WRITE_DAC: 0x0004_0000,
  WRITE_OWNER: 0x0008_0000,
  SYNCHRONIZE: 0x0010_0000,
  ACCESS_SYSTEM_SECURITY: 0x0100_0000,
  MAXIMUM_ALLOWED: 0x0200_0000,
  GENERIC_ALL: 0x1000_0000,
  GENERIC_EXECUTE: 0x2000_0000,
  GENERIC_WRITE: 0x4000_0000,
  GENERIC_READ: 0x8000_0000,
});

/** Options of a create or open. Zero is REG_OPTION_NON_VOLATILE. */
export const createOptions = flagsOf({
  REG_OPTION_VOLATILE: 0x01,
  REG_OPTION_CREATE_LINK: 0x02,
  REG_OPTION_BACKUP_RESTORE: 0x04,
  REG_OPTION_OPEN_LINK: 0x08,
  REG_OPTION_DONT_VIRTUALIZE: 0x10,
});

/** Attributes of OBJECT_ATTRIBUTES. */
export const objectAttributes = flagsOf({
  OBJ_PROTECT_CLOSE: 0x0001,
  OBJ_INHERIT: 0x0002,
  OBJ_AUDIT_OBJECT_CLOSE: 0x0004,
  OBJ_PERMANENT: 0x0010,
  OBJ_EXCLUSIVE: 0x0020,
  OBJ_CASE_INSENSITIVE: 0x0040,
  OBJ_OPENIF: 0x0080,
  OBJ_OPENLINK: 0x0100,
  OBJ_KERNEL_HANDLE: 0x0200,
  OBJ_FORCE_ACCESS_CHECK: 0x0400,
  OBJ_IGNORE_IMPERSONATED_DEVICEMAP: 0x0800,
  OBJ_DONT_REPARSE: 0x1000,
});

/** The view that a create or open asks for. */
export const wow64Flags = flagsOf({ KEY_WOW64_64KEY: 0x100, KEY_WOW64_32KEY: 0x200 });

const hiveFlags = {
  REG_WHOLE_HIVE_VOLATILE: 0x0001,
  REG_REFRESH_HIVE: 0x0002,
  REG_NO_LAZY_FLUSH: 0x0004,
  REG_FORCE_RESTORE: 0x0008,
};

/** Flags of NtLoadKey2 and NtLoadKeyEx. */
export const loadFlags = flagsOf({
  ...hiveFlags,
  REG_APP_HIVE: 0x0010,
  REG_PROCESS_PRIVATE: 0x0020,
  REG_START_JOURNAL: 0x0040,
  REG_HIVE_EXACT_FILE_GROWTH: 0x0080,
  REG_HIVE_NO_RM: 0x0100,
  REG_HIVE_SINGLE_LOG: 0x0200,
  REG_BOOT_HIVE: 0x0400,
  REG_LOAD_HIVE_OPEN_HANDLE: 0x0800,
  REG_FLUSH_HIVE_FILE_GROWTH: 0x1000,
  REG_OPEN_READ_ONLY: 0x2000,
  REG_IMMUTABLE: 0x4000,
  REG_NO_IMPERSONATION_FALLBACK: 0x8000,
});

/** Flags of NtRestoreKey. */
export const restoreFlags = flagsOf(hiveFlags);

/** Format of NtSaveKeyEx. */
export const saveFormat = flagsOf({ REG_STANDARD_FORMAT: 1, REG_LATEST_FORMAT: 2, REG_NO_COMPRESSION: 4 });

/** SECURITY_INFORMATION: the parts of a security descriptor that are asked for or set. */
export const securityInformation = flagsOf({
  OWNER_SECURITY_INFORMATION: 0x0000_0001,
  GROUP_SECURITY_INFORMATION: 0x0000_0002,
  DACL_SECURITY_INFORMATION: 0x0000_0004,
  SACL_SECURITY_INFORMATION: 0x0000_0008,
  LABEL_SECURITY_INFORMATION: 0x0000_0010,
  ATTRIBUTE_SECURITY_INFORMATION: 0x0000_0020,
  SCOPE_SECURITY_INFORMATION: 0x0000_0040,
  PROCESS_TRUST_LABEL_SECURITY_INFORMATION: 0x0000_0080,
  ACCESS_FILTER_SECURITY_INFORMATION: 0x0000_0100,
  BACKUP_SECURITY_INFORMATION: 0x0001_0000,
  UNPROTECTED_SACL_SECURITY_INFORMATION: 0x1000_0000,
  UNPROTECTED_DACL_SECURITY_INFORMATION: 0x2000_0000,
  PROTECTED_SACL_SECURITY_INFORMATION: 0x4000_0000,
  PROTECTED_DACL_SECURITY_INFORMATION: 0x8000_0000,
});

/** What KeyFlagsInformation tells about the key itself. */
export const keyFlags = flagsOf({ REG_FLAG_VOLATILE: 0x1, REG_FLAG_LINK: 0x2 });

/** What registry virtualization does with a key; `reg flags` sets them. */
export const controlFlags = flagsOf({
  REG_KEY_DONT_VIRTUALIZE: 0x2,
  REG_KEY_DONT_SILENT_FAIL: 0x4,
  REG_KEY_RECURSE_FLAG: 0x8,
});
