// SPDX-License-Identifier: MIT
//
// The table of process trees: buckets of entries, of which those of exited processes are used again.

#include "process/process_table.h"

_Use_decl_annotations_
VOID ProcessTableInitialize(PROCESS_TABLE *Table) {
    KeInitializeSpinLock(&Table->Lock);
    Table->Filling = TRUE;
}

_Requires_lock_held_(Table->Lock)
static UINT32 *BucketOf(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key) {
    return &Table->Buckets[Key % PROCESS_TABLE_BUCKETS];
}

_Requires_lock_held_(Table->Lock)
static PROCESS_ENTRY *FindEntry(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key) {
    for (UINT32 next = *BucketOf(Table, Key); next;) {
        PROCESS_ENTRY *entry = &Table->Entries[next - 1];
        if (entry->Key == Key) {
            return entry;
        }
        next = entry->Next;
    }
    return NULL;
}

_Requires_lock_held_(Table->Lock)
static VOID UnlinkEntry(_Inout_ PROCESS_TABLE *Table, _In_ UINT32 Index) {
    UINT32 *link = BucketOf(Table, Table->Entries[Index].Key);
    while (*link != Index + 1) {
        link = &Table->Entries[*link - 1].Next;
    }
    *link = Table->Entries[Index].Next;
}

// Takes an entry that was never used or, if there is none, that of the process that exited first. NULL if none exited.
_Requires_lock_held_(Table->Lock)
static PROCESS_ENTRY *TakeEntry(_Inout_ PROCESS_TABLE *Table) {
    if (Table->Used < PROCESS_TABLE_ENTRIES) {
        return &Table->Entries[Table->Used++];
    }
    if (!Table->FirstExited) {
        return NULL;
    }
    PROCESS_ENTRY *entry = &Table->Entries[Table->FirstExited - 1];
    UnlinkEntry(Table, Table->FirstExited - 1);
    Table->FirstExited = entry->NextExited;
    if (!Table->FirstExited) {
        Table->LastExited = 0;
    }
    return entry;
}

// Returns whether that adds to what the process is a member of.
_Requires_lock_held_(Table->Lock)
static BOOLEAN AddEntry(_Inout_ PROCESS_TABLE *Table, _In_ UINT64 Key, _In_ UINT32 Members, _In_ UINT64 ParentKey) {
    PROCESS_ENTRY *entry = FindEntry(Table, Key);
    if (entry) {
        const BOOLEAN more = (Members & ~entry->Members) != 0;
        entry->Members |= Members;
        return more;
    }
    entry = TakeEntry(Table);
    if (!entry) {
        Table->Overflown = TRUE;
        return FALSE;
    }
    UINT32 *bucket = BucketOf(Table, Key);
    RtlZeroMemory(entry, sizeof(*entry));
    entry->Key = Key;
    entry->ParentKey = ParentKey;
    entry->Members = Members;
    entry->Next = *bucket;
    *bucket = (UINT32)(entry - Table->Entries) + 1;
    return TRUE;
}

_Use_decl_annotations_
BOOLEAN ProcessTableAdd(PROCESS_TABLE *Table, UINT64 Key, UINT32 Members) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    const BOOLEAN more = AddEntry(Table, Key, Members, 0);
    KeReleaseSpinLock(&Table->Lock, irql);
    return more;
}

// One entry of Former at a time: no thread holds the locks of two tables.
_Use_decl_annotations_
VOID ProcessTableInherit(PROCESS_TABLE *Table, ULONG Tree, PROCESS_TABLE *Former, ULONG OldTree) {
    BOOLEAN overflown = FALSE;
    KIRQL irql;
    for (ULONG i = 0; i < PROCESS_TABLE_ENTRIES; ++i) {
        KeAcquireSpinLock(&Former->Lock, &irql);
        const PROCESS_ENTRY entry = Former->Entries[i];
        const BOOLEAN used = i < Former->Used;
        overflown = Former->Overflown;
        KeReleaseSpinLock(&Former->Lock, irql);
        if (!used) {
            break;
        }
        if (entry.Members >> OldTree & 1 && !entry.Exited) {
            ProcessTableAdd(Table, entry.Key, 1U << Tree);
        }
    }
    if (overflown) {
        KeAcquireSpinLock(&Table->Lock, &irql);
        Table->Overflown = TRUE;
        KeReleaseSpinLock(&Table->Lock, irql);
    }
}

// Entries stand in the order of births as long as none was used again, and are searched again and again if one was.
_Use_decl_annotations_
VOID ProcessTableSettle(PROCESS_TABLE *Table) {
    BOOLEAN changed = TRUE;
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    while (changed) {
        changed = FALSE;
        for (UINT32 i = 0; i < Table->Used; ++i) {
            PROCESS_ENTRY *entry = &Table->Entries[i];
            const PROCESS_ENTRY *parent = entry->ParentKey ? FindEntry(Table, entry->ParentKey) : NULL;
            if (parent && parent->Members & ~entry->Members) {
                entry->Members |= parent->Members;
                changed = TRUE;
            }
        }
    }
    Table->Filling = FALSE;
    KeReleaseSpinLock(&Table->Lock, irql);
}

_Use_decl_annotations_
VOID ProcessTableNoteBirth(PROCESS_TABLE *Table, UINT64 ParentKey, UINT64 Key) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    const PROCESS_ENTRY *parent = ParentKey ? FindEntry(Table, ParentKey) : NULL;
    const UINT32 members = parent ? parent->Members : 0;
    // While the table is being filled the parent may get more trees.
    if (members || (ParentKey && Table->Filling)) {
        (VOID) AddEntry(Table, Key, members, ParentKey);
    }
    KeReleaseSpinLock(&Table->Lock, irql);
}

// A process that exits still closes its handles, so it is forgotten only when its room is needed.
_Use_decl_annotations_
VOID ProcessTableNoteExit(PROCESS_TABLE *Table, UINT64 Key) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    PROCESS_ENTRY *entry = FindEntry(Table, Key);
    if (entry && !entry->Exited) {
        const UINT32 number = (UINT32)(entry - Table->Entries) + 1;
        entry->Exited = TRUE;
        if (Table->LastExited) {
            Table->Entries[Table->LastExited - 1].NextExited = number;
        } else {
            Table->FirstExited = number;
        }
        Table->LastExited = number;
    }
    KeReleaseSpinLock(&Table->Lock, irql);
}

_Use_decl_annotations_
BOOLEAN ProcessTableFind(PROCESS_TABLE *Table, UINT64 Key, UINT32 *Members) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    const PROCESS_ENTRY *entry = FindEntry(Table, Key);
    const BOOLEAN known = entry || !Table->Overflown;
    *Members = entry ? entry->Members : 0;
    KeReleaseSpinLock(&Table->Lock, irql);
    return known;
}
