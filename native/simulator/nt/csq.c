// SPDX-License-Identifier: MIT
//
// Cancel-safe queues over the documented IO_CSQ contract and public IRP fields only: nothing here is the simulator's
// own.
//
// Who owns a queued IRP is decided by IoSetCancelRoutine: whoever takes our routine out of the IRP may remove and
// complete it. The link between an IRP and its queue is DriverContext[3]: the queue itself, or the caller's
// IO_CSQ_IRP_CONTEXT.

#include <ntifs.h>

static PIO_CSQ CsqOf(PVOID Link, PIO_CSQ_IRP_CONTEXT *Context) {
    PIO_CSQ_IRP_CONTEXT Candidate = (PIO_CSQ_IRP_CONTEXT)Link;

    // Both structures start with a type.
    if (Candidate->Type == IO_TYPE_CSQ_IRP_CONTEXT) {
        *Context = Candidate;
        return Candidate->Csq;
    }
    *Context = NULL;
    return (PIO_CSQ)Link;
}

static VOID CsqCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    PIO_CSQ_IRP_CONTEXT Context;
    PIO_CSQ Csq;
    KIRQL Irql;

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Csq = CsqOf(Irp->Tail.Overlay.DriverContext[3], &Context);
    Csq->CsqAcquireLock(Csq, &Irql);
    Csq->CsqRemoveIrp(Csq, Irp);
    if (Context != NULL) {
        // IoCsqRemoveIrp on the context finds that it came too late.
        Context->Irp = NULL;
    }
    Irp->Tail.Overlay.DriverContext[3] = NULL;
    Csq->CsqReleaseLock(Csq, Irql);
    Csq->CsqCompleteCanceledIrp(Csq, Irp);
}

// Under the queue's lock. TRUE: the IRP is the caller's now.
static BOOLEAN CsqTake(PIO_CSQ Csq, PIRP Irp) {
    PIO_CSQ_IRP_CONTEXT Context;

    if (IoSetCancelRoutine(Irp, NULL) == NULL) {
        // CsqCancel is on its way to the lock that the caller holds.
        return FALSE;
    }
    (VOID) CsqOf(Irp->Tail.Overlay.DriverContext[3], &Context);
    if (Context != NULL) {
        Context->Irp = NULL;
    }
    Irp->Tail.Overlay.DriverContext[3] = NULL;
    Csq->CsqRemoveIrp(Csq, Irp);
    return TRUE;
}

static NTSTATUS CsqInitialize(PIO_CSQ Csq, ULONG Type, PIO_CSQ_INSERT_IRP InsertIrp, PIO_CSQ_REMOVE_IRP RemoveIrp,
                              PIO_CSQ_PEEK_NEXT_IRP PeekNextIrp, PIO_CSQ_ACQUIRE_LOCK AcquireLock,
                              PIO_CSQ_RELEASE_LOCK ReleaseLock, PIO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceledIrp) {
    Csq->Type = Type;
    Csq->CsqInsertIrp = InsertIrp;
    Csq->CsqRemoveIrp = RemoveIrp;
    Csq->CsqPeekNextIrp = PeekNextIrp;
    Csq->CsqAcquireLock = AcquireLock;
    Csq->CsqReleaseLock = ReleaseLock;
    Csq->CsqCompleteCanceledIrp = CompleteCanceledIrp;
    Csq->ReservePointer = NULL;
    return STATUS_SUCCESS;
}

NTSTATUS IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                         PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp, PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                         PIO_CSQ_RELEASE_LOCK CsqReleaseLock, PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp) {
    return CsqInitialize(Csq, IO_TYPE_CSQ, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp, CsqAcquireLock, CsqReleaseLock,
                         CsqCompleteCanceledIrp);
}

NTSTATUS IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                           PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp, PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                           PIO_CSQ_RELEASE_LOCK CsqReleaseLock, PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp) {
    // The structure has one field for both kinds of insert routine; the type says which it is. The detour over VOID
    // (*)(VOID) is how C says that the conversion is meant.
    return CsqInitialize(Csq, IO_TYPE_CSQ_EX, (PIO_CSQ_INSERT_IRP)(VOID(*)(VOID))CsqInsertIrp, CsqRemoveIrp,
                         CsqPeekNextIrp, CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
}

NTSTATUS IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context, PVOID InsertContext) {
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    if (Csq->Type == IO_TYPE_CSQ_EX) {
        Status = ((PIO_CSQ_INSERT_IRP_EX)(VOID(*)(VOID))Csq->CsqInsertIrp)(Csq, Irp, InsertContext);
        if (!NT_SUCCESS(Status)) {
            Csq->CsqReleaseLock(Csq, Irql);
            return Status;
        }
    } else {
        Csq->CsqInsertIrp(Csq, Irp);
    }
    if (Context != NULL) {
        Context->Type = IO_TYPE_CSQ_IRP_CONTEXT;
        Context->Irp = Irp;
        Context->Csq = Csq;
    }
    Irp->Tail.Overlay.DriverContext[3] = Context != NULL ? (PVOID)Context : (PVOID)Csq;
    IoMarkIrpPending(Irp);
    (VOID) IoSetCancelRoutine(Irp, CsqCancel);
    // Cancelled before the routine was there: nobody will call it. If the routine is gone again, CsqCancel completes
    // the IRP.
    if (ReadBooleanAcquire(&Irp->Cancel) && CsqTake(Csq, Irp)) {
        Csq->CsqReleaseLock(Csq, Irql);
        Csq->CsqCompleteCanceledIrp(Csq, Irp);
        return Status;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Status;
}

VOID IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context) {
    (VOID) IoCsqInsertIrpEx(Csq, Irp, Context, NULL);
}

PIRP IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context) {
    PIRP Irp;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    Irp = Context->Irp;
    if (Irp != NULL && !CsqTake(Csq, Irp)) {
        Irp = NULL;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}

PIRP IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext) {
    PIRP Irp;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    Irp = Csq->CsqPeekNextIrp(Csq, NULL, PeekContext);
    while (Irp != NULL && !CsqTake(Csq, Irp)) {
        Irp = Csq->CsqPeekNextIrp(Csq, Irp, PeekContext);
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}
