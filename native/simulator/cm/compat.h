// SPDX-License-Identifier: MIT
//
// Brings in the NT headers and what mingw-w64's copy of them lacks. CM_MINGW_DDK is set by the build that uses that
// copy.

#ifndef CM_COMPAT_H
#define CM_COMPAT_H

#include <ntifs.h>

#ifndef STATUS_CANNOT_DELETE
#define STATUS_CANNOT_DELETE ((NTSTATUS)0xC0000121)
#endif

#ifndef STATUS_REPARSE_POINT_ENCOUNTERED
#define STATUS_REPARSE_POINT_ENCOUNTERED ((NTSTATUS)0xC000050B)
#endif

#ifdef CM_MINGW_DDK

#ifndef OBJ_DONT_REPARSE
#define OBJ_DONT_REPARSE 0x00001000L
#endif

// The headers declare as imported what is defined here; the later definition wins.
#pragma clang diagnostic ignored "-Winconsistent-dllimport"

#ifndef REG_OPTION_DONT_VIRTUALIZE
#define REG_OPTION_DONT_VIRTUALIZE 0x00000010L
#endif

#ifndef REG_OPEN_READ_ONLY
#define REG_OPEN_READ_ONLY 0x00002000L
#endif
#ifndef REG_LOAD_HIVE_OPEN_HANDLE
#define REG_LOAD_HIVE_OPEN_HANDLE 0x00000800L
#define REG_FLUSH_HIVE_FILE_GROWTH 0x00001000L
#define REG_NO_IMPERSONATION_FALLBACK 0x00008000L
#endif

#ifndef _In_
#define _In_
#define _Out_
#define _Inout_
#define _In_opt_
#define _Out_opt_
#define _Inout_opt_
#define _Outptr_
#define _Outptr_opt_
#define _In_reads_bytes_(size)
#define _Out_writes_bytes_(size)
#endif
#ifndef _IRQL_requires_max_
#define _IRQL_requires_max_(irql)
#define _IRQL_requires_same_
#define _Must_inspect_result_
#define _Requires_lock_held_(lock)
#define _Requires_lock_not_held_(lock)
#endif

#define RegNtPreSaveMergedKey ((REG_NOTIFY_CLASS)49)
#define RegNtPostSaveMergedKey ((REG_NOTIFY_CLASS)50)

typedef struct _REG_QUERY_KEY_NAME {
    PVOID Object;
    POBJECT_NAME_INFORMATION ObjectNameInfo;
    ULONG Length;
    PULONG ReturnLength;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
} REG_QUERY_KEY_NAME, *PREG_QUERY_KEY_NAME;

typedef struct _REG_LOAD_KEY_INFORMATION_V2 {
    PVOID Object;
    PUNICODE_STRING KeyName;
    PUNICODE_STRING SourceFile;
    ULONG Flags;
    PVOID TrustClassObject;
    PVOID UserEvent;
    ACCESS_MASK DesiredAccess;
    PHANDLE RootHandle;
    PVOID CallContext;
    PVOID ObjectContext;
    ULONG_PTR Version;
    PVOID FileAccessToken;
} REG_LOAD_KEY_INFORMATION_V2, *PREG_LOAD_KEY_INFORMATION_V2;

typedef struct _REG_SAVE_MERGED_KEY_INFORMATION {
    PVOID Object;
    HANDLE FileHandle;
    PVOID HighKeyObject;
    PVOID LowKeyObject;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
} REG_SAVE_MERGED_KEY_INFORMATION, *PREG_SAVE_MERGED_KEY_INFORMATION;

typedef struct _KEY_NAME_INFORMATION {
    ULONG NameLength;
    WCHAR Name[1];
} KEY_NAME_INFORMATION, *PKEY_NAME_INFORMATION;

NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                          PCUNICODE_STRING *ObjectName, ULONG Flags);
VOID NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName);

#endif

#endif
