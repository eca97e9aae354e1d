// SPDX-License-Identifier: MIT
//
// Records on their way out of the queue.

#include "queue/queue_source.h"

// So many bytes are copied between two times that the lock is taken. No read is counted in their slots meanwhile.
#define BYTES_PER_ROUND 32768

// The smallest output takes the largest record.
C_ASSERT(CMB_MIN_RECEIVE_BYTES >= sizeof(CMB_BATCH) + CMB_MAX_RECORD_BYTES);

_Use_decl_annotations_
BOOLEAN QueueHasBatch(const QUEUE *Queue) {
    const RING_SLOT *oldest = RingOldest(&Queue->Ring);
    return oldest ? ReadAcquire(&oldest->State) == RingCommitted : Queue->GapsDue != 0;
}

// Frees Count slots from the head on.
_Requires_lock_held_(Queue->Lock)
static VOID Retire(_Inout_ QUEUE *Queue, _In_ ULONG Count) {
    for (ULONG retired = 0; retired < Count; ++retired) {
        const RING_SLOT *slot = RingSlotAt(&Queue->Ring, Queue->Ring.Head);
        QUEUE_SOURCE *source = SourceOf(Queue, slot->Owner);
        if (source && ReadAcquire(&slot->State) == RingCommitted) {
            ++Queue->Counters.Delivered;
            source->Counters.Delivered += source->Owner == slot->Owner;
            --Queue->Records;
        }
        RingRetire(&Queue->Ring);
    }
}

// Copies claimed slots that are committed, from Head on, without the lock. Returns how many slots that were.
_IRQL_requires_max_(APC_LEVEL)
static ULONG CopySlots(_In_ const RING *Ring, _In_ ULONG Head, _In_ ULONG Claimed, _Inout_ CMB_BATCH *Batch,
                       _Out_writes_bytes_(Size) UCHAR *Output, _In_ ULONG Size) {
    ULONG slots = 0;
    for (ULONG position = Head, offset = 0; offset < Claimed; ++slots) {
        const RING_SLOT *slot = RingSlotAt(Ring, position);
        const LONG state = ReadAcquire(&slot->State);
        if (state == RingDraft) {
            break;
        }
        if (state == RingCommitted) {
            const CMB_RECORD *record = (const CMB_RECORD *)(slot + 1);
            if (record->Size > Size - Batch->Size) {
                break;
            }
            RtlCopyMemory(Output + Batch->Size, record, record->Size);
            Batch->Size += record->Size;
            ++Batch->RecordCount;
        }
        offset += slot->Size;
        position = RingNext(Ring, position, slot->Size);
    }
    return slots;
}

_Use_decl_annotations_
ULONG QueueTakeBatch(QUEUE *Queue, VOID *Output, ULONG Size) {
    // The output may be seen, and written to, by its owner at any time: the header lives here until it is complete.
    CMB_BATCH batch = {.Size = sizeof(batch), .Version = CMB_STRUCTURE_VERSION, .HeaderSize = sizeof(batch)};
    BOOLEAN told = FALSE;
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    for (;;) {
        const ULONG head = Queue->Ring.Head;
        const ULONG claimed = RingClaim(&Queue->Ring, BYTES_PER_ROUND);
        KeReleaseSpinLock(&Queue->Lock, irql);
        const ULONG slots = CopySlots(&Queue->Ring, head, claimed, &batch, Output, Size);
        KeAcquireSpinLock(&Queue->Lock, &irql);
        Retire(Queue, slots);
        RingUnclaim(&Queue->Ring);
        if (slots) {
            continue;
        }
        // The ring is empty, or the output full, or a record is not complete: the gaps go to the end, once.
        if (told || IsListEmpty(&Queue->Gaps)) {
            break;
        }
        SourceTellGaps(Queue);
        told = TRUE;
    }
    batch.Lost = QueueCountLost(&Queue->Counters);
    KeReleaseSpinLock(&Queue->Lock, irql);
    RtlCopyMemory(Output, &batch, sizeof(batch));
    return batch.Size;
}
