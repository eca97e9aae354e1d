// The fields of events that belong to the structure of their notification class, but for queries.

import type { Flags } from '../registry/flags.js';
import type { RegistryValue } from '../registry/registry-value.js';
import type { SecurityDescriptor } from '../security/security-descriptor.js';
import type { ProcessInfo } from './parts.js';

/** Create and open: REG_CREATE_KEY_INFORMATION, REG_OPEN_KEY_INFORMATION. */
export interface CreateFields {
  /** CompleteName, as the caller gave it: absolute, or relative to the key named by `root`. */
  readonly requestedName: string | null;
  /** The native path that was asked for. `keyPath` differs when the key that was opened has another name. */
  readonly requestedPath: string | null;
  /** Path of RootObject, which `requestedPath` starts with; for an absolute name that is `\REGISTRY`. */
  readonly root: string | null;
  /** Class of a key that is to be created. */
  readonly className: string | null;
  /** What the caller wants to protect a new key with; null if the caller leaves it to inheritance. */
  readonly securityDescriptor: SecurityDescriptor | null;
  /** KEY_* and standard rights. */
  readonly desiredAccess: Flags;
  /** Post with STATUS_SUCCESS: the rights of the new handle. */
  readonly grantedAccess: Flags | null;
  /** REG_OPTION_* */
  readonly options: Flags;
  /** Post create with STATUS_SUCCESS. */
  readonly disposition: 'created' | 'opened' | null;
  /** OBJ_*; 0 when `structureVersion` is 0. */
  readonly attributes: Flags;
  /** KEY_WOW64_*; 0 when `structureVersion` is 0. */
  readonly wow64Flags: Flags;
  /** The mode that access is checked for, also when the kernel calls; null when `structureVersion` is 0. */
  readonly checkAccessMode: 'user' | 'kernel' | null;
  /** 1 since Windows 7: REG_CREATE_KEY_INFORMATION_V1. */
  readonly structureVersion: number;
  /** 0 for a request as the caller made it; n when it continues at the target of the n-th symbolic link. Told by thread: see `reparsedFrom`. */
  readonly hop: number;
  /** `sequence` of the post event on the same thread and of the same operation that ended with STATUS_REPARSE right before. */
  readonly reparsedFrom: bigint | null;
}

/** Delete key: REG_DELETE_KEY_INFORMATION. */
export interface DeleteKeyFields {
  /** Values of the key before it goes; null unless the registration asks for `oldValues`. */
  readonly valueCount: number | null;
  /** Subkeys of the key; null unless the registration asks for `oldValues`. A key that has any cannot be deleted. */
  readonly subKeyCount: number | null;
}

/** The value that was there before the operation, read in the pre callback. */
export interface PreviousValue {
  /** Null when reading it failed for another reason than that there was none. */
  readonly exists: boolean | null;
  readonly value: RegistryValue | null;
  /** NTSTATUS of reading it, unsigned. */
  readonly status: number;
  /** `STATUS_...`; null for a status that this package has no name for. */
  // @json statusName
  readonly statusName: string | null;
}

/** Set value: REG_SET_VALUE_KEY_INFORMATION. */
export interface SetValueFields {
  /** Empty for the default value, null when it could not be captured. */
  readonly valueName: string | null;
  readonly value: RegistryValue;
  /** Nobody uses it; 0 from Win32. */
  readonly titleIndex: number;
  /** Null unless the registration asks for `oldValues`. */
  readonly previous: PreviousValue | null;
  /** Whether `value` differs from `previous` in type or data; null when the captured bytes do not settle it. */
  readonly changed: boolean | null;
}

/** Delete value: REG_DELETE_VALUE_KEY_INFORMATION. */
export interface DeleteValueFields {
  /** Empty for the default value, null when it could not be captured. */
  readonly valueName: string | null;
  /** Null unless the registration asks for `oldValues`. */
  readonly previous: PreviousValue | null;
}

/** Rename: REG_RENAME_KEY_INFORMATION. `keyPath` is the path before, in both phases. */
export interface RenameFields {
  /** The last component of the new path. */
  readonly newName: string | null;
  /** Post with STATUS_SUCCESS: `\REGISTRY\...` of the key from now on. */
  readonly newPath: string | null;
  /** `newPath` in the form of `key`. */
  readonly newKey: string | null;
}

/** Close, and the end of an object context: REG_KEY_HANDLE_CLOSE_INFORMATION, REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION. */
export interface CloseFields {
  /** The process that opened the key object; null if the registration was not there to see it. */
  readonly opener: ProcessInfo | null;
}

/** Load: REG_LOAD_KEY_INFORMATION. */
export interface LoadFields {
  /** Name of the target key as the caller gave it; `keyPath` is the whole. */
  readonly keyName: string | null;
  /** NT path of the hive file, as the caller gave it. */
  readonly sourceFile: string | null;
  /** REG_APP_HIVE and others. */
  readonly loadFlags: Flags;
  /** Access to the root of an application hive. */
  readonly desiredAccess: Flags;
  /** REG_APP_HIVE: the hive is private, below `\REGISTRY\A`. */
  readonly applicationHive: boolean;
  readonly hasTrustClass: boolean;
  readonly hasUserEvent: boolean;
  readonly hasRootHandle: boolean;
  readonly hasFileAccessToken: boolean;
  /** Of the structure: 2 for REG_LOAD_KEY_INFORMATION_V2, which knows file access tokens. */
  readonly structureVersion: number;
}

/** Unload: REG_UNLOAD_KEY_INFORMATION. */
export interface UnloadFields {
  /** The caller wants to be told when the hive is gone. */
  readonly hasUserEvent: boolean;
}

/** Query and set security: REG_QUERY_KEY_SECURITY_INFORMATION, REG_SET_KEY_SECURITY_INFORMATION. */
export interface SecurityFields {
  /** Which parts: OWNER_SECURITY_INFORMATION and others. */
  readonly securityInformation: Flags;
  /** Set: the new parts. Query: post with STATUS_SUCCESS. */
  readonly securityDescriptor: SecurityDescriptor | null;
  /** Query, in bytes. Pre: the caller's buffer; post: the descriptor. */
  readonly length: number | null;
  /** Query: size of the caller's buffer in bytes, in both phases; 0 when the pre phase was not seen. */
  readonly bufferSize: number | null;
}

/** Restore: REG_RESTORE_KEY_INFORMATION. */
export interface RestoreFields {
  /** `\Device\HarddiskVolume1\...`, from the file object. */
  readonly fileName: string | null;
  /** REG_FORCE_RESTORE and others. */
  readonly restoreFlags: Flags;
}

/** Save: REG_SAVE_KEY_INFORMATION. */
export interface SaveFields {
  /** `\Device\HarddiskVolume1\...`, from the file object. */
  readonly fileName: string | null;
  /** REG_STANDARD_FORMAT and others. */
  readonly format: Flags;
}

/** Save merged: REG_SAVE_MERGED_KEY_INFORMATION. `keyPath` is that of HighKeyObject, whose content wins. */
export interface SaveMergedFields {
  /** `\Device\HarddiskVolume1\...`, from the file object. */
  readonly fileName: string | null;
  /** `\REGISTRY\...` of LowKeyObject. */
  readonly lowKeyPath: string | null;
  /** `lowKeyPath` in the form of `key`. */
  readonly lowKey: string | null;
}

/** Replace: REG_REPLACE_KEY_INFORMATION. */
export interface ReplaceFields {
  /** NT path of the file that becomes the hive at the next start. */
  readonly newFileName: string | null;
  /** NT path that the present hive file is kept under. */
  readonly oldFileName: string | null;
}

/** Query name: REG_QUERY_KEY_NAME. */
export interface QueryNameFields {
  /** Post with STATUS_SUCCESS: the name that the caller got. */
  readonly name: string | null;
  /** Size of the caller's buffer in bytes. */
  readonly length: number;
  /** Post: bytes that the answer takes. */
  readonly returnLength: number | null;
}
