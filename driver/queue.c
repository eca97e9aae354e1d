// SPDX-License-Identifier: MIT

#include "queue.h"
#include "memory.h"

// A slot of the ring goes through these states:
//
//   free --QueueReserve--> reserved --QueueCommit--> committed --Retire--> free
//   free --Append--------> padding (end of the ring, too short for the next slot) --Retire--> free
//
// Reserving and retiring move Tail and Head and need the lock; whoever reserved a slot fills it without the lock, and
// the one consumer copies committed slots without the lock, since nobody else may free them. Records leave in the order
// of their numbers: a committed slot waits for reserved ones before it.
//
// Only the newest record is ever dropped. The numbers that it and its followers had form Gap, which takes its place in
// the stream as soon as there is one: in the ring before the next record that fits, or, when the ring runs empty, in
// the batch.
typedef enum QUEUE_SLOT_STATE {
    QueueSlotReserved,
    QueueSlotCommitted,
    QueueSlotPadding,
} QUEUE_SLOT_STATE;

// Slots are multiples of this, so that a slot header fits wherever a slot ends before the end of the ring.
#define SLOT_ALIGNMENT sizeof(QUEUE_SLOT)
#define SLOT_SIZE(RecordSize) ((ULONG)ALIGN_UP_BY(sizeof(QUEUE_SLOT) + (RecordSize), SLOT_ALIGNMENT))
#define GAP_RECORD_SIZE (sizeof(CMB_RECORD) + sizeof(CMB_BODY_GAP))
// The source of gap and process records, which no registration made.
#define NO_SOURCE MAXULONG
// Slots that are copied between two times that the lock is taken.
#define SLOTS_PER_ROUND 64

C_ASSERT(sizeof(QUEUE_SLOT) == 16);
C_ASSERT(GAP_RECORD_SIZE % 8 == 0);
// The largest description of a process; process.c does not make larger ones.
#define PROCESS_RECORD_SIZE                                                                                            \
    (sizeof(CMB_RECORD) + sizeof(CMB_BODY_PROCESS) + CMB_MAX_IMAGE_PATH_BYTES + CMB_MAX_COMMAND_LINE_BYTES +           \
     CMB_MAX_SID_BYTES + 24)
// An empty queue takes a gap, the largest description and the largest record, and the smallest output a gap and the
// largest record.
C_ASSERT(CMB_MIN_QUEUE_BYTES >= CMB_MAX_RECORD_BYTES + PROCESS_RECORD_SIZE + GAP_RECORD_SIZE + 6 * sizeof(QUEUE_SLOT));
C_ASSERT(CMB_MIN_RECEIVE_BYTES >= sizeof(CMB_BATCH) + GAP_RECORD_SIZE + CMB_MAX_RECORD_BYTES);

_Use_decl_annotations_
VOID QueueInitialize(QUEUE *Queue) {
    RtlZeroMemory(Queue, sizeof(*Queue));
    KeInitializeSpinLock(&Queue->Lock);
}

_Use_decl_annotations_
VOID QueueUninitialize(QUEUE *Queue) {
    MemoryFree(Queue->Ring);
    Queue->Ring = NULL;
}

_Use_decl_annotations_
NTSTATUS QueueAllocate(QUEUE *Queue, ULONG Bytes, ULONG Records) {
    const ULONG capacity = (ULONG)ALIGN_DOWN_BY(Bytes, SLOT_ALIGNMENT);
    KIRQL irql;
    UCHAR *ring = MemoryAllocate(capacity);
    if (!ring) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // The lock is for statistics, which may be asked for at any time.
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Ring = ring;
    Queue->Capacity = capacity;
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
VOID QueueOpenSource(QUEUE *Queue, ULONG Source) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    RtlZeroMemory(&Queue->Sources[Source], sizeof(Queue->Sources[Source]));
    Queue->Sources[Source].Serial = ++Queue->LastSerial;
    KeReleaseSpinLock(&Queue->Lock, irql);
}

static QUEUE_SLOT *SlotAt(_In_ const QUEUE *Queue, _In_ ULONG Position) {
    return (QUEUE_SLOT *)(Queue->Ring + Position);
}

static CMB_RECORD *RecordOf(_In_ QUEUE_SLOT *Slot) {
    return (CMB_RECORD *)(Slot + 1);
}

// What is left before the end of the ring if a slot of Size does not fit there.
_Requires_lock_held_(Queue->Lock)
static ULONG PaddingBefore(_In_ const QUEUE *Queue, _In_ ULONG Tail, _In_ ULONG Size) {
    const ULONG end = Queue->Capacity - Tail;
    return end < Size ? end : 0;
}

// Whether there is room for the gap, if there is one, a description of ProcessSize, unless that is 0, and a record.
_Requires_lock_held_(Queue->Lock)
static BOOLEAN HasRoom(_In_ const QUEUE *Queue, _In_ ULONG ProcessSize, _In_ ULONG RecordSize) {
    const ULONG sizes[] = {Queue->Gap.First ? SLOT_SIZE(GAP_RECORD_SIZE) : 0, ProcessSize ? SLOT_SIZE(ProcessSize) : 0,
                           SLOT_SIZE(RecordSize)};
    ULONG tail = Queue->Tail;
    ULONG need = 0;
    for (ULONG i = 0; i < RTL_NUMBER_OF(sizes); ++i) {
        const ULONG step = PaddingBefore(Queue, tail, sizes[i]) + sizes[i];
        tail = (tail + step) % Queue->Capacity;
        need += step;
    }
    return Queue->Records < Queue->RecordLimit && need <= Queue->Capacity - Queue->Used;
}

_Requires_lock_held_(Queue->Lock)
static VOID AdvanceTail(_Inout_ QUEUE *Queue, _In_ ULONG Size) {
    Queue->Tail += Size;
    if (Queue->Tail == Queue->Capacity) {
        Queue->Tail = 0;
    }
    Queue->Used += Size;
    Queue->UsedPeak = max(Queue->UsedPeak, Queue->Used);
}

// HasRoom said that there is room.
_Requires_lock_held_(Queue->Lock)
static QUEUE_SLOT *Append(_Inout_ QUEUE *Queue, _In_ ULONG Size, _In_ ULONG Source) {
    const ULONG padding = PaddingBefore(Queue, Queue->Tail, Size);
    if (padding) {
        QUEUE_SLOT *slot = SlotAt(Queue, Queue->Tail);
        slot->Size = padding;
        WriteRelease(&slot->State, QueueSlotPadding);
        AdvanceTail(Queue, padding);
    }
    QUEUE_SLOT *slot = SlotAt(Queue, Queue->Tail);
    slot->Size = Size;
    slot->Source = Source;
    slot->Serial = Source == NO_SOURCE ? 0 : Queue->Sources[Source].Serial;
    WriteRelease(&slot->State, QueueSlotReserved);
    AdvanceTail(Queue, Size);
    return slot;
}

static VOID WriteGap(_In_ const QUEUE_GAP *Gap, _Out_writes_bytes_all_(GAP_RECORD_SIZE) CMB_RECORD *Record) {
    CMB_BODY_GAP *body = (CMB_BODY_GAP *)(Record + 1);
    RtlZeroMemory(Record, GAP_RECORD_SIZE);
    Record->Size = GAP_RECORD_SIZE;
    Record->HeaderSize = sizeof(*Record);
    Record->Kind = CMB_RECORD_GAP;
    Record->Sequence = Gap->First;
    Record->Time = Gap->Time;
    Record->BodySize = sizeof(*body);
    body->Count = Gap->Last - Gap->First + 1;
    body->FirstSequence = Gap->First;
    body->LastSequence = Gap->Last;
    body->Causes = Gap->Causes;
}

_Requires_lock_held_(Queue->Lock)
static VOID Drop(_Inout_ QUEUE *Queue, _In_ UINT64 Sequence, _In_ INT64 Time) {
    if (!Queue->Gap.First) {
        Queue->Gap.First = Sequence;
        Queue->Gap.Time = Time;
    }
    Queue->Gap.Last = Sequence;
    Queue->Gap.Causes |= CMB_GAP_QUEUE_FULL;
}

// Decides what becomes of the notification, and in which order the records stand.
_Requires_lock_held_(Queue->Lock)
static QUEUE_RESULT Reserve(_Inout_ QUEUE *Queue, _In_ const QUEUE_REQUEST *Request,
                            _Inout_ QUEUE_RESERVATION *Reservation, _Out_ UINT64 *Sequence) {
    QUEUE_COUNTERS *counters = &Queue->Sources[Request->Source].Counters;
    const BOOLEAN unknown = Request->ProcessKey && Queue->Processes[Request->ProcessSlot] != Request->ProcessKey;
    const ULONG processSize = unknown ? Request->ProcessSize : 0;
    *Sequence = 0;
    if (Queue->Stopped) {
        return QueueLost;
    }
    // Nobody reads an empty ring, so that it may start over and need no padding.
    if (!Queue->Used) {
        Queue->Head = Queue->Tail = 0;
    }
    const BOOLEAN room = HasRoom(Queue, processSize, Request->RecordSize);
    if (room && unknown && !processSize) {
        return QueueProcessUnknown;
    }
    *Sequence = ++Queue->LastSequence;
    ++Queue->Counters.Callbacks;
    ++counters->Callbacks;
    if (!room) {
        Drop(Queue, *Sequence, Request->Time);
        ++Queue->Counters.LostQueueFull;
        ++counters->LostQueueFull;
        return QueueLost;
    }
    if (Queue->Gap.First) {
        QUEUE_SLOT *gap = Append(Queue, SLOT_SIZE(GAP_RECORD_SIZE), NO_SOURCE);
        WriteGap(&Queue->Gap, RecordOf(gap));
        WriteRelease(&gap->State, QueueSlotCommitted);
        RtlZeroMemory(&Queue->Gap, sizeof(Queue->Gap));
    }
    if (processSize) {
        Reservation->ProcessSlot = Append(Queue, SLOT_SIZE(processSize), NO_SOURCE);
        Queue->Processes[Request->ProcessSlot] = Request->Repeat ? 0 : Request->ProcessKey;
    }
    Reservation->Slot = Append(Queue, SLOT_SIZE(Request->RecordSize), Request->Source);
    ++Queue->Records;
    Queue->RecordsPeak = max(Queue->RecordsPeak, Queue->Records);
    ++Queue->Counters.Recorded;
    ++counters->Recorded;
    return QueueReserved;
}

static CMB_RECORD *StartRecord(_In_ QUEUE_SLOT *Slot, _In_ ULONG Size, _In_ UINT16 Kind, _In_ INT64 Time) {
    CMB_RECORD *record = RecordOf(Slot);
    RtlZeroMemory(record, Size);
    record->Size = Size;
    record->HeaderSize = sizeof(*record);
    record->Kind = Kind;
    record->Time = Time;
    return record;
}

_Use_decl_annotations_
QUEUE_RESULT QueueReserve(QUEUE *Queue, const QUEUE_REQUEST *Request, QUEUE_RESERVATION *Reservation) {
    UINT64 sequence;
    KIRQL irql;
    RtlZeroMemory(Reservation, sizeof(*Reservation));
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const QUEUE_RESULT result = Reserve(Queue, Request, Reservation, &sequence);
    KeReleaseSpinLock(&Queue->Lock, irql);
    if (Reservation->ProcessSlot) {
        Reservation->Process =
            StartRecord(Reservation->ProcessSlot, Request->ProcessSize, CMB_RECORD_PROCESS, Request->Time);
    }
    if (Reservation->Slot) {
        Reservation->Record =
            StartRecord(Reservation->Slot, Request->RecordSize, CMB_RECORD_NOTIFICATION, Request->Time);
        Reservation->Record->Sequence = sequence;
    }
    return result;
}

_Use_decl_annotations_
VOID QueueCommit(QUEUE *Queue, const QUEUE_RESERVATION *Reservation, ULONG CaptureFaults) {
    const BOOLEAN noPath = (Reservation->Record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0;
    QUEUE_COUNTERS *counters = &Queue->Sources[Reservation->Slot->Source].Counters;
    if (noPath || CaptureFaults) {
        KIRQL irql;
        KeAcquireSpinLock(&Queue->Lock, &irql);
        Queue->Counters.PathFailures += noPath;
        counters->PathFailures += noPath;
        Queue->Counters.CaptureFaults += CaptureFaults;
        counters->CaptureFaults += CaptureFaults;
        KeReleaseSpinLock(&Queue->Lock, irql);
    }
    if (Reservation->ProcessSlot) {
        WriteRelease(&Reservation->ProcessSlot->State, QueueSlotCommitted);
    }
    WriteRelease(&Reservation->Slot->State, QueueSlotCommitted);
}

_Use_decl_annotations_
BOOLEAN QueueHasBatch(const QUEUE *Queue) {
    if (!Queue->Used) {
        return Queue->Gap.First != 0;
    }
    // Padding is only ever laid together with the slot behind it, which starts the ring.
    const QUEUE_SLOT *slot = SlotAt(Queue, Queue->Head);
    if (ReadAcquire(&slot->State) == QueueSlotPadding) {
        slot = SlotAt(Queue, 0);
    }
    return ReadAcquire(&slot->State) == QueueSlotCommitted;
}

// Frees the slots from Head up to End; Count of them, at least one.
_Requires_lock_held_(Queue->Lock)
static VOID Retire(_Inout_ QUEUE *Queue, _In_ ULONG Count) {
    for (ULONG retired = 0; retired < Count; ++retired) {
        const QUEUE_SLOT *slot = SlotAt(Queue, Queue->Head);
        if (ReadAcquire(&slot->State) == QueueSlotCommitted && slot->Source != NO_SOURCE) {
            QUEUE_SOURCE *source = &Queue->Sources[slot->Source];
            ++Queue->Counters.Delivered;
            source->Counters.Delivered += source->Serial == slot->Serial;
            --Queue->Records;
        }
        Queue->Used -= slot->Size;
        Queue->Head += slot->Size;
        if (Queue->Head == Queue->Capacity) {
            Queue->Head = 0;
        }
    }
}

// Copies committed slots from Head on, without the lock. Returns how many slots that were.
_IRQL_requires_max_(APC_LEVEL)
static ULONG CopySlots(_In_ const QUEUE *Queue, _In_ ULONG Head, _In_ ULONG Used, _Inout_ CMB_BATCH *Batch,
                       _Out_writes_bytes_(Size) UCHAR *Output, _In_ ULONG Size) {
    ULONG slots = 0;
    for (ULONG position = Head, left = Used; left && slots < SLOTS_PER_ROUND; ++slots) {
        QUEUE_SLOT *slot = SlotAt(Queue, position);
        const LONG state = ReadAcquire(&slot->State);
        if (state == QueueSlotReserved) {
            break;
        }
        if (state == QueueSlotCommitted) {
            const CMB_RECORD *record = RecordOf(slot);
            if (record->Size > Size - Batch->Size) {
                break;
            }
            RtlCopyMemory(Output + Batch->Size, record, record->Size);
            Batch->Size += record->Size;
            ++Batch->RecordCount;
        }
        left -= slot->Size;
        position += slot->Size;
        if (position == Queue->Capacity) {
            position = 0;
        }
    }
    return slots;
}

_Use_decl_annotations_
ULONG QueueTakeBatch(QUEUE *Queue, VOID *Output, ULONG Size) {
    // The output may be seen, and written to, by its owner at any time: the header lives here until it is complete.
    CMB_BATCH batch = {.Size = sizeof(batch), .Version = CMB_STRUCTURE_VERSION, .HeaderSize = sizeof(batch)};
    QUEUE_GAP gap = {0};
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    for (;;) {
        const ULONG head = Queue->Head;
        const ULONG used = Queue->Used;
        KeReleaseSpinLock(&Queue->Lock, irql);
        const ULONG slots = CopySlots(Queue, head, used, &batch, Output, Size);
        KeAcquireSpinLock(&Queue->Lock, &irql);
        if (!slots) {
            break;
        }
        Retire(Queue, slots);
    }
    if (!Queue->Used && Queue->Gap.First && GAP_RECORD_SIZE <= Size - batch.Size) {
        gap = Queue->Gap;
        RtlZeroMemory(&Queue->Gap, sizeof(Queue->Gap));
    }
    batch.Lost = Queue->Counters.LostQueueFull;
    KeReleaseSpinLock(&Queue->Lock, irql);
    if (gap.First) {
        WriteGap(&gap, (CMB_RECORD *)((UCHAR *)Output + batch.Size));
        batch.Size += GAP_RECORD_SIZE;
        ++batch.RecordCount;
    }
    RtlCopyMemory(Output, &batch, sizeof(batch));
    return batch.Size;
}
