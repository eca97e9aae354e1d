// SPDX-License-Identifier: MIT
//
// The records of one registration that wait and that a further read may be like.

#ifndef CMBRIDGE_QUEUE_MERGE_H
#define CMBRIDGE_QUEUE_MERGE_H

#include "base/compat.h"
#include "protocol/protocol.h"

// So many of the latest records are remembered, as far as they do not share a place.
#define MERGE_ENTRIES 512
// Records are compared with the queue's lock held, so larger ones are not.
#define MERGE_MAX_RECORD_BYTES 16384

typedef struct QUEUE_MERGE_ENTRY {
    UINT64 Hash;
    // The name of the slot, see RingAppend.
    UINT64 Start;
    // NULL if the entry was never used; valid only while the slot is in the ring.
    CMB_RECORD *Record;
} QUEUE_MERGE_ENTRY;

typedef struct QUEUE_MERGE {
    UINT64 Seed;
    QUEUE_MERGE_ENTRY Entries[MERGE_ENTRIES];
} QUEUE_MERGE;

// NULL if there is no memory. MemoryFree frees it.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
QUEUE_MERGE *MergeCreate(VOID);

// Hashes everything in the record but what tells apart two reads that are alike: number, time, duration, number of the
// pre record, and how the key path is written.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 MergeHash(_In_ const QUEUE_MERGE *Merge, _In_ const CMB_RECORD *Record);

// Returns whether the records are the same in all that MergeHash looks at.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN MergeIsAlike(_In_ const CMB_RECORD *First, _In_ const CMB_RECORD *Second);

_IRQL_requires_max_(DISPATCH_LEVEL)
QUEUE_MERGE_ENTRY *MergeFind(_In_ QUEUE_MERGE *Merge, _In_ UINT64 Hash);

#endif
