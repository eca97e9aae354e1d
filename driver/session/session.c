// SPDX-License-Identifier: MIT
//
// A session from IRP_MJ_CREATE to IRP_MJ_CLOSE.

#include "session/session.h"
#include "base/memory.h"
#include "process/identity.h"
#include "session/registration.h"

_Use_decl_annotations_
NTSTATUS SessionCreate(SESSION **Session) {
    IDENTITY_PROCESS owner;
    *Session = NULL;
    SESSION *session = MemoryAllocate(sizeof(*session));
    if (!session) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IdentityGetProcess(&owner);
    session->OwnerKey = owner.Key;
    session->OwnerId = owner.Id;
    session->State = SessionNew;
    ExInitializeRundownProtection(&session->Users);
    KeInitializeSpinLock(&session->Lock);
    InitializeListHead(&session->Registrations);
    QueueInitialize(&session->Queue, ReceiverWake, &session->Receiver);
    HeldInitialize(&session->Held);
    const NTSTATUS status = ReceiverInitialize(&session->Receiver, &session->Queue);
    if (!NT_SUCCESS(status)) {
        MemoryFree(session);
        return status;
    }
    SessionLink(session);
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
    // All are let go at once: the operation that is held for one registration may be what the removal of another waits
    // for.
    HeldStop(&Session->Held);
    // A REGISTER that is at work now finds the session stopped and undoes itself.
    RegistrationRemoveAll(Session);
}

_Use_decl_annotations_
VOID SessionFree(SESSION *Session) {
    ExWaitForRundownProtectionRelease(&Session->Users);
    NT_ASSERT(IsListEmpty(&Session->Receiver.Pended));
    // Callbacks of registrations that are kept are still to come, and find all of these stopped.
    ReceiverUninitialize(&Session->Receiver);
    QueueUninitialize(&Session->Queue);
    HeldUninitialize(&Session->Held);
    SessionDetach(Session);
}

// Moves the state from From to To. FALSE if it is another than From, as when the session was stopped meanwhile.
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
        if (NT_SUCCESS(status)) {
            status = ReceiverStart(&Session->Receiver);
            if (!NT_SUCCESS(status)) {
                QueueUninitialize(&Session->Queue);
            }
        }
        if (!NT_SUCCESS(status)) {
            HeldUninitialize(&Session->Held);
        }
    }
    // If the session was stopped meanwhile, what was allocated stays until SessionFree.
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
