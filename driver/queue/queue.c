// SPDX-License-Identifier: MIT
//
// Records on their way into the queue.

#include "queue/queue.h"
#include "base/memory.h"
#include "queue/queue_source.h"

// A slot of the ring goes through these states:
//
//   free --QueueBegin--> draft ----QueueCommit--> committed --QueueTakeBatch--> free
//                              |                                     |
//                              +--QueueCommit, merged--> padding ----+
//
// Beginning a draft and retiring a slot move the ends of the ring, under the queue's lock. Its producer fills a draft
// without the lock, and the one consumer copies committed slots without the lock once it has claimed them. Records
// leave in the order of their numbers: a committed slot waits for the drafts before it.
//
// Only the newest record is ever dropped; see queue_source.c for what becomes of its number.
//
// A read that is like one that waits is counted there. It has been written by then, and its slot becomes padding. The
// record that counts it is committed and not claimed, so that only the holder of the lock touches it.

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

// What BeginRecord decides with the lock held and QueueBegin writes without it.
typedef struct QUEUE_PLAN {
    UINT64 Sequence;
    ULONG RecordSize;
    UINT32 PathSerial;
    // The path that lost its place; its reference is given back without the lock.
    NAME *Former;
} QUEUE_PLAN;

// Whether there is room for the source's gap, if it has one, a description of ProcessSize, unless that is 0, and a
// record.
_Requires_lock_held_(Queue->Lock)
static BOOLEAN HasRoom(_In_ const QUEUE *Queue, _In_ const QUEUE_SOURCE *Source, _In_ ULONG ProcessSize,
                       _In_ ULONG RecordSize) {
    const ULONG sizes[] = {Source->Gap.Body.Count ? GAP_SLOT_SIZE : 0, ProcessSize ? RING_SLOT_SIZE(ProcessSize) : 0,
                           RING_SLOT_SIZE(RecordSize)};
    return Queue->Records < Queue->RecordLimit && RingHasRoom(&Queue->Ring, sizes, RTL_NUMBER_OF(sizes));
}

_Requires_lock_held_(Queue->Lock)
static VOID TellGaps(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source) {
    if (!Queue->Ring.Used && Queue->GapsDue) {
        // A consumer may be on its way to them: it must not find a record that is not complete instead.
        SourceTellGaps(Queue);
    } else if (Source->Gap.Body.Count) {
        SourceTellGap(Queue, Source);
    }
}

_Requires_lock_held_(Queue->Lock)
static VOID AppendRecord(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ const QUEUE_REQUEST *Request,
                         _In_ ULONG ProcessSize, _Inout_ QUEUE_DRAFT *Draft, _Inout_ QUEUE_PLAN *Plan) {
    UINT64 start;
    if (ProcessSize) {
        Draft->ProcessSlot = RingAppend(&Queue->Ring, RING_SLOT_SIZE(ProcessSize), NO_OWNER, &start);
        Queue->Processes[Request->ProcessSlot] = Request->Repeat ? 0 : Request->ProcessKey;
    }
    Draft->Slot = RingAppend(&Queue->Ring, RING_SLOT_SIZE(Plan->RecordSize), Source->Owner, &Draft->Start);
    Plan->Sequence = ++Queue->LastSequence;
    ++Queue->Records;
    Queue->RecordsPeak = max(Queue->RecordsPeak, Queue->Records);
    ++Queue->Counters.Callbacks;
    ++Source->Counters.Callbacks;
    ++Queue->Counters.Recorded;
    ++Source->Counters.Recorded;
}

// Decides what becomes of the notification, and in which order the records stand. PathSlot is MAXULONG if the path is
// not one that is kept.
_Requires_lock_held_(Queue->Lock)
static QUEUE_RESULT BeginRecord(_Inout_ QUEUE *Queue, _In_ const QUEUE_REQUEST *Request, _In_ ULONG PathSlot,
                                _Inout_ QUEUE_DRAFT *Draft, _Inout_ QUEUE_PLAN *Plan) {
    QUEUE_SOURCE *source = &Queue->Sources[Request->Source];
    const BOOLEAN unknown = Request->ProcessKey && Queue->Processes[Request->ProcessSlot] != Request->ProcessKey;
    const ULONG processSize = unknown ? Request->ProcessSize : 0;
    if (Queue->Stopped) {
        return QueueLost;
    }
    Draft->PathKept = PathSlot != MAXULONG && PathsHas(&Queue->Paths, PathSlot, Request->KeyPath);
    Plan->RecordSize = Request->RecordSize + (Draft->PathKept ? 0 : Request->PathSize);
    const BOOLEAN room = HasRoom(Queue, source, processSize, Plan->RecordSize);
    if (room && unknown && !processSize) {
        return QueueProcessUnknown;
    }
    if (!room) {
        SourceLose(Queue, source, CMB_GAP_QUEUE_FULL, Request->Time, TRUE);
        return QueueLost;
    }
    TellGaps(Queue, source);
    AppendRecord(Queue, source, Request, processSize, Draft, Plan);
    if (PathSlot != MAXULONG) {
        if (!Draft->PathKept) {
            Plan->Former = PathsPut(&Queue->Paths, PathSlot, Request->KeyPath);
        }
        Plan->PathSerial = Queue->Paths.Slots[PathSlot].Serial;
    }
    return QueueBegun;
}

static CMB_RECORD *StartRecord(_In_ RING_SLOT *Slot, _In_ ULONG Size, _In_ UINT16 Kind, _In_ INT64 Time) {
    CMB_RECORD *record = (CMB_RECORD *)(Slot + 1);
    RtlZeroMemory(record, sizeof(*record));
    record->Size = Size;
    record->HeaderSize = sizeof(*record);
    record->Kind = Kind;
    record->Time = Time;
    return record;
}

_Use_decl_annotations_
QUEUE_RESULT QueueBegin(QUEUE *Queue, const QUEUE_REQUEST *Request, QUEUE_DRAFT *Draft) {
    const ULONG pathSlot = PathsMayKeep(Request->KeyPath) ? PathsSlotOf(Request->KeyPath) : MAXULONG;
    QUEUE_PLAN plan = {0};
    KIRQL irql;
    RtlZeroMemory(Draft, sizeof(*Draft));
    Draft->Source = Request->Source;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const QUEUE_RESULT result = BeginRecord(Queue, Request, pathSlot, Draft, &plan);
    KeReleaseSpinLock(&Queue->Lock, irql);
    NameRelease(plan.Former);
    if (result == QueueLost) {
        QueueWake(Queue);
    }
    if (result != QueueBegun) {
        return result;
    }
    if (Draft->ProcessSlot) {
        Draft->Process = StartRecord(Draft->ProcessSlot, Request->ProcessSize, CMB_RECORD_PROCESS, Request->Time);
        RtlZeroMemory(Draft->Process + 1, Request->ProcessSize - sizeof(CMB_RECORD));
    }
    CMB_RECORD *record = StartRecord(Draft->Slot, plan.RecordSize, CMB_RECORD_NOTIFICATION, Request->Time);
    record->Sequence = plan.Sequence;
    if (plan.PathSerial) {
        record->PathSlot = pathSlot;
        record->PathSerial = plan.PathSerial;
    }
    Draft->Record = record;
    return result;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID CountTroubles(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ BOOLEAN NoPath,
                          _In_ ULONG CaptureFaults) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Counters.PathFailures += NoPath;
    Source->Counters.PathFailures += NoPath;
    Queue->Counters.CaptureFaults += CaptureFaults;
    Source->Counters.CaptureFaults += CaptureFaults;
    KeReleaseSpinLock(&Queue->Lock, irql);
}

// Counts the record in one that is like it and came before it. FALSE if there is none.
_Requires_lock_held_(Queue->Lock)
_Must_inspect_result_
static BOOLEAN MergeInto(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ const QUEUE_MERGE_ENTRY *Entry,
                         _In_ const CMB_RECORD *Record) {
    CMB_RECORD *waiting = Entry->Record;
    if (!waiting || !RingIsWaiting(&Queue->Ring, Entry->Start) || waiting->Sequence > Record->Sequence ||
        !MergeIsAlike(waiting, Record)) {
        return FALSE;
    }
    ++waiting->Repeats;
    waiting->LastSequence = max(waiting->LastSequence, Record->Sequence);
    --Queue->Records;
    --Queue->Counters.Recorded;
    --Source->Counters.Recorded;
    ++Queue->Counters.Coalesced;
    ++Source->Counters.Coalesced;
    return TRUE;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static UINT64 CommitMerged(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ const QUEUE_DRAFT *Draft) {
    CMB_RECORD *record = Draft->Record;
    const UINT64 hash = MergeHash(Source->Merge, record);
    QUEUE_MERGE_ENTRY *entry = MergeFind(Source->Merge, hash);
    UINT64 sequence = record->Sequence;
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    if (entry->Hash == hash && MergeInto(Queue, Source, entry, record)) {
        sequence = entry->Record->Sequence;
        RingGiveUp(&Queue->Ring, Draft->Slot);
    } else {
        *entry = (QUEUE_MERGE_ENTRY){.Hash = hash, .Start = Draft->Start, .Record = record};
        WriteRelease(&Draft->Slot->State, RingCommitted);
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    return sequence;
}

_Use_decl_annotations_
UINT64 QueueCommit(QUEUE *Queue, const QUEUE_DRAFT *Draft, ULONG CaptureFaults, BOOLEAN Merge) {
    const CMB_RECORD *record = Draft->Record;
    UINT64 sequence = record->Sequence;
    const BOOLEAN noPath = (record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0;
    QUEUE_SOURCE *source = &Queue->Sources[Draft->Source];
    if (noPath || CaptureFaults) {
        CountTroubles(Queue, source, noPath, CaptureFaults);
        // Two records with parts that could not be read are not known to be alike.
        Merge = FALSE;
    }
    if (Draft->ProcessSlot) {
        WriteRelease(&Draft->ProcessSlot->State, RingCommitted);
    }
    if (Merge && source->Merge && record->Size <= MERGE_MAX_RECORD_BYTES) {
        sequence = CommitMerged(Queue, source, Draft);
    } else {
        WriteRelease(&Draft->Slot->State, RingCommitted);
    }
    QueueWake(Queue);
    return sequence;
}
