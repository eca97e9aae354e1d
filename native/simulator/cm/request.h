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
    BOOLEAN View64;                          // asked for, here or where the root was opened
    PSECURITY_DESCRIPTOR SecurityDescriptor; // of a kernel-mode caller: its own
    SECURITY_QUALITY_OF_SERVICE CapturedQuality;
    PVOID SecurityQualityOfService;
    PCM_KEY_BODY Root; // referenced
    // Of this call, or, if it has none, what the root directory is bound to; referenced. Only the former is reported.
    PCM_TRANSACTION Transaction;
    BOOLEAN Transacted;
    UNICODE_STRING CompleteName;
    UNICODE_STRING RemainingName; // part of CompleteName
    CM_INPUT Class;
    UNICODE_STRING Target; // where STATUS_REPARSE leads
    ULONG Disposition;
    ACCESS_MASK GrantedAccess;
    PVOID Result; // key object, referenced
    REG_CREATE_KEY_INFORMATION_V1 Information;
} CM_REQUEST, *PCM_REQUEST;

// What access is checked as: UserMode also for kernel-mode callers that force it.
FORCEINLINE KPROCESSOR_MODE CmpCheckMode(const CM_REQUEST *Request) {
    return (Request->Attributes & OBJ_FORCE_ACCESS_CHECK) != 0 ? UserMode : Request->Mode;
}

// parse.c
// The key that the request means, referenced, and in GrantedAccess what the caller gets. STATUS_REPARSE: a link is in
// the way, and Target says where it leads.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpParseKey(PCM_REQUEST Request, PCM_KEY *Key);
// Puts Target in the place of the name.
NTSTATUS CmpFollowLink(PCM_REQUEST Request);
// From the captured name to RemainingName and, unless Root is there already, to the key where it starts.
NTSTATUS CmpResolveName(PCM_REQUEST Request);

// Head, and Tail as further components.
NTSTATUS CmpJoinName(PUNICODE_STRING To, const VOID *Head, ULONG HeadLength, PCUNICODE_STRING Tail);

// wow64.c
// Changes the resolved name to what it means in the view that the caller has.
NTSTATUS CmpApplyView(PCM_REQUEST Request);

#endif
