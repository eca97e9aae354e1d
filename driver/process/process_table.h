// SPDX-License-Identifier: MIT
//
// The members of process trees: a table of bounded size, by start key. A bit is a tree.

#ifndef CMBRIDGE_PROCESS_TABLE_H
#define CMBRIDGE_PROCESS_TABLE_H

#include "base/compat.h"

#define PROCESS_TABLE_BUCKETS 1024
// Those that have exited make room for others; if that is not enough, it is not known from then on to which trees a
// process belongs that is not in the table.
#define PROCESS_TABLE_ENTRIES 4096

typedef struct PROCESS_ENTRY {
    // PsGetProcessStartKey
    UINT64 Key;
    // Until Settle, of an entry whose parent was not there: the parent's.
    UINT64 ParentKey;
    UINT32 Members;
    // Next in the bucket, or of the free ones; index + 1.
    UINT32 Next;
    // Among those that have exited, oldest first; index + 1.
    UINT32 NextExited;
    BOOLEAN Exited;
} PROCESS_ENTRY;

typedef struct PROCESS_TABLE {
    KSPIN_LOCK Lock;
    // The processes of the snapshot are still being added: births by unknown parents are kept, too.
    _Guarded_by_(Lock) BOOLEAN Filling;
    _Guarded_by_(Lock) BOOLEAN Overflown;
    // Never used entries start here.
    _Guarded_by_(Lock) UINT32 Used;
    _Guarded_by_(Lock) UINT32 FirstExited;
    _Guarded_by_(Lock) UINT32 LastExited;
    _Guarded_by_(Lock) UINT32 Buckets[PROCESS_TABLE_BUCKETS];
    _Guarded_by_(Lock) PROCESS_ENTRY Entries[PROCESS_TABLE_ENTRIES];
} PROCESS_TABLE;

// Table is zeroed.
VOID ProcessTableInitialize(_Inout_ PROCESS_TABLE *Table);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableAdd(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key, _In_ UINT32 Members);

// The members of tree OldTree of Former belong to Tree.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableInherit(_Inout_ PROCESS_TABLE *Table, _In_ ULONG Tree, _Inout_ PROCESS_TABLE *Former,
                         _In_ ULONG OldTree);

// What was to be added is added: whoever was born meanwhile belongs where the parent does.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableSettle(_Inout_ PROCESS_TABLE *Table);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableNoteBirth(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 ParentKey, _In_ UINT64 Key);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableNoteExit(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key);

// FALSE if it is not known.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN ProcessTableFind(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key, _Out_ UINT32 *Members);

#endif
