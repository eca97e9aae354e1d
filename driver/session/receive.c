// SPDX-License-Identifier: MIT
//
// RECEIVE requests that wait, and the pump that moves records into them.

#include "session/receive.h"

// A RECEIVE request passes through these states. IoCsq lets exactly one of the arrows that leave Pended win.
//
//                                   +--> Cancelled   IoCancelIrp: CompleteCanceledIrp, STATUS_CANCELLED
//                                   |
//   Arrived ---InsertIrp---> Pended-+--> Filling --> Completed   the pump: records, STATUS_SUCCESS
//      |                            |
//      |                            +--> Stopped     ReceiverStop, STATUS_CANCELLED
//      +--> Refused: too many, stopped, no mapping; the dispatch routine completes it
//
// Who may move it: Arrived and Refused belong to the dispatch routine, Pended to the list under Queue->Lock, Filling to
// the pump, of which there is at most one per session. So requests are filled and completed one after the other, oldest
// first, and a batch that completes earlier holds smaller sequence numbers.
//
// Everybody waits for whoever is the pump, so no ordinary thread may preempt it. It starts on whatever thread finds
// both a request and a record, a registry caller that has sent one or the thread that sent RECEIVE: there it runs at
// DISPATCH_LEVEL, and so completes one request with a small batch only. The rest is the work of a thread of the
// session's own, of a priority that ordinary threads do not have: on a busy machine there is always more, and no caller
// is to deliver it. It copies without the lock. Its races:
//
// Nobody waits: a registry caller that finds no request when it has sent a record leaves without the lock. The record
// and the insertion of a request are each followed by a full barrier before the other is looked for, so that one of the
// two threads sees both.
//
// Lost wake-up: a record or an insertion that finds the pump busy leaves. So the pump decides that there is nothing
// left and becomes idle under one hold of the lock, which the other side takes after its own change.
//
// Cancelled under its hands: IoCsqRemoveNextIrp may find nothing although the list is not empty, because each request
// in it is being cancelled. The pump leaves then; it must not wait for the cancelling threads, whose priority may be
// lower. But a request that came meanwhile found it busy: PumpAgain says so, and the pump looks once more.
//
// Session gone: once a request is in the list it can complete, and the handle can close, before ReceiverPend returns.
// The session is held by the dispatch routine (SESSION.Users), not by the request; a registry caller needs no hold, for
// its registration is not freed while it is inside the callback, and the session's thread is waited for. So that this
// thread is never the one that closes the handle, by the last reference that a request has, requests are completed at
// DISPATCH_LEVEL, where the system puts closing off.
//
// Stop: cleanup first refuses new requests and then empties the list; one that the pump holds completes normally.

static IO_CSQ_INSERT_IRP_EX InsertIrp;
static IO_CSQ_REMOVE_IRP RemoveIrp;
static IO_CSQ_PEEK_NEXT_IRP PeekNextIrp;
static IO_CSQ_ACQUIRE_LOCK AcquireLock;
static IO_CSQ_RELEASE_LOCK ReleaseLock;
static IO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceledIrp;
static KSTART_ROUTINE RunPump;

// A batch that a caller delivers has at most so many bytes.
#define CALLER_BYTES 16384

// The place where ReceiverPend keeps the mapping of the request's output. IoCsq uses only the last of the four places
// of DriverContext.
#define IRP_OUTPUT(Irp) ((Irp)->Tail.Overlay.DriverContext[0])

static RECEIVER *ReceiverOf(_In_ IO_CSQ *Csq) {
    return CONTAINING_RECORD(Csq, RECEIVER, Csq);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID CompleteIrp(_Inout_ IRP *Irp, _In_ NTSTATUS Status, _In_ ULONG_PTR Information) {
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

_Use_decl_annotations_
static NTSTATUS InsertIrp(IO_CSQ *Csq, PIRP Irp, PVOID InsertContext) {
    RECEIVER *receiver = ReceiverOf(Csq);
    UNREFERENCED_PARAMETER(InsertContext);
    if (receiver->Stopped) {
        return STATUS_FILE_CLOSED;
    }
    if (receiver->PendedCount >= CMB_MAX_PENDED_RECEIVES) {
        return STATUS_QUOTA_EXCEEDED;
    }
    WriteRelease(&receiver->PendedCount, receiver->PendedCount + 1);
    InsertTailList(&receiver->Pended, &Irp->Tail.Overlay.ListEntry);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
static VOID RemoveIrp(IO_CSQ *Csq, PIRP Irp) {
    RECEIVER *receiver = ReceiverOf(Csq);
    WriteRelease(&receiver->PendedCount, receiver->PendedCount - 1);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

_Use_decl_annotations_
static PIRP PeekNextIrp(IO_CSQ *Csq, PIRP Irp, PVOID PeekContext) {
    RECEIVER *receiver = ReceiverOf(Csq);
    LIST_ENTRY *next = Irp ? Irp->Tail.Overlay.ListEntry.Flink : receiver->Pended.Flink;
    UNREFERENCED_PARAMETER(PeekContext);
    return next == &receiver->Pended ? NULL : CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);
}

_Use_decl_annotations_
static VOID AcquireLock(IO_CSQ *Csq, PKIRQL Irql) {
    KeAcquireSpinLock(&ReceiverOf(Csq)->Queue->Lock, Irql);
}

_Use_decl_annotations_
static VOID ReleaseLock(IO_CSQ *Csq, KIRQL Irql) {
    KeReleaseSpinLock(&ReceiverOf(Csq)->Queue->Lock, Irql);
}

_Use_decl_annotations_
static VOID CompleteCanceledIrp(IO_CSQ *Csq, PIRP Irp) {
    UNREFERENCED_PARAMETER(Csq);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

_Use_decl_annotations_
NTSTATUS ReceiverInitialize(RECEIVER *Receiver, QUEUE *Queue) {
    RtlZeroMemory(Receiver, sizeof(*Receiver));
    Receiver->Queue = Queue;
    InitializeListHead(&Receiver->Pended);
    KeInitializeEvent(&Receiver->Work, SynchronizationEvent, FALSE);
    return IoCsqInitializeEx(&Receiver->Csq, InsertIrp, RemoveIrp, PeekNextIrp, AcquireLock, ReleaseLock,
                             CompleteCanceledIrp);
}

_Use_decl_annotations_
NTSTATUS ReceiverStart(RECEIVER *Receiver) {
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, RunPump, Receiver);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // A kernel handle of ours, whose object is of whatever type it is: this does not fail.
    status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Receiver->Thread, NULL);
    NT_ASSERT(NT_SUCCESS(status));
    ZwClose(handle);
    return status;
}

_Use_decl_annotations_
VOID ReceiverUninitialize(RECEIVER *Receiver) {
    if (Receiver->Thread) {
        WriteRelease(&Receiver->Ending, TRUE);
        KeSetEvent(&Receiver->Work, IO_NO_INCREMENT, FALSE);
        KeWaitForSingleObject(Receiver->Thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Receiver->Thread);
        Receiver->Thread = NULL;
    }
}

_Use_decl_annotations_
VOID ReceiverStop(RECEIVER *Receiver) {
    KIRQL irql;
    KeAcquireSpinLock(&Receiver->Queue->Lock, &irql);
    Receiver->Stopped = TRUE;
    KeReleaseSpinLock(&Receiver->Queue->Lock, irql);
    for (IRP *irp; (irp = IoCsqRemoveNextIrp(&Receiver->Csq, NULL)) != NULL;) {
        CompleteIrp(irp, STATUS_CANCELLED, 0);
    }
}

_Use_decl_annotations_
NTSTATUS ReceiverPend(RECEIVER *Receiver, IRP *Irp) {
    // The output is mapped here, where failing is possible: filling must not fail, or records would be lost.
    IRP_OUTPUT(Irp) = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority | MdlMappingNoExecute);
    if (!IRP_OUTPUT(Irp)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const NTSTATUS status = IoCsqInsertIrpEx(&Receiver->Csq, Irp, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ReceiverWake(Receiver);
    return STATUS_PENDING;
}

_Requires_lock_held_(Receiver->Queue->Lock)
static BOOLEAN HasWork(_In_ const RECEIVER *Receiver) {
    return Receiver->PendedCount != 0 && QueueHasBatch(Receiver->Queue);
}

// Completes the oldest request, if there is one, with a batch of at most Limit bytes, into which the oldest record
// fits. FALSE if each request is being cancelled.
_IRQL_requires_max_(DISPATCH_LEVEL)
static BOOLEAN Deliver(_Inout_ RECEIVER *Receiver, _In_ ULONG Limit) {
    IRP *irp = IoCsqRemoveNextIrp(&Receiver->Csq, NULL);
    if (!irp) {
        return FALSE;
    }
    const ULONG size = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.OutputBufferLength;
    const ULONG written = QueueTakeBatch(Receiver->Queue, IRP_OUTPUT(irp), min(size, Limit));
    const KIRQL irql = KeRaiseIrqlToDpcLevel();
    CompleteIrp(irp, STATUS_SUCCESS, written);
    KeLowerIrql(irql);
    return TRUE;
}

// Makes the caller the pump, if there is work and no other pump. A pump that is there looks once more. Small: what
// comes first fits into the batch of a caller.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN StartPump(_Inout_ RECEIVER *Receiver, _Out_ BOOLEAN *Small) {
    KIRQL irql;
    KeAcquireSpinLock(&Receiver->Queue->Lock, &irql);
    const BOOLEAN started = !Receiver->Pumping && HasWork(Receiver);
    *Small = QueueStartsWithin(Receiver->Queue, CALLER_BYTES);
    if (started) {
        Receiver->Pumping = TRUE;
        Receiver->PumpAgain = FALSE;
    } else if (Receiver->Pumping) {
        Receiver->PumpAgain = TRUE;
    }
    KeReleaseSpinLock(&Receiver->Queue->Lock, irql);
    return started;
}

// Completes one request. FALSE: there is nothing left, and the caller is the pump no more. Only the pump takes records,
// so what makes work for it stays until it has a request.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN PumpOne(_Inout_ RECEIVER *Receiver, _In_ ULONG Limit) {
    KIRQL irql;
    const BOOLEAN delivered = Deliver(Receiver, Limit);
    KeAcquireSpinLock(&Receiver->Queue->Lock, &irql);
    Receiver->Pumping = HasWork(Receiver) && (delivered || Receiver->PumpAgain);
    Receiver->PumpAgain = FALSE;
    const BOOLEAN more = Receiver->Pumping;
    KeReleaseSpinLock(&Receiver->Queue->Lock, irql);
    return more;
}

// The thread of the session. It is the pump from when Work is set until there is nothing left.
_Use_decl_annotations_
static VOID NTAPI RunPump(PVOID Context) {
    RECEIVER *receiver = Context;
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    for (;;) {
        KeWaitForSingleObject(&receiver->Work, Executive, KernelMode, FALSE, NULL);
        if (ReadAcquire(&receiver->Ending)) {
            break;
        }
        while (PumpOne(receiver, MAXULONG)) {
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

_Use_decl_annotations_
VOID ReceiverWake(VOID *Context) {
    RECEIVER *receiver = Context;
    BOOLEAN small;
    KeMemoryBarrier();
    if (ReadAcquire(&receiver->PendedCount) == 0) {
        return;
    }
    const KIRQL irql = KeRaiseIrqlToDpcLevel();
    if (StartPump(receiver, &small) && (!small || PumpOne(receiver, CALLER_BYTES))) {
        KeSetEvent(&receiver->Work, IO_NO_INCREMENT, FALSE);
    }
    KeLowerIrql(irql);
}
