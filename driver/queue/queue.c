// SPDX-License-Identifier: MIT
//
// Records on their way into the queue.

#include "queue/queue.h"
#include "base/memory.h"
#include "queue/queue_source.h"

// A producer builds its record where nobody waits for it. Giving it a number, a place and the path and the process that
// it refers to, and copying it, is one step under the queue's lock, so there is never a place that is not filled in. A
// large record is not copied: the block that it was built in stays, and a slot stands for it.

// The largest description of a process; process_facts.c does not make larger ones.
#define PROCESS_RECORD_SIZE                                                                                            \
    (sizeof(CMB_RECORD) + sizeof(CMB_BODY_PROCESS) + CMB_MAX_IMAGE_PATH_BYTES + CMB_MAX_COMMAND_LINE_BYTES +           \
     CMB_MAX_SID_BYTES + 24)
#define LARGEST_BYTES (RING_SLOT_SIZE(PROCESS_RECORD_SIZE) + RING_SLOT_SIZE(CMB_MAX_RECORD_BYTES) + RING_ALIGNMENT)
// An empty queue takes a gap of every source, the largest description and the largest record.
C_ASSERT(CMB_MIN_QUEUE_BYTES >= (SIZE_T)QUEUE_SOURCES * GAP_SLOT_SIZE + LARGEST_BYTES);

// What is set apart for records of decisions: an eighth of what all may take, and at least what the largest question
// takes, with who asks, or so many small ones.
#define SPARE_BYTES(Bytes) max((Bytes) / 8, (ULONG)LARGEST_BYTES)
#define SPARE_RECORDS(Records) max((Records) / 8, 64)

_Use_decl_annotations_
VOID QueueInitialize(QUEUE *Queue, QUEUE_WAKE *Wake, VOID *WakeContext) {
    RtlZeroMemory(Queue, sizeof(*Queue));
    KeInitializeSpinLock(&Queue->Lock);
    Queue->Wake = Wake;
    Queue->WakeContext = WakeContext;
    InitializeListHead(&Queue->Gaps);
}

_Use_decl_annotations_
VOID QueueUninitialize(QUEUE *Queue) {
    KIRQL irql;
    PathsUninitialize(&Queue->Paths);
    // The lock is for CMB_IOCTL_STATISTICS, which may still read these.
    KeAcquireSpinLock(&Queue->Lock, &irql);
    RING ring = Queue->Ring;
    RtlZeroMemory(&Queue->Ring, sizeof(Queue->Ring));
    Queue->BlockBytes = 0;
    Queue->Records = 0;
    Queue->RecordLimit = 0;
    Queue->ByteLimit = 0;
    KeReleaseSpinLock(&Queue->Lock, irql);
    for (; ring.Used; RingRetire(&ring)) {
        MemoryFree(RingSlotAt(&ring, ring.Head)->Block);
    }
    MemoryFree(ring.Bytes);
}

_Use_decl_annotations_
NTSTATUS QueueAllocate(QUEUE *Queue, ULONG Bytes, ULONG Records) {
    const ULONG limit = (ULONG)ALIGN_DOWN_BY(Bytes, RING_ALIGNMENT);
    const ULONG spare = (ULONG)ALIGN_DOWN_BY(SPARE_BYTES(limit), RING_ALIGNMENT);
    KIRQL irql;
    const NTSTATUS status = PathsInitialize(&Queue->Paths);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    UCHAR *ring = MemoryAllocate(limit + spare);
    if (!ring) {
        PathsUninitialize(&Queue->Paths);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // The lock is for CMB_IOCTL_STATISTICS, which may read these at any time.
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Ring.Bytes = ring;
    Queue->Ring.Capacity = limit + spare;
    Queue->ByteLimit = limit;
    Queue->SpareBytes = spare;
    Queue->RecordLimit = Records;
    Queue->SpareRecords = SPARE_RECORDS(Records);
    KeReleaseSpinLock(&Queue->Lock, irql);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID QueueStop(QUEUE *Queue) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    WriteRelease(&Queue->Stopped, TRUE);
    KeReleaseSpinLock(&Queue->Lock, irql);
}

_Use_decl_annotations_
BOOLEAN QueueKnowsProcess(const QUEUE *Queue, ULONG Slot, UINT64 Key) {
    return (UINT64)ReadAcquire64(&Queue->Processes[Slot]) == Key;
}

_Use_decl_annotations_
BOOLEAN QueueFits(const QUEUE *Queue, const ULONG *Sizes, ULONG Count, BOOLEAN Decided) {
    const ULONG limit = Queue->ByteLimit + (Decided ? Queue->SpareBytes : 0);
    ULONG slots[QUEUE_MAX_FITS];
    ULONG blocks = 0;
    for (ULONG i = 0; i < Count; ++i) {
        const BOOLEAN large = Sizes[i] > QUEUE_COPY_BYTES;
        slots[i] = Sizes[i] ? RING_SLOT_SIZE(large ? 0 : Sizes[i]) : 0;
        blocks += large ? Sizes[i] : 0;
    }
    const ULONG cost = RingCost(&Queue->Ring, slots, Count);
    return cost != MAXULONG && QueueBytes(Queue) + cost + blocks <= limit;
}

// Puts a record, for which there is room, at the end. A large one is taken over.
_Requires_lock_held_(Queue->Lock)
static VOID Append(_Inout_ QUEUE *Queue, _Inout_ CMB_RECORD **Record, _In_ UINT32 Owner) {
    CMB_RECORD *record = *Record;
    if (record->Size > QUEUE_COPY_BYTES) {
        RingAppend(&Queue->Ring, RING_SLOT_SIZE(0), Owner)->Block = record;
        Queue->BlockBytes += record->Size;
        *Record = NULL;
    } else {
        RtlCopyMemory(RingAppend(&Queue->Ring, RING_SLOT_SIZE(record->Size), Owner) + 1, record, record->Size);
    }
    Queue->BytesPeak = max(Queue->BytesPeak, QueueBytes(Queue));
}

// Makes the record refer to its path in that slot. Known: the stream has named it, so it is left out.
_Requires_lock_held_(Queue->Lock)
static VOID SettlePath(_Inout_ QUEUE *Queue, _In_ ULONG PathSlot, _In_ BOOLEAN Known, _Inout_ QUEUE_DRAFT *Draft) {
    CMB_RECORD *record = Draft->Record;
    if (Known) {
        record->Size -= Draft->PathSize;
        record->KeyPath.Offset = 0;
        record->KeyPath.Size = 0;
        record->KeyPath.Flags |= CMB_SPAN_KEPT;
    } else {
        Draft->FormerPath = PathsPut(&Queue->Paths, PathSlot, Draft->KeyPath);
    }
    record->PathSlot = PathSlot;
    record->PathSerial = Queue->Paths.Slots[PathSlot].Serial;
}

_Requires_lock_held_(Queue->Lock)
static VOID Count(_Inout_ QUEUE_COUNTERS *Counters, _In_ const QUEUE_DRAFT *Draft) {
    ++Counters->Callbacks;
    ++Counters->Recorded;
    Counters->PathFailures += (Draft->Record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0;
    Counters->CaptureFaults += Draft->CaptureFaults;
}

// PathSlot is MAXULONG if the path is not to be kept.
_Requires_lock_held_(Queue->Lock)
_Must_inspect_result_
static QUEUE_RESULT Send(_Inout_ QUEUE *Queue, _In_ ULONG PathSlot, _Inout_ QUEUE_DRAFT *Draft,
                         _Inout_ UINT64 *Sequence) {
    QUEUE_SOURCE *source = &Queue->Sources[Draft->Source];
    CMB_RECORD *record = Draft->Record;
    if (Queue->Stopped) {
        return QueueLost;
    }
    const BOOLEAN known = PathSlot != MAXULONG && PathsHas(&Queue->Paths, PathSlot, Draft->KeyPath);
    const BOOLEAN describe = Draft->NeedsProcess && !QueueKnowsProcess(Queue, record->ProcessSlot, record->ProcessKey);
    const ULONG sizes[] = {source->Gap.Body.Count ? GAP_RECORD_SIZE : 0,
                           describe && Draft->Process ? Draft->Process->Size : 0,
                           record->Size - (known ? Draft->PathSize : 0)};
    if (Queue->Records >= Queue->RecordLimit + (Draft->Decided ? Queue->SpareRecords : 0) ||
        !QueueFits(Queue, sizes, RTL_NUMBER_OF(sizes), Draft->Decided)) {
        SourceLose(Queue, source, CMB_GAP_QUEUE_FULL, record->Time, TRUE);
        return QueueLost;
    }
    if (describe && !Draft->Process) {
        return QueueProcessUnknown;
    }
    if (source->Gap.Body.Count) {
        SourceTellGap(Queue, source);
    }
    if (describe) {
        Append(Queue, &Draft->Process, NO_OWNER);
        InterlockedExchange64(&Queue->Processes[record->ProcessSlot], Draft->Repeat ? 0 : (LONG64)record->ProcessKey);
    }
    if (PathSlot != MAXULONG) {
        SettlePath(Queue, PathSlot, known, Draft);
    }
    *Sequence = record->Sequence = ++Queue->LastSequence;
    Count(&Queue->Counters, Draft);
    Count(&source->Counters, Draft);
    ++Queue->Records;
    Queue->RecordsPeak = max(Queue->RecordsPeak, Queue->Records);
    Append(Queue, &Draft->Record, source->Owner);
    return QueueSent;
}

_Use_decl_annotations_
QUEUE_RESULT QueueSend(QUEUE *Queue, QUEUE_DRAFT *Draft, UINT64 *Sequence) {
    const ULONG pathSlot = PathsMayKeep(Draft->KeyPath) ? PathsSlotOf(Draft->KeyPath) : MAXULONG;
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const QUEUE_RESULT result = Send(Queue, pathSlot, Draft, Sequence);
    KeReleaseSpinLock(&Queue->Lock, irql);
    return result;
}
