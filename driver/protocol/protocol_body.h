// SPDX-License-Identifier: MIT
//
// The part of a notification record that depends on its class. Included by protocol.h only.

#ifndef CMBRIDGE_PROTOCOL_BODY_H
#define CMBRIDGE_PROTOCOL_BODY_H

// A value that was there before the operation. All zero if it was not asked for.
#define CMB_OLD_VALUE_READ 0x00000001

typedef struct CMB_OLD_VALUE {
    CMB_SPAN Data;
    UINT32 Type;
    // Of reading it: STATUS_OBJECT_NAME_NOT_FOUND says that there was none.
    INT32 Status;
    // CMB_OLD_VALUE_READ: the three above mean something.
    UINT32 Flags;
    UINT32 Reserved;
} CMB_OLD_VALUE;

// The bodies below belong to the pre and to the post class of the operation alike; "post" marks what is 0 or absent in
// pre.

// RegNt*CreateKeyEx, RegNt*OpenKeyEx.
typedef struct CMB_BODY_CREATE {
    // CompleteName as the caller gave it.
    CMB_SPAN RequestedName;
    CMB_SPAN ClassName;
    // What the caller wants the new key's to be, self-relative.
    CMB_SPAN SecurityDescriptor;
    UINT32 DesiredAccess;
    // Post with STATUS_SUCCESS, else 0.
    UINT32 GrantedAccess;
    UINT32 Options;
    // Post create with STATUS_SUCCESS: REG_CREATED_NEW_KEY or REG_OPENED_EXISTING_KEY, else 0.
    UINT32 Disposition;
    // The next three need the V1 structure, else 0.
    UINT32 Attributes;
    UINT32 Wow64Flags;
    UINT32 CheckAccessMode;
    UINT32 StructureVersion;
} CMB_BODY_CREATE;

// RegNt*SetValueKey.
typedef struct CMB_BODY_SET_VALUE {
    CMB_SPAN ValueName;
    CMB_SPAN Data;
    UINT32 Type;
    UINT32 TitleIndex;
    CMB_OLD_VALUE Old;
} CMB_BODY_SET_VALUE;

// RegNt*DeleteValueKey.
typedef struct CMB_BODY_DELETE_VALUE {
    CMB_SPAN ValueName;
    CMB_OLD_VALUE Old;
} CMB_BODY_DELETE_VALUE;

// RegNt*DeleteKey.
typedef struct CMB_BODY_DELETE_KEY {
    UINT32 Values;
    UINT32 SubKeys;
    // Of reading the two, as in CMB_OLD_VALUE.
    INT32 Status;
    UINT32 Flags;
} CMB_BODY_DELETE_KEY;

// RegNt*RenameKey.
typedef struct CMB_BODY_RENAME {
    CMB_SPAN NewName;
} CMB_BODY_RENAME;

// RegNt*SetInformationKey.
typedef struct CMB_BODY_SET_INFORMATION {
    CMB_SPAN Information;
    // KEY_SET_INFORMATION_CLASS
    UINT32 InformationClass;
    UINT32 Reserved;
} CMB_BODY_SET_INFORMATION;

// RegNt*EnumerateKey, RegNt*EnumerateValueKey, RegNt*QueryKey, RegNt*QueryValueKey.
typedef struct CMB_BODY_QUERY {
    // Query value only.
    CMB_SPAN ValueName;
    // Post with a success or STATUS_BUFFER_OVERFLOW: what stands in the caller's buffer. FullSize is the number of
    // bytes that the configuration manager put there.
    CMB_SPAN Information;
    // Enumerations only.
    UINT32 Index;
    // KEY_INFORMATION_CLASS or KEY_VALUE_INFORMATION_CLASS
    UINT32 InformationClass;
    // Size of the caller's buffer.
    UINT32 Length;
    // Post: what a buffer needs to hold all of it.
    UINT32 ResultLength;
} CMB_BODY_QUERY;

// What the Entries span of CMB_BODY_QUERY_MULTIPLE holds; the names count from the start of the record.
typedef struct CMB_VALUE_ENTRY {
    CMB_SPAN ValueName;
    // Post with STATUS_SUCCESS: where in the data the value is.
    UINT32 DataOffset;
    UINT32 DataLength;
    UINT32 Type;
    UINT32 Reserved;
} CMB_VALUE_ENTRY;

// RegNt*QueryMultipleValueKey.
typedef struct CMB_BODY_QUERY_MULTIPLE {
    // Size is a multiple of sizeof(CMB_VALUE_ENTRY); FullSize that of EntryCount entries.
    CMB_SPAN Entries;
    // Post with STATUS_SUCCESS: the caller's buffer.
    CMB_SPAN Data;
    UINT32 EntryCount;
    // Pre: the size of the caller's buffer. Post: the bytes used.
    UINT32 BufferLength;
    // Post: what is needed, if the caller asked for it.
    UINT32 RequiredLength;
    // In both phases the size of the caller's buffer; 0 where the pre phase was not seen.
    UINT32 BufferSize;
} CMB_BODY_QUERY_MULTIPLE;

// RegNt*KeyHandleClose, RegNtCallbackObjectContextCleanup. A key object can be closed by another process than the one
// that opened it; who opened it is 0 if the registration did not see that.
typedef struct CMB_BODY_CLOSE {
    UINT64 OpenerKey;
    UINT32 OpenerSlot;
    UINT32 OpenerProcessId;
} CMB_BODY_CLOSE;

// Bits of CMB_BODY_LOAD.Present: optional parameters that the caller gave.
#define CMB_LOAD_TRUST_CLASS 0x00000001
#define CMB_LOAD_USER_EVENT 0x00000002
#define CMB_LOAD_ROOT_HANDLE 0x00000004
#define CMB_LOAD_FILE_ACCESS_TOKEN 0x00000008

// RegNt*LoadKey.
typedef struct CMB_BODY_LOAD {
    // KeyName as the caller gave it; KeyPath is the whole.
    CMB_SPAN KeyName;
    CMB_SPAN SourceFile;
    // REG_APP_HIVE and others.
    UINT32 LoadFlags;
    UINT32 DesiredAccess;
    // CMB_LOAD_*
    UINT32 Present;
    UINT32 StructureVersion;
} CMB_BODY_LOAD;

// RegNt*UnLoadKey.
typedef struct CMB_BODY_UNLOAD {
    // 1 if the caller wants to be told when the hive is gone.
    UINT32 UserEvent;
    UINT32 Reserved;
} CMB_BODY_UNLOAD;

// RegNt*QueryKeySecurity, RegNt*SetKeySecurity.
typedef struct CMB_BODY_SECURITY {
    // Self-relative. Query: post with STATUS_SUCCESS.
    CMB_SPAN Descriptor;
    // OWNER_SECURITY_INFORMATION and others.
    UINT32 SecurityInformation;
    // Query. Pre: size of the caller's buffer; post: the size of the descriptor.
    UINT32 Length;
    // Query, in both phases: the size of the caller's buffer; 0 where the pre phase was not seen.
    UINT32 BufferSize;
    UINT32 Reserved;
} CMB_BODY_SECURITY;

// RegNt*RestoreKey, RegNt*SaveKey, RegNt*SaveMergedKey.
typedef struct CMB_BODY_FILE {
    // Name of the file object that FileHandle means, absent if it could not be had.
    CMB_SPAN FileName;
    // Flags of a restore, Format of a save.
    UINT32 FileFlags;
    UINT32 Reserved;
} CMB_BODY_FILE;

// RegNt*ReplaceKey.
typedef struct CMB_BODY_REPLACE {
    CMB_SPAN NewFileName;
    CMB_SPAN OldFileName;
} CMB_BODY_REPLACE;

// RegNt*QueryKeyName.
typedef struct CMB_BODY_QUERY_NAME {
    // Post with STATUS_SUCCESS: the name that the caller got.
    CMB_SPAN Name;
    UINT32 Length;
    UINT32 ReturnLength;
} CMB_BODY_QUERY_NAME;

#endif
