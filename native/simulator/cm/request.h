// SPDX-License-Identifier: MIT
//
// A create or open on its way from the system call to the key.

#ifndef CM_REQUEST_H
#define CM_REQUEST_H

#include "cmp.h"

// One request, with everything captured. A symbolic link replaces its name and root, and it starts again.
typedef struct _CM_REQUEST {
    BOOLEAN Create;
    KPROCESSOR_MODE Mode;
    ULONG Attributes;
    ULONG TitleIndex;
    ULONG Options;
    ACCESS_MASK DesiredAccess; // generic rights mapped, view flags taken out
    ULONG Wow64Flags;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
    PCM_KEY_BODY Root; // referenced
    UNICODE_STRING CompleteName;
    UNICODE_STRING RemainingName; // part of CompleteName
    UNICODE_STRING Class;
    UNICODE_STRING Target; // where STATUS_REPARSE leads
    ULONG Disposition;
    PVOID Result; // key object, referenced
    REG_CREATE_KEY_INFORMATION_V1 Information;
} CM_REQUEST, *PCM_REQUEST;

// parse.c
// The key that the request means, referenced. STATUS_REPARSE: a link is in the way, and Target says where it leads.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpParseKey(PCM_REQUEST Request, PCM_KEY *Key);
// Puts Target in the place of the name.
NTSTATUS CmpFollowLink(PCM_REQUEST Request);
// From the captured name to RemainingName and, unless Root is there already, to the key where it starts.
NTSTATUS CmpResolveName(PCM_REQUEST Request);

#endif
