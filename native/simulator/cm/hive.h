// SPDX-License-Identifier: MIT
//
// Hives that were loaded from files, and what the system calls on hives share.

#ifndef CM_HIVE_H
#define CM_HIVE_H

#include "cmp.h"

// Changes need both locks; either will do to look at it.
typedef struct _CM_HIVE {
    LIST_ENTRY Link;
    PCM_KEY Root; // referenced
    HANDLE File;  // NULL: the store takes care of it
    ULONG Flags;  // of NtLoadKeyEx
    ULONG64 Written;
    BOOLEAN Unloading; // as soon as nobody uses it any more
    PVOID Event;       // referenced; set when it is unloaded
    UNICODE_STRING FileName;
} CM_HIVE, *PCM_HIVE;

// hive.c
extern LIST_ENTRY CmpHives;
VOID CmpLockHives(VOID);
VOID CmpUnlockHives(VOID);
// Adds what was loaded at Root to the list, with the reference of Root that the caller has. FileName is taken over.
_Requires_lock_held_(CmpRegistryLock)
VOID CmpInsertHive(PCM_HIVE Hive, PCM_KEY Root);
// Both locks are held; that of the registry is not afterwards.
NTSTATUS CmpRemoveHive(PCM_HIVE Hive);

// A copy of OBJECT_ATTRIBUTES: name in the pool, no security. Free the name with CmpReleaseString.
typedef struct _CM_NAMED {
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Name;
} CM_NAMED, *PCM_NAMED;

// hive_load.c
NTSTATUS CmpCaptureNamed(PCM_NAMED Named, POBJECT_ATTRIBUTES ObjectAttributes, KPROCESSOR_MODE Mode);

// hive_save.c
// The system's handle of the file that the caller means; a caller in kernel mode sees its own handle reported.
NTSTATUS CmpTakeFile(HANDLE File, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PHANDLE Taken);
VOID CmpReturnFile(HANDLE Taken, KPROCESSOR_MODE Mode);

// create.c
// Opens a key as NtOpenKey would, notifications included, but without a handle. The object comes referenced.
NTSTATUS CmpOpenKeyObject(POBJECT_ATTRIBUTES ObjectAttributes, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                          PCM_KEY_BODY *Body);
ACCESS_MASK CmpMapAccess(ACCESS_MASK Access);

#endif
