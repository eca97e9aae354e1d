// SPDX-License-Identifier: MIT
//
// Records on their way into the queue.

#include "queue/queue.h"
#include "base/memory.h"
#include "queue/queue_source.h"

// A producer builds its record where nobody waits for it. Giving it a number, a place and the path and the process that
// it refers to, and copying it, is one step under the queue's lock, so there is never a place that is not filled in.
// The one consumer copies slots without the lock once it has claimed them.

// The largest description of a process; process_facts.c does not make larger ones.
#define PROCESS_RECORD_SIZE                                                                                            \
    (sizeof(CMB_RECORD) + sizeof(CMB_BODY_PROCESS) + CMB_MAX_IMAGE_PATH_BYTES + CMB_MAX_COMMAND_LINE_BYTES +           \
     CMB_MAX_SID_BYTES + 24)
// An empty queue takes a gap of every source, the largest description and the largest record.
C_ASSERT(CMB_MIN_QUEUE_BYTES >= QUEUE_SOURCES * GAP_SLOT_SIZE + RING_SLOT_SIZE(PROCESS_RECORD_SIZE) +
                                    RING_SLOT_SIZE(CMB_MAX_RECORD_BYTES) + RING_ALIGNMENT);

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
    NT_ASSERT(Queue->OpenSources == 0);
    PathsUninitialize(&Queue->Paths);
    // The lock is for CMB_IOCTL_STATISTICS, which may still read these.
    KeAcquireSpinLock(&Queue->Lock, &irql);
    UCHAR *ring = Queue->Ring.Bytes;
    RtlZeroMemory(&Queue->Ring, sizeof(Queue->Ring));
    Queue->Records = 0;
    Queue->RecordLimit = 0;
    KeReleaseSpinLock(&Queue->Lock, irql);
    MemoryFree(ring);
}

_Use_decl_annotations_
NTSTATUS QueueAllocate(QUEUE *Queue, ULONG Bytes, ULONG Records) {
    const ULONG capacity = (ULONG)ALIGN_DOWN_BY(Bytes, RING_ALIGNMENT);
    KIRQL irql;
    const NTSTATUS status = PathsInitialize(&Queue->Paths);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    UCHAR *ring = MemoryAllocate(capacity);
    if (!ring) {
        PathsUninitialize(&Queue->Paths);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // The lock is for CMB_IOCTL_STATISTICS, which may read these at any time.
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Ring.Bytes = ring;
    Queue->Ring.Capacity = capacity;
    Queue->RecordLimit = Records;
    KeReleaseSpinLock(&Queue->Lock, irql);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID QueueStop(QUEUE *Queue) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Stopped = TRUE;
    KeReleaseSpinLock(&Queue->Lock, irql);
}

_Use_decl_annotations_
BOOLEAN QueueKnowsProcess(const QUEUE *Queue, ULONG Slot, UINT64 Key) {
    return (UINT64)ReadAcquire64(&Queue->Processes[Slot]) == Key;
}

// Whether there is room for the source's gap, if it has one, for the description of the process, if there is one, and
// for a record.
_Requires_lock_held_(Queue->Lock)
static BOOLEAN HasRoom(_In_ const QUEUE *Queue, _In_ const QUEUE_SOURCE *Source, _In_opt_ const CMB_RECORD *Process,
                       _In_ ULONG RecordSize) {
    const ULONG sizes[] = {Source->Gap.Body.Count ? GAP_SLOT_SIZE : 0, Process ? RING_SLOT_SIZE(Process->Size) : 0,
                           RING_SLOT_SIZE(RecordSize)};
    return Queue->Records < Queue->RecordLimit && RingHasRoom(&Queue->Ring, sizes, RTL_NUMBER_OF(sizes));
}

_Requires_lock_held_(Queue->Lock)
static CMB_RECORD *Append(_Inout_ QUEUE *Queue, _In_ const CMB_RECORD *Record, _In_ UINT32 Owner, _Out_ UINT64 *Start) {
    RING_SLOT *slot = RingAppend(&Queue->Ring, RING_SLOT_SIZE(Record->Size), Owner, Start);
    RtlCopyMemory(slot + 1, Record, Record->Size);
    WriteRelease(&slot->State, RingCommitted);
    return (CMB_RECORD *)(slot + 1);
}

// Makes the record refer to its path in that slot, which the stream knows unless the record brings it.
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
    Counters->PathFailures += (Draft->Record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0;
    Counters->CaptureFaults += Draft->CaptureFaults;
}

// Counts the record in one that is like it and waits. FALSE if there is none: then the entry is the record's own.
_Requires_lock_held_(Queue->Lock)
_Must_inspect_result_
static BOOLEAN MergeInto(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ const QUEUE_MERGE_ENTRY *Entry,
                         _In_ UINT64 Hash, _In_ const CMB_RECORD *Record) {
    CMB_RECORD *waiting = Entry->Record;
    if (!waiting || Entry->Hash != Hash || !RingIsWaiting(&Queue->Ring, Entry->Start) ||
        !MergeIsAlike(waiting, Record)) {
        return FALSE;
    }
    ++waiting->Repeats;
    waiting->LastSequence = Record->Sequence;
    ++Queue->Counters.Coalesced;
    ++Source->Counters.Coalesced;
    return TRUE;
}

// Returns the number of the record that stands for the notification.
_Requires_lock_held_(Queue->Lock)
static UINT64 PutRecord(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ QUEUE_DRAFT *Draft) {
    CMB_RECORD *record = Draft->Record;
    QUEUE_MERGE_ENTRY *entry = NULL;
    UINT64 hash = 0;
    UINT64 start;
    record->Sequence = ++Queue->LastSequence;
    Count(&Queue->Counters, Draft);
    Count(&Source->Counters, Draft);
    // Two records with parts that could not be read are not known to be alike.
    if (Draft->Merge && Source->Merge && !Draft->CaptureFaults && !(record->Flags & CMB_RECORD_PATH_UNAVAILABLE) &&
        record->Size <= MERGE_MAX_RECORD_BYTES) {
        hash = MergeHash(Source->Merge, record);
        entry = MergeFind(Source->Merge, hash);
        if (MergeInto(Queue, Source, entry, hash, record)) {
            return entry->Record->Sequence;
        }
    }
    CMB_RECORD *placed = Append(Queue, record, Source->Owner, &start);
    if (entry) {
        *entry = (QUEUE_MERGE_ENTRY){.Hash = hash, .Start = start, .Record = placed};
    }
    ++Queue->Records;
    Queue->RecordsPeak = max(Queue->RecordsPeak, Queue->Records);
    ++Queue->Counters.Recorded;
    ++Source->Counters.Recorded;
    return record->Sequence;
}

// PathSlot is MAXULONG if the path is not to be kept.
_Requires_lock_held_(Queue->Lock)
_Must_inspect_result_
static QUEUE_RESULT Send(_Inout_ QUEUE *Queue, _In_ ULONG PathSlot, _Inout_ QUEUE_DRAFT *Draft,
                         _Inout_ UINT64 *Sequence) {
    QUEUE_SOURCE *source = &Queue->Sources[Draft->Source];
    CMB_RECORD *record = Draft->Record;
    UINT64 start;
    const BOOLEAN known = PathSlot != MAXULONG && PathsHas(&Queue->Paths, PathSlot, Draft->KeyPath);
    const BOOLEAN describe = Draft->NeedsProcess && !QueueKnowsProcess(Queue, record->ProcessSlot, record->ProcessKey);
    if (Queue->Stopped) {
        return QueueLost;
    }
    if (!HasRoom(Queue, source, describe ? Draft->Process : NULL, record->Size - (known ? Draft->PathSize : 0))) {
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
        (VOID) Append(Queue, Draft->Process, NO_OWNER, &start);
        InterlockedExchange64(&Queue->Processes[record->ProcessSlot], Draft->Repeat ? 0 : (LONG64)record->ProcessKey);
    }
    if (PathSlot != MAXULONG) {
        SettlePath(Queue, PathSlot, known, Draft);
    }
    *Sequence = PutRecord(Queue, source, Draft);
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
