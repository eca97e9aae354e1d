// SPDX-License-Identifier: MIT
//
// The sources of the queue: their places, and what they have lost.

#include "queue/queue_source.h"

// A source's gap takes its place in the stream before the next record of the source that finds room. If none comes the
// consumer that has emptied the ring, or filled its output, finds the gap at the end of the ring; nothing of the source
// can stand behind it.
//
// A gap is due if an idle consumer is to be woken for it. Loss by the rate limit goes on as long as the flow does, so
// that its gaps are due only if the source has told none for a second.

static VOID SetGapDue(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source) {
    Queue->GapsDue += !Source->GapDue;
    Source->GapDue = TRUE;
}

_Use_decl_annotations_
QUEUE_SOURCE *SourceOf(QUEUE *Queue, UINT32 Owner) {
    return Owner == NO_OWNER || Owner == RING_PADDING ? NULL : &Queue->Sources[Owner % QUEUE_SOURCES];
}

static UINT64 *CounterOf(_Inout_ QUEUE_COUNTERS *Counters, _In_ UINT32 Cause) {
    switch (Cause) {
    case CMB_GAP_QUEUE_FULL:
        return &Counters->LostQueueFull;
    case CMB_GAP_NO_MEMORY:
        return &Counters->LostNoMemory;
    case CMB_GAP_CAPTURE_FAULT:
        return &Counters->LostCaptureFault;
    default:
        return &Counters->LostRateLimit;
    }
}

_Use_decl_annotations_
VOID SourceLose(QUEUE *Queue, QUEUE_SOURCE *Source, UINT32 Cause, INT64 Time, BOOLEAN Due) {
    ++Queue->Counters.Callbacks;
    ++Source->Counters.Callbacks;
    ++*CounterOf(&Queue->Counters, Cause);
    ++*CounterOf(&Source->Counters, Cause);
    if (!Source->Gap.Body.Count) {
        InsertTailList(&Queue->Gaps, &Source->GapLink);
    }
    GapAdd(&Source->Gap, ++Queue->LastSequence, Cause, Time);
    if (Due) {
        SetGapDue(Queue, Source);
    }
}

_Use_decl_annotations_
VOID SourceTellGap(QUEUE *Queue, QUEUE_SOURCE *Source) {
    GapWrite(&Source->Gap, Source->Cookie, (CMB_RECORD *)(RingAppend(&Queue->Ring, GAP_SLOT_SIZE, NO_OWNER) + 1));
    Queue->BytesPeak = max(Queue->BytesPeak, QueueBytes(Queue));
    RtlZeroMemory(&Source->Gap, sizeof(Source->Gap));
    RemoveEntryList(&Source->GapLink);
    Queue->GapsDue -= Source->GapDue;
    Source->GapDue = FALSE;
    if (Source->Rate.PerSecond) {
        Source->GapTold = ClockNow();
    }
    if (Source->State == QueueSourceClosed) {
        Source->State = QueueSourceFree;
    }
}

_Use_decl_annotations_
VOID SourceTellGaps(QUEUE *Queue) {
    const ULONG size = GAP_RECORD_SIZE;
    while (!IsListEmpty(&Queue->Gaps) && QueueFits(Queue, &size, 1, FALSE)) {
        SourceTellGap(Queue, CONTAINING_RECORD(Queue->Gaps.Flink, QUEUE_SOURCE, GapLink));
    }
}

// MAXULONG if all places are taken.
_Requires_lock_held_(Queue->Lock)
static ULONG FindPlace(_In_ const QUEUE *Queue) {
    for (ULONG place = 0; Queue->OpenSources < CMB_MAX_REGISTRATIONS && place < QUEUE_SOURCES; ++place) {
        if (Queue->Sources[place].State == QueueSourceFree) {
            return place;
        }
    }
    return MAXULONG;
}

_Requires_lock_held_(Queue->Lock)
static VOID TakePlace(_Inout_ QUEUE *Queue, _In_ ULONG Place) {
    QUEUE_SOURCE *source = &Queue->Sources[Place];
    const UINT32 owner = source->Owner + QUEUE_SOURCES;
    RtlZeroMemory(source, sizeof(*source));
    // The number starts over once in many millions of registrations, and is never NO_OWNER.
    source->Owner = owner < 2 * QUEUE_SOURCES ? QUEUE_SOURCES + Place : owner;
    source->State = QueueSourceOpen;
    ++Queue->OpenSources;
}

_Use_decl_annotations_
NTSTATUS QueueOpenSource(QUEUE *Queue, const CMB_REGISTER_REQUEST *Options, ULONG *Source) {
    const UINT64 now = ClockNow();
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const ULONG place = FindPlace(Queue);
    if (place != MAXULONG) {
        QUEUE_SOURCE *source = &Queue->Sources[place];
        TakePlace(Queue, place);
        RateInitialize(&source->Rate, Options->RateLimit, Options->RateBurst, now);
        source->GapTold = now - CLOCK_UNITS_PER_SECOND;
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    *Source = place;
    return place == MAXULONG ? STATUS_QUOTA_EXCEEDED : STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID QueueNameSource(QUEUE *Queue, ULONG Source, INT64 Cookie) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    Queue->Sources[Source].Cookie = Cookie;
    KeReleaseSpinLock(&Queue->Lock, irql);
}

_Use_decl_annotations_
VOID QueueCloseSource(QUEUE *Queue, ULONG Source, QUEUE_COUNTERS *Counters) {
    QUEUE_SOURCE *source = &Queue->Sources[Source];
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    *Counters = source->Counters;
    source->State = QueueSourceFree;
    --Queue->OpenSources;
    if (source->Gap.Body.Count) {
        source->State = QueueSourceClosed;
        SetGapDue(Queue, source);
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    QueueWake(Queue);
}

_Use_decl_annotations_
VOID QueueGetCounters(QUEUE *Queue, ULONG Source, QUEUE_COUNTERS *Counters) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    *Counters = Queue->Sources[Source].Counters;
    KeReleaseSpinLock(&Queue->Lock, irql);
}

_Use_decl_annotations_
VOID QueueLose(QUEUE *Queue, ULONG Source, UINT32 Cause, INT64 Time) {
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    if (!Queue->Stopped) {
        SourceLose(Queue, &Queue->Sources[Source], Cause, Time, TRUE);
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    QueueWake(Queue);
}

_Use_decl_annotations_
BOOLEAN QueueAdmit(QUEUE *Queue, ULONG Source, INT64 Time) {
    QUEUE_SOURCE *source = &Queue->Sources[Source];
    KIRQL irql;
    if (!source->Rate.PerSecond) {
        return TRUE;
    }
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const UINT64 now = ClockNow();
    const BOOLEAN admitted = !Queue->Stopped && RateTake(&source->Rate, now);
    if (!admitted && !Queue->Stopped) {
        const BOOLEAN due = now - source->GapTold >= CLOCK_UNITS_PER_SECOND;
        SourceLose(Queue, source, CMB_GAP_RATE_LIMIT, Time, due);
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    if (!admitted) {
        QueueWake(Queue);
    }
    return admitted;
}

C_ASSERT(sizeof(CMB_BODY_BREAKER) % 8 == 0);

_Use_decl_annotations_
BOOLEAN QueueTellBreaker(QUEUE *Queue, INT64 Cookie, const CMB_BODY_BREAKER *Body, INT64 Time) {
    const ULONG size = sizeof(CMB_RECORD) + sizeof(*Body);
    KIRQL irql;
    KeAcquireSpinLock(&Queue->Lock, &irql);
    const BOOLEAN room = !Queue->Stopped && QueueFits(Queue, &size, 1, TRUE);
    if (room) {
        CMB_RECORD *record = (CMB_RECORD *)(RingAppend(&Queue->Ring, RING_SLOT_SIZE(size), NO_OWNER) + 1);
        RtlZeroMemory(record, sizeof(*record));
        record->Size = size;
        record->HeaderSize = sizeof(*record);
        record->Kind = CMB_RECORD_BREAKER;
        record->Time = Time;
        record->Cookie = Cookie;
        record->BodySize = sizeof(*Body);
        *(CMB_BODY_BREAKER *)(record + 1) = *Body;
        Queue->BytesPeak = max(Queue->BytesPeak, QueueBytes(Queue));
    }
    KeReleaseSpinLock(&Queue->Lock, irql);
    return room;
}
