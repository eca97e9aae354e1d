// SPDX-License-Identifier: MIT
//
// Routines of the driver that are told when processes begin. Wine tells nobody, so a process begins here when it first
// makes a call that is relayed, and with it those that it descends from. Exits are not told.

#include "kernel.h"

#define MAX_ROUTINES 8
// Of a process and those that it descends from.
#define MAX_LINE 16

#ifndef PROCESS_QUERY_LIMITED_INFORMATION
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000
#endif

static PCREATE_PROCESS_NOTIFY_ROUTINE Routines[MAX_ROUTINES];
// Held while routines are called, so that a removal waits for them. A mutex leaves the level as it is.
static KMUTEX Mutex;

VOID CmkInitializeProcessNotify(VOID) {
    CmkKeInitializeMutex(&Mutex, 0);
}

NTSTATUS NTAPI CmkPsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE Routine, BOOLEAN Remove) {
    NTSTATUS status = STATUS_INVALID_PARAMETER;

    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    for (ULONG i = 0; i < MAX_ROUTINES && !NT_SUCCESS(status); ++i) {
        if (Routines[i] == (Remove ? Routine : NULL)) {
            Routines[i] = Remove ? NULL : Routine;
            status = STATUS_SUCCESS;
        }
    }
    CmkKeReleaseMutex(&Mutex, FALSE);
    return status;
}

static HANDLE ParentOf(HANDLE Id) {
    OBJECT_ATTRIBUTES attributes;
    PROCESS_BASIC_INFORMATION basic = {0};
    CLIENT_ID client = {.UniqueProcess = Id};
    HANDLE process;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!Id || !NT_SUCCESS(ZwOpenProcess(&process, PROCESS_QUERY_LIMITED_INFORMATION, &attributes, &client))) {
        return NULL;
    }
    ZwQueryInformationProcess(process, ProcessBasicInformation, &basic, sizeof basic, NULL);
    ZwClose(process);
    return (HANDLE)basic.InheritedFromUniqueProcessId;
}

// Oldest first.
VOID CmkNotifyProcess(HANDLE Id) {
    HANDLE line[MAX_LINE + 1] = {Id};
    ULONG length = 1;

    while (length < MAX_LINE && (line[length] = ParentOf(line[length - 1])) != NULL) {
        ++length;
    }
    line[length] = NULL;
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    for (; length > 0; --length) {
        for (ULONG i = 0; i < MAX_ROUTINES; ++i) {
            if (Routines[i]) {
                Routines[i](line[length], line[length - 1], TRUE);
            }
        }
    }
    CmkKeReleaseMutex(&Mutex, FALSE);
}
