// SPDX-License-Identifier: MIT
//
// Cancel-safe IRP queues. Wine exports some of the names, but none of them does anything.

#include "kernel.h"

static VOID Unlink(PIRP Irp, PIO_CSQ Csq) {
    PIO_CSQ_IRP_CONTEXT context = Irp->Tail.Overlay.DriverContext[3];

    if (context && (PVOID)context != (PVOID)Csq) {
        context->Irp = NULL;
    }
    Irp->Tail.Overlay.DriverContext[3] = NULL;
    Csq->CsqRemoveIrp(Csq, Irp);
}

static VOID NTAPI CancelQueuedIrp(PDEVICE_OBJECT Device, PIRP Irp) {
    PIO_CSQ csq = Irp->Tail.Overlay.DriverContext[3];
    KIRQL irql;

    UNREFERENCED_PARAMETER(Device);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    // An IRP that was queued with a context keeps that instead of the queue.
    if (csq->Type == IO_TYPE_CSQ_IRP_CONTEXT) {
        csq = ((PIO_CSQ_IRP_CONTEXT)csq)->Csq;
    }
    csq->CsqAcquireLock(csq, &irql);
    Unlink(Irp, csq);
    csq->CsqReleaseLock(csq, irql);
    csq->CsqCompleteCanceledIrp(csq, Irp);
}

NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP InsertIrp, PIO_CSQ_REMOVE_IRP RemoveIrp,
                               PIO_CSQ_PEEK_NEXT_IRP PeekNextIrp, PIO_CSQ_ACQUIRE_LOCK AcquireLock,
                               PIO_CSQ_RELEASE_LOCK ReleaseLock, PIO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceledIrp) {
    Csq->Type = IO_TYPE_CSQ;
    Csq->CsqInsertIrp = InsertIrp;
    Csq->CsqRemoveIrp = RemoveIrp;
    Csq->CsqPeekNextIrp = PeekNextIrp;
    Csq->CsqAcquireLock = AcquireLock;
    Csq->CsqReleaseLock = ReleaseLock;
    Csq->CsqCompleteCanceledIrp = CompleteCanceledIrp;
    Csq->ReservePointer = NULL;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX InsertIrp, PIO_CSQ_REMOVE_IRP RemoveIrp,
                                 PIO_CSQ_PEEK_NEXT_IRP PeekNextIrp, PIO_CSQ_ACQUIRE_LOCK AcquireLock,
                                 PIO_CSQ_RELEASE_LOCK ReleaseLock, PIO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceledIrp) {
    IoCsqInitialize(Csq, (PIO_CSQ_INSERT_IRP)(PVOID)InsertIrp, RemoveIrp, PeekNextIrp, AcquireLock, ReleaseLock,
                    CompleteCanceledIrp);
    Csq->Type = IO_TYPE_CSQ_EX;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context, PVOID InsertContext) {
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL irql;

    Csq->CsqAcquireLock(Csq, &irql);
    if (Context) {
        Context->Type = IO_TYPE_CSQ_IRP_CONTEXT;
        Context->Irp = Irp;
        Context->Csq = Csq;
        Irp->Tail.Overlay.DriverContext[3] = Context;
    } else {
        Irp->Tail.Overlay.DriverContext[3] = Csq;
    }
    IoMarkIrpPending(Irp);
    if (Csq->Type == IO_TYPE_CSQ_EX) {
        status = ((PIO_CSQ_INSERT_IRP_EX)(PVOID)Csq->CsqInsertIrp)(Csq, Irp, InsertContext);
        if (!NT_SUCCESS(status)) {
            // Refused: the IRP stays with the caller, who decides about its status.
            Irp->Tail.Overlay.DriverContext[3] = NULL;
            if (Context) {
                Context->Irp = NULL;
            }
            IoGetCurrentIrpStackLocation(Irp)->Control &= ~SL_PENDING_RETURNED;
            Csq->CsqReleaseLock(Csq, irql);
            return status;
        }
    } else {
        Csq->CsqInsertIrp(Csq, Irp);
    }
    IoSetCancelRoutine(Irp, CancelQueuedIrp);
    // Cancelled before it had a cancel routine: nobody else will complete it.
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        Unlink(Irp, Csq);
        Csq->CsqReleaseLock(Csq, irql);
        Csq->CsqCompleteCanceledIrp(Csq, Irp);
        return status;
    }
    Csq->CsqReleaseLock(Csq, irql);
    return status;
}

VOID NTAPI IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context) {
    IoCsqInsertIrpEx(Csq, Irp, Context, NULL);
}

PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext) {
    PIRP irp;
    KIRQL irql;

    Csq->CsqAcquireLock(Csq, &irql);
    for (irp = Csq->CsqPeekNextIrp(Csq, NULL, PeekContext); irp; irp = Csq->CsqPeekNextIrp(Csq, irp, PeekContext)) {
        // Without its cancel routine it is being cancelled already; the routine waits for the lock and takes it out.
        if (IoSetCancelRoutine(irp, NULL)) {
            Unlink(irp, Csq);
            break;
        }
    }
    Csq->CsqReleaseLock(Csq, irql);
    return irp;
}

PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context) {
    PIRP irp;
    KIRQL irql;

    Csq->CsqAcquireLock(Csq, &irql);
    irp = Context->Irp;
    if (irp) {
        if (IoSetCancelRoutine(irp, NULL)) {
            Unlink(irp, Csq);
        } else {
            irp = NULL;
        }
    }
    Csq->CsqReleaseLock(Csq, irql);
    return irp;
}
