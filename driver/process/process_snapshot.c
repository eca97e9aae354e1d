// SPDX-License-Identifier: MIT
//
// Reading the list of processes that the system gives.

#include "process/process_snapshot.h"
#include "base/memory.h"

// SystemProcessInformation: a chain of SYSTEM_PROCESS_INFORMATION, each with its threads behind it. Not in the headers
// of drivers; these are its first members, which have not moved since Windows 2000.
#define LIST_PROCESSES 5
// More than all processes of a machine need.
#define MAX_LIST_BYTES (64U * 1024 * 1024)
#define FIRST_LIST_BYTES (256U * 1024)

typedef struct LIST_PROCESS {
    // From this entry; 0: this is the last.
    ULONG NextEntryOffset;
    ULONG NumberOfThreads;
    UCHAR Reserved[24];
    LARGE_INTEGER CreateTime;
    LARGE_INTEGER UserTime;
    LARGE_INTEGER KernelTime;
    UNICODE_STRING ImageName;
    LONG BasePriority;
    HANDLE UniqueProcessId;
    HANDLE InheritedFromUniqueProcessId;
} LIST_PROCESS;

C_ASSERT(FIELD_OFFSET(LIST_PROCESS, CreateTime) == 0x20);
C_ASSERT(FIELD_OFFSET(LIST_PROCESS, UniqueProcessId) == 0x50);
C_ASSERT(FIELD_OFFSET(LIST_PROCESS, InheritedFromUniqueProcessId) == 0x58);

// Processes are born and die between two questions, so that the size that is asked for may not do any more.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS GetProcessList(_Outptr_ UCHAR **List, _Out_ ULONG *Size) {
    ULONG size = FIRST_LIST_BYTES;
    *List = NULL;
    *Size = 0;
    while (size <= MAX_LIST_BYTES) {
        ULONG needed = 0;
        UCHAR *list = MemoryAllocate(size);
        if (!list) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        const NTSTATUS status = ZwQuerySystemInformation(LIST_PROCESSES, list, size, &needed);
        if (NT_SUCCESS(status)) {
            *List = list;
            *Size = min(needed, size);
            return STATUS_SUCCESS;
        }
        MemoryFree(list);
        if (status != STATUS_INFO_LENGTH_MISMATCH && status != STATUS_BUFFER_TOO_SMALL) {
            return status;
        }
        size = max(2 * size, min(needed, MAX_LIST_BYTES));
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}

// NULL where no whole entry lies at the offset.
static const LIST_PROCESS *GetEntryAt(_In_reads_bytes_(Size) const UCHAR *List, _In_ ULONG Size, _In_ ULONG Offset) {
    if (Offset > Size || Size - Offset < sizeof(LIST_PROCESS) || Offset % sizeof(ULONG)) {
        return NULL;
    }
    return (const LIST_PROCESS *)(List + Offset);
}

// Writes at most Room processes to Processes, and returns how many there are.
static ULONG CopyEntries(_In_reads_bytes_(Size) const UCHAR *List, _In_ ULONG Size,
                         _Out_writes_(Room) SNAPSHOT_PROCESS *Processes, _In_ ULONG Room) {
    ULONG count = 0;
    ULONG offset = 0;
    const LIST_PROCESS *entry;
    while ((entry = GetEntryAt(List, Size, offset)) != NULL) {
        if (count < Room) {
            Processes[count].Id = (UINT32)(ULONG_PTR)entry->UniqueProcessId;
            Processes[count].ParentId = (UINT32)(ULONG_PTR)entry->InheritedFromUniqueProcessId;
            Processes[count].CreateTime = entry->CreateTime.QuadPart;
        }
        ++count;
        // Each step goes forward, so that the walk ends.
        if (!entry->NextEntryOffset || entry->NextEntryOffset > Size - offset) {
            break;
        }
        offset += entry->NextEntryOffset;
    }
    return count;
}

_Use_decl_annotations_
NTSTATUS ProcessSnapshotTake(PROCESS_SNAPSHOT **Snapshot) {
    UCHAR *list;
    ULONG size;
    *Snapshot = NULL;
    const NTSTATUS status = GetProcessList(&list, &size);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    const ULONG count = CopyEntries(list, size, NULL, 0);
    PROCESS_SNAPSHOT *snapshot =
        MemoryAllocate(FIELD_OFFSET(PROCESS_SNAPSHOT, Processes) + (SIZE_T)count * sizeof(SNAPSHOT_PROCESS));
    if (snapshot) {
        snapshot->Count = count;
        CopyEntries(list, size, snapshot->Processes, count);
    }
    MemoryFree(list);
    *Snapshot = snapshot;
    return snapshot ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

_Use_decl_annotations_
ULONG ProcessSnapshotFindParent(const PROCESS_SNAPSHOT *Snapshot, ULONG Index) {
    const SNAPSHOT_PROCESS *child = &Snapshot->Processes[Index];
    for (ULONG i = 0; i < Snapshot->Count; ++i) {
        const SNAPSHOT_PROCESS *parent = &Snapshot->Processes[i];
        if (parent->Id == child->ParentId && parent->Id && i != Index) {
            return parent->CreateTime <= child->CreateTime ? i : Snapshot->Count;
        }
    }
    return Snapshot->Count;
}
