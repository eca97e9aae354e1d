// SPDX-License-Identifier: MIT
//
// The members of process trees: a table of bounded size, by start key. A bit is a tree.

#ifndef CMBRIDGE_PROCESS_TABLE_H
#define CMBRIDGE_PROCESS_TABLE_H

#include "base/compat.h"

#define PROCESS_TABLE_BUCKETS 1024
// Entries of processes that have exited are used again. If that is not enough, the table is Overflown: it is then not
// known to which trees a process belongs that is not in it.
#define PROCESS_TABLE_ENTRIES 4096

typedef struct PROCESS_ENTRY {
    // PsGetProcessStartKey
    UINT64 Key;
    // The parent's key, where the parent was not in the table; used until ProcessTableSettle.
    UINT64 ParentKey;
    UINT32 Members;
    // The next entry of the bucket; index + 1, 0 at the end.
    UINT32 Next;
    // The process that exited next after this one; index + 1, 0 at the end.
    UINT32 NextExited;
    BOOLEAN Exited;
} PROCESS_ENTRY;

typedef struct PROCESS_TABLE {
    KSPIN_LOCK Lock;
    // TRUE until ProcessTableSettle: children of parents that are not in the table are kept, too.
    _Guarded_by_(Lock) BOOLEAN Filling;
    _Guarded_by_(Lock) BOOLEAN Overflown;
    // Entries from here on were never used.
    _Guarded_by_(Lock) UINT32 Used;
    _Guarded_by_(Lock) UINT32 FirstExited;
    _Guarded_by_(Lock) UINT32 LastExited;
    _Guarded_by_(Lock) UINT32 Buckets[PROCESS_TABLE_BUCKETS];
    _Guarded_by_(Lock) PROCESS_ENTRY Entries[PROCESS_TABLE_ENTRIES];
} PROCESS_TABLE;

// Table was allocated, and is zeroed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableInitialize(_Inout_ PROCESS_TABLE *Table);

// Returns whether the process was not a member of one of them before.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN ProcessTableAdd(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key, _In_ UINT32 Members);

// Adds the members of the tree OldTree of Former, as far as they still run, to Tree.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableInherit(_Inout_ PROCESS_TABLE *Table, _In_ ULONG Tree, _Inout_ PROCESS_TABLE *Former,
                         _In_ ULONG OldTree);

// Ends the time of Filling: gives processes that were born meanwhile to the trees of their parents.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableSettle(_Inout_ PROCESS_TABLE *Table);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableNoteBirth(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 ParentKey, _In_ UINT64 Key);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTableNoteExit(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key);

// The trees of the process. FALSE if they are not known, because the table has overflown.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN ProcessTableFind(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key, _Out_ UINT32 *Members);

#endif
