// SPDX-License-Identifier: MIT
//
// The processes that run now, and who started them, as the system lists them.

#ifndef CMBRIDGE_PROCESS_SNAPSHOT_H
#define CMBRIDGE_PROCESS_SNAPSHOT_H

#include "base/compat.h"

typedef struct SNAPSHOT_PROCESS {
    UINT32 Id;
    UINT32 ParentId;
    // 100 ns units since 1601-01-01 UTC.
    INT64 CreateTime;
} SNAPSHOT_PROCESS;

typedef struct PROCESS_SNAPSHOT {
    ULONG Count;
    SNAPSHOT_PROCESS Processes[ANYSIZE_ARRAY];
} PROCESS_SNAPSHOT;

// The caller frees the snapshot with MemoryFree.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS ProcessSnapshotTake(_Outptr_ PROCESS_SNAPSHOT **Snapshot);

// The index of the parent of a process of the snapshot. A process that is younger than the child has got the parent's
// id later, so it is not the parent. Snapshot->Count if the parent does not run any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG ProcessSnapshotFindParent(_In_ const PROCESS_SNAPSHOT *Snapshot, _In_ ULONG Index);

#endif
