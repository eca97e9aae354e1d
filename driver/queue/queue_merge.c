// SPDX-License-Identifier: MIT
//
// Tells which reads are alike.

#include "queue/queue_merge.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/words.h"

C_ASSERT(sizeof(CMB_RECORD) % sizeof(UINT64) == 0);

_Use_decl_annotations_
QUEUE_MERGE *MergeCreate(VOID) {
    QUEUE_MERGE *merge = MemoryAllocate(sizeof(*merge));
    if (merge) {
        merge->Seed = ClockNow();
    }
    return merge;
}

// The header without what differs between two reads that are alike. Returns where the content of the record ends:
// a key path that is kept is known by its slot and serial, and stands at the end if it stands there at all.
static ULONG GetEssence(_In_ const CMB_RECORD *Record, _Out_ CMB_RECORD *Header) {
    ULONG end = Record->Size;
    *Header = *Record;
    Header->Sequence = 0;
    Header->Time = 0;
    Header->PreSequence = 0;
    Header->Duration = 0;
    Header->Repeats = 0;
    Header->LastSequence = 0;
    if (Record->PathSerial && Record->KeyPath.Size) {
        end = Record->KeyPath.Offset;
        Header->KeyPath.Offset = 0;
        Header->KeyPath.Size = 0;
        Header->KeyPath.Flags |= CMB_SPAN_KEPT;
    }
    Header->Size = end;
    return end;
}

static const CMB_ANY_WORD *ContentOf(_In_ const CMB_RECORD *Record) {
    return (const CMB_ANY_WORD *)(Record + 1);
}

static ULONG WordsIn(_In_ ULONG Size) {
    return Size / sizeof(UINT64);
}

_Use_decl_annotations_
UINT64 MergeHash(const QUEUE_MERGE *Merge, const CMB_RECORD *Record) {
    CMB_RECORD header;
    const ULONG end = GetEssence(Record, &header);
    const UINT64 hash = WordsHash((const CMB_ANY_WORD *)&header, WordsIn(sizeof(header)), Merge->Seed);
    return WordsHash(ContentOf(Record), WordsIn(end - sizeof(header)), hash);
}

_Use_decl_annotations_
BOOLEAN MergeIsAlike(const CMB_RECORD *First, const CMB_RECORD *Second) {
    CMB_RECORD first;
    CMB_RECORD second;
    const ULONG end = GetEssence(First, &first);
    return GetEssence(Second, &second) == end &&
           WordsEqual((const CMB_ANY_WORD *)&first, (const CMB_ANY_WORD *)&second, WordsIn(sizeof(first))) &&
           WordsEqual(ContentOf(First), ContentOf(Second), WordsIn(end - sizeof(first)));
}

_Use_decl_annotations_
QUEUE_MERGE_ENTRY *MergeFind(QUEUE_MERGE *Merge, UINT64 Hash) {
    return &Merge->Entries[Hash % MERGE_ENTRIES];
}
