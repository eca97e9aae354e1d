// SPDX-License-Identifier: MIT
//
// Records on their way out of the queue.

#include "base/memory.h"
#include "queue/queue_source.h"

// So many bytes are copied between two times that the lock is taken, so that producers find room meanwhile, and that
// few slots are freed at a time.
#define BYTES_PER_ROUND 32768

// The smallest output takes the largest record.
C_ASSERT(CMB_MIN_RECEIVE_BYTES >= sizeof(CMB_BATCH) + CMB_MAX_RECORD_BYTES);

static const CMB_RECORD *RecordOf(_In_ const RING_SLOT *Slot) {
    return Slot->Block ? Slot->Block : (const CMB_RECORD *)(Slot + 1);
}

_Use_decl_annotations_
BOOLEAN QueueHasBatch(const QUEUE *Queue) {
    return Queue->Ring.Used != 0 || Queue->GapsDue != 0;
}

_Use_decl_annotations_
BOOLEAN QueueStartsWithin(const QUEUE *Queue, ULONG Size) {
    const RING_SLOT *oldest = RingOldest(&Queue->Ring);
    return !oldest || sizeof(CMB_BATCH) + RecordOf(oldest)->Size <= Size;
}

// What one round has copied.
typedef struct ROUND {
    ULONG Slots;
    // Of the records that had blocks of their own, which are free.
    ULONG BlockBytes;
} ROUND;

// Copies slots from Head on, without the lock, as far as they start in the first Limit bytes and fit into the output.
// Nobody but the caller retires slots, so those that are there stay.
_IRQL_requires_max_(DISPATCH_LEVEL)
static ROUND CopySlots(_In_ const RING *Ring, _In_ ULONG Head, _In_ ULONG Limit, _Inout_ CMB_BATCH *Batch,
                       _Out_writes_bytes_(Size) UCHAR *Output, _In_ ULONG Size) {
    ROUND round = {0};
    for (ULONG position = Head, offset = 0; offset < Limit; ++round.Slots) {
        RING_SLOT *slot = RingSlotAt(Ring, position);
        if (slot->Owner != RING_PADDING) {
            const CMB_RECORD *record = RecordOf(slot);
            if (record->Size > Size - Batch->Size) {
                break;
            }
            RtlCopyMemory(Output + Batch->Size, record, record->Size);
            Batch->Size += record->Size;
            ++Batch->RecordCount;
            if (slot->Block) {
                round.BlockBytes += record->Size;
                MemoryFree(slot->Block);
                slot->Block = NULL;
            }
        }
        offset += slot->Size;
        position = RingNext(Ring, position, slot->Size);
    }
    return round;
}

_Requires_lock_held_(Queue->Lock)
static VOID Retire(_Inout_ QUEUE *Queue, _In_ const ROUND *Round) {
    for (ULONG retired = 0; retired < Round->Slots; ++retired) {
        const RING_SLOT *slot = RingSlotAt(&Queue->Ring, Queue->Ring.Head);
        QUEUE_SOURCE *source = SourceOf(Queue, slot->Owner);
        if (source) {
            ++Queue->Counters.Delivered;
            source->Counters.Delivered += source->Owner == slot->Owner;
            --Queue->Records;
        }
        RingRetire(&Queue->Ring);
    }
    Queue->BlockBytes -= Round->BlockBytes;
}

_Use_decl_annotations_
ULONG QueueTakeBatch(QUEUE *Queue, VOID *Output, ULONG Size) {
    // The output may be seen, and written to, by its owner at any time: the header lives here until it is complete.
    CMB_BATCH batch = {.Size = sizeof(batch), .Version = CMB_STRUCTURE_VERSION, .HeaderSize = sizeof(batch)};
    BOOLEAN told = FALSE;
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    for (;;) {
        const RING ring = Queue->Ring;
        KeReleaseSpinLock(&Queue->Lock, irql);
        const ROUND round = CopySlots(&ring, ring.Head, min(ring.Used, BYTES_PER_ROUND), &batch, Output, Size);
        KeAcquireSpinLock(&Queue->Lock, &irql);
        Retire(Queue, &round);
        if (round.Slots) {
            continue;
        }
        // The ring is empty, or the output full: the gaps go to the end, once.
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
