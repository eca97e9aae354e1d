// SPDX-License-Identifier: MIT
//
// The sessions of the driver: those that are open, and what is left of those whose registrations are kept.

#include "base/memory.h"
#include "session/registration.h"

// Taken before the lock of a session, which is taken before those of its table of held operations and its queue.
static KSPIN_LOCK SessionListLock;
static _Guarded_by_(SessionListLock) LIST_ENTRY SessionList;
static _Guarded_by_(SessionListLock) QUEUE_COUNTERS SessionPastCounters;
static _Guarded_by_(SessionListLock) CMB_DECISION_STATISTICS SessionPastDecisions;

_Use_decl_annotations_
CMB_INIT_CODE VOID SessionInitialize(VOID) {
    KeInitializeSpinLock(&SessionListLock);
    InitializeListHead(&SessionList);
    RtlZeroMemory(&SessionPastCounters, sizeof(SessionPastCounters));
    RtlZeroMemory(&SessionPastDecisions, sizeof(SessionPastDecisions));
}

_Use_decl_annotations_
VOID SessionUninitialize(VOID) {
    NT_ASSERT(IsListEmpty(&SessionList));
}

static VOID AddCounters(_Inout_ QUEUE_COUNTERS *Sum, _In_ const QUEUE_COUNTERS *Counters) {
    Sum->Callbacks += Counters->Callbacks;
    Sum->Recorded += Counters->Recorded;
    Sum->Delivered += Counters->Delivered;
    Sum->LostQueueFull += Counters->LostQueueFull;
    Sum->LostNoMemory += Counters->LostNoMemory;
    Sum->LostCaptureFault += Counters->LostCaptureFault;
    Sum->LostRateLimit += Counters->LostRateLimit;
    Sum->PathFailures += Counters->PathFailures;
    Sum->CaptureFaults += Counters->CaptureFaults;
}

// Returns whether nothing is left that needs the session. Then nobody finds it any more, and the caller frees it.
_Requires_lock_held_(SessionListLock)
_Must_inspect_result_
static BOOLEAN UnlinkIfOver(_Inout_ SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const BOOLEAN over = Session->Detached && IsListEmpty(&Session->Registrations);
    KeReleaseSpinLock(&Session->Lock, irql);
    if (over) {
        RemoveEntryList(&Session->Link);
        AddCounters(&SessionPastCounters, &Session->Queue.Counters);
        HeldAddCounters(&SessionPastDecisions, &Session->Held.Counters);
    }
    return over;
}

_Use_decl_annotations_
VOID SessionLink(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&SessionListLock, &irql);
    InsertTailList(&SessionList, &Session->Link);
    KeReleaseSpinLock(&SessionListLock, irql);
}

_Use_decl_annotations_
VOID SessionDetach(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&SessionListLock, &irql);
    Session->Detached = TRUE;
    const BOOLEAN over = UnlinkIfOver(Session);
    KeReleaseSpinLock(&SessionListLock, irql);
    if (over) {
        MemoryFree(Session);
    }
}

_Use_decl_annotations_
REGISTRATION *SessionFindRegistration(SESSION_MATCH *Match, const VOID *Context) {
    REGISTRATION *found = NULL;
    KIRQL irql;
    KIRQL nested;
    KeAcquireSpinLock(&SessionListLock, &irql);
    for (LIST_ENTRY *entry = SessionList.Flink; !found && entry != &SessionList; entry = entry->Flink) {
        SESSION *session = CONTAINING_RECORD(entry, SESSION, Link);
        KeAcquireSpinLock(&session->Lock, &nested);
        for (LIST_ENTRY *link = session->Registrations.Flink; !found && link != &session->Registrations;
             link = link->Flink) {
            REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
            found = Match(registration, Context) ? registration : NULL;
        }
        KeReleaseSpinLock(&session->Lock, nested);
    }
    KeReleaseSpinLock(&SessionListLock, irql);
    return found;
}

_Use_decl_annotations_
VOID SessionUnlinkRegistration(REGISTRATION *Registration) {
    SESSION *session = Registration->Session;
    KIRQL irql;
    KIRQL nested;
    KeAcquireSpinLock(&SessionListLock, &irql);
    KeAcquireSpinLock(&session->Lock, &nested);
    RemoveEntryList(&Registration->Link);
    KeReleaseSpinLock(&session->Lock, nested);
    const BOOLEAN over = UnlinkIfOver(session);
    KeReleaseSpinLock(&SessionListLock, irql);
    if (over) {
        MemoryFree(session);
    }
}

_Use_decl_annotations_
VOID SessionQuery(SESSION *Session, SESSION_TOTALS *Totals) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; link != &Session->Registrations; link = link->Flink) {
        Totals->Registrations += !CONTAINING_RECORD(link, REGISTRATION, Link)->Leaving;
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    KeAcquireSpinLock(&Session->Queue.Lock, &irql);
    Totals->PendedReceives += (UINT32)Session->Receiver.PendedCount;
    Totals->QueueBytes += QueueBytes(&Session->Queue);
    Totals->QueueBytesLimit += Session->Queue.ByteLimit;
    Totals->QueueRecords += Session->Queue.Records;
    Totals->QueueRecordsLimit += Session->Queue.RecordLimit;
    AddCounters(&Totals->Counters, &Session->Queue.Counters);
    KeReleaseSpinLock(&Session->Queue.Lock, irql);
    KeAcquireSpinLock(&Session->Held.Lock, &irql);
    HeldAddCounters(&Totals->Decisions, &Session->Held.Counters);
    KeReleaseSpinLock(&Session->Held.Lock, irql);
    ++Totals->Sessions;
}

_Use_decl_annotations_
VOID SessionQueryAll(SESSION_TOTALS *Totals) {
    KIRQL irql;
    RtlZeroMemory(Totals, sizeof(*Totals));
    KeAcquireSpinLock(&SessionListLock, &irql);
    Totals->Counters = SessionPastCounters;
    Totals->Decisions = SessionPastDecisions;
    for (LIST_ENTRY *link = SessionList.Flink; link != &SessionList; link = link->Flink) {
        SESSION *session = CONTAINING_RECORD(link, SESSION, Link);
        SessionQuery(session, Totals);
        Totals->Sessions -= session->Detached;
    }
    KeReleaseSpinLock(&SessionListLock, irql);
}
