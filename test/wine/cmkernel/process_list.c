// SPDX-License-Identifier: MIT
//
// The list of processes. Wine puts each entry right behind the name of the one before; Windows aligns them.

#include "kernel.h"

// SystemProcessInformation, and the start of SYSTEM_PROCESS_INFORMATION.
#define PROCESS_LIST 5
#define LIST_STEP 0x10000

typedef struct LIST_PROCESS {
    ULONG NextEntryOffset;
    UCHAR Reserved[0x34];
    UNICODE_STRING ImageName;
} LIST_PROCESS;

// Not in the headers of drivers.
NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG Class, PVOID Information, ULONG Length, PULONG ReturnLength);

static ULONG Align(ULONG Size) {
    return (Size + 7) & ~7ul;
}

// Returns how much room it takes.
static ULONG Copy(const UCHAR *List, ULONG Size, UCHAR *Answer, ULONG Length) {
    ULONG from = 0;
    ULONG to = 0;

    for (;;) {
        LIST_PROCESS head;
        ULONG size;

        RtlCopyMemory(&head, List + from, sizeof head);
        size = head.NextEntryOffset ? head.NextEntryOffset : Size - from;
        if (Length >= size && to <= Length - size) {
            RtlCopyMemory(Answer + to, List + from, size);
            if (head.ImageName.Buffer) {
                head.ImageName.Buffer = (PWCH)(Answer + to + ((const UCHAR *)head.ImageName.Buffer - (List + from)));
            }
            head.NextEntryOffset = head.NextEntryOffset ? Align(size) : 0;
            RtlCopyMemory(Answer + to, &head, sizeof head);
        }
        if (!head.NextEntryOffset) {
            return to + size;
        }
        from += size;
        to += Align(size);
    }
}

NTSTATUS NTAPI CmkZwQuerySystemInformation(ULONG Class, PVOID Information, ULONG Length, PULONG ReturnLength) {
    ULONG size = 0;
    ULONG used = 0;
    PUCHAR list = NULL;
    NTSTATUS status;

    if (Class != PROCESS_LIST) {
        return ZwQuerySystemInformation(Class, Information, Length, ReturnLength);
    }
    do {
        if (list) {
            ExFreePoolWithTag(list, CMK_TAG);
        }
        size += LIST_STEP;
        list = ExAllocatePoolWithTag(PagedPool, size, CMK_TAG);
        if (!list) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = ZwQuerySystemInformation(Class, list, size, &used);
    } while (status == STATUS_INFO_LENGTH_MISMATCH);
    if (NT_SUCCESS(status)) {
        used = Copy(list, used, Information, Length);
        status = used > Length ? STATUS_INFO_LENGTH_MISMATCH : STATUS_SUCCESS;
    }
    if (ReturnLength) {
        *ReturnLength = used;
    }
    ExFreePoolWithTag(list, CMK_TAG);
    return status;
}
