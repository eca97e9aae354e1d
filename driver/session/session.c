// SPDX-License-Identifier: MIT

#include "session/session.h"
#include "base/memory.h"
#include "decide/held_count.h"
#include "process/identity.h"
#include "session/registration.h"

// Lock order: this one, a session's, that of what it holds, its queue's.
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

_Use_decl_annotations_
NTSTATUS SessionCreate(DEVICE_OBJECT *Device, SESSION **Session) {
    IDENTITY_PROCESS owner;
    KIRQL irql;
    *Session = NULL;
    SESSION *session = MemoryAllocate(sizeof(*session));
    if (!session) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IdentityGetProcess(&owner);
    session->OwnerKey = owner.Key;
    session->OwnerId = owner.Id;
    session->Users = 1;
    session->State = SessionNew;
    KeInitializeEvent(&session->Idle, NotificationEvent, FALSE);
    KeInitializeSpinLock(&session->Lock);
    InitializeListHead(&session->Registrations);
    QueueInitialize(&session->Queue);
    HeldInitialize(&session->Held);
    const NTSTATUS status = ReceiverInitialize(&session->Receiver, &session->Queue, Device);
    if (!NT_SUCCESS(status)) {
        MemoryFree(session);
        return status;
    }
    KeAcquireSpinLock(&SessionListLock, &irql);
    InsertTailList(&SessionList, &session->Link);
    KeReleaseSpinLock(&SessionListLock, irql);
    *Session = session;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID SessionStop(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    Session->State = SessionStopped;
    KeReleaseSpinLock(&Session->Lock, irql);
    QueueStop(&Session->Queue);
    ReceiverStop(&Session->Receiver);
    // All at once: an operation that one registration holds may be what the removal of another waits for.
    HeldStop(&Session->Held);
    // A REGISTER that is at work now finds the session stopped and undoes itself.
    RegistrationRemoveAll(Session);
}

static VOID AddCounters(_Inout_ QUEUE_COUNTERS *Sum, _In_ const QUEUE_COUNTERS *Counters) {
    Sum->Callbacks += Counters->Callbacks;
    Sum->Recorded += Counters->Recorded;
    Sum->Coalesced += Counters->Coalesced;
    Sum->Delivered += Counters->Delivered;
    Sum->LostQueueFull += Counters->LostQueueFull;
    Sum->LostNoMemory += Counters->LostNoMemory;
    Sum->LostCaptureFault += Counters->LostCaptureFault;
    Sum->LostRateLimit += Counters->LostRateLimit;
    Sum->PathFailures += Counters->PathFailures;
    Sum->CaptureFaults += Counters->CaptureFaults;
}

// Whether nothing is left that needs the session; then nobody finds it any more, and the caller frees it.
_Requires_lock_held_(SessionListLock)
_Must_inspect_result_
static BOOLEAN UnlinkIfOver(_Inout_ SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const BOOLEAN over = Session->Detached && !Session->Removals && IsListEmpty(&Session->Registrations);
    KeReleaseSpinLock(&Session->Lock, irql);
    if (over) {
        RemoveEntryList(&Session->Link);
        AddCounters(&SessionPastCounters, &Session->Queue.Counters);
        HeldAddCounters(&SessionPastDecisions, &Session->Held.Counters);
    }
    return over;
}

_Use_decl_annotations_
VOID SessionFree(SESSION *Session) {
    KIRQL irql;
    SessionLeave(Session);
    KeWaitForSingleObject(&Session->Idle, Executive, KernelMode, FALSE, NULL);
    NT_ASSERT(IsListEmpty(&Session->Receiver.Pended));
    // Callbacks that are still to come find all of these stopped.
    ReceiverUninitialize(&Session->Receiver);
    QueueUninitialize(&Session->Queue);
    HeldUninitialize(&Session->Held);
    KeAcquireSpinLock(&SessionListLock, &irql);
    Session->Detached = TRUE;
    const BOOLEAN over = UnlinkIfOver(Session);
    KeReleaseSpinLock(&SessionListLock, irql);
    if (over) {
        MemoryFree(Session);
    }
}

_Use_decl_annotations_
REGISTRATION *SessionTakeKept(SESSION_MATCH *Match, const VOID *Context) {
    REGISTRATION *registration = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&SessionListLock, &irql);
    for (LIST_ENTRY *link = SessionList.Flink; !registration && link != &SessionList; link = link->Flink) {
        SESSION *session = CONTAINING_RECORD(link, SESSION, Link);
        registration = RegistrationTakeKept(session, Match, Context);
        session->Removals += registration != NULL;
    }
    KeReleaseSpinLock(&SessionListLock, irql);
    return registration;
}

_Use_decl_annotations_
VOID SessionEndRemoval(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&SessionListLock, &irql);
    --Session->Removals;
    const BOOLEAN over = UnlinkIfOver(Session);
    KeReleaseSpinLock(&SessionListLock, irql);
    if (over) {
        MemoryFree(Session);
    }
}

_Use_decl_annotations_
VOID SessionEnter(SESSION *Session) {
    InterlockedIncrement(&Session->Users);
}

_Use_decl_annotations_
VOID SessionLeave(SESSION *Session) {
    if (InterlockedDecrement(&Session->Users) == 0) {
        KeSetEvent(&Session->Idle, IO_NO_INCREMENT, FALSE);
    }
}

// Moves From -> To; what is expected is no longer so if the session was stopped meanwhile.
_IRQL_requires_max_(DISPATCH_LEVEL)
static BOOLEAN ChangeState(_Inout_ SESSION *Session, _In_ SESSION_STATE From, _In_ SESSION_STATE To) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const BOOLEAN expected = Session->State == From;
    if (expected) {
        Session->State = To;
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return expected;
}

_Use_decl_annotations_
NTSTATUS SessionStart(SESSION *Session, ULONG QueueBytes, ULONG QueueRecords, ULONG MaxHeld) {
    if (!ChangeState(Session, SessionNew, SessionStarting)) {
        return STATUS_INVALID_DEVICE_STATE;
    }
    NTSTATUS status = HeldAllocate(&Session->Held, MaxHeld);
    if (NT_SUCCESS(status)) {
        status = QueueAllocate(&Session->Queue, QueueBytes, QueueRecords);
        if (!NT_SUCCESS(status)) {
            HeldUninitialize(&Session->Held);
        }
    }
    // If the session was stopped meanwhile all of it stays until SessionFree.
    if (!ChangeState(Session, SessionStarting, NT_SUCCESS(status) ? SessionReady : SessionNew)) {
        return STATUS_FILE_CLOSED;
    }
    return status;
}

_Use_decl_annotations_
SESSION_STATE SessionGetState(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const SESSION_STATE state = Session->State;
    KeReleaseSpinLock(&Session->Lock, irql);
    return state;
}

_Use_decl_annotations_
VOID SessionQuery(SESSION *Session, SESSION_TOTALS *Totals) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; link != &Session->Registrations; link = link->Flink) {
        ++Totals->Registrations;
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    KeAcquireSpinLock(&Session->Queue.Lock, &irql);
    Totals->PendedReceives += (UINT32)Session->Receiver.PendedCount;
    Totals->QueueBytes += Session->Queue.Ring.Used;
    Totals->QueueBytesLimit += Session->Queue.Ring.Capacity;
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
