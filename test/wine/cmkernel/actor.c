// SPDX-License-Identifier: MIT
//
// Actor threads. A registry operation may be held up by a callback, and all requests of a winedevice process are
// dispatched by one thread; so each handle of the control device has a system thread on which its operations run.

#include "kernel.h"

struct CMK_ACTOR {
    LIST_ENTRY Entry; // of all actors
    LIST_ENTRY Requests;
    KSEMAPHORE Wake;
    HANDLE ProcessId;
    HANDLE ThreadId;
    PIRP CloseIrp;
};

volatile LONG CmkActors;

// An actor frees itself, so the handle of its thread is kept apart.
typedef struct THREAD_HANDLE {
    struct THREAD_HANDLE *Next;
    HANDLE Thread;
} THREAD_HANDLE;

static LIST_ENTRY Actors;
static THREAD_HANDLE *Threads;
static KSPIN_LOCK Lock;
static volatile LONG NextThreadId = 0x100000;

VOID CmkInitializeActors(VOID) {
    KeInitializeSpinLock(&Lock);
    InitializeListHead(&Actors);
}

static PIRP NextRequest(CMK_ACTOR *Actor) {
    PIRP irp = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    if (!IsListEmpty(&Actor->Requests)) {
        irp = CONTAINING_RECORD(RemoveHeadList(&Actor->Requests), IRP, Tail.Overlay.ListEntry);
    }
    KeReleaseSpinLock(&Lock, irql);
    return irp;
}

static VOID Run(PIRP Irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG inputSize = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG outputSize = stack->Parameters.DeviceIoControl.OutputBufferLength;
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    ULONG used = 0;
    CMK_REPLY *reply;

    if (inputSize >= sizeof(CMK_REQUEST) && inputSize <= CMK_MAX_MESSAGE) {
        // The system buffer holds the request and will hold the reply.
        reply = ExAllocatePoolWithTag(NonPagedPool, outputSize, CMK_TAG);
        status = STATUS_INSUFFICIENT_RESOURCES;
        if (reply) {
            RtlZeroMemory(reply, outputSize);
            ((CMK_REQUEST *)Irp->AssociatedIrp.SystemBuffer)->Size = inputSize;
            used = CmkRunOperation(Irp->AssociatedIrp.SystemBuffer, reply, outputSize);
            RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, reply, used);
            ExFreePoolWithTag(reply, CMK_TAG);
            status = STATUS_SUCCESS;
        }
    }
    Irp->IoStatus.Status = status;
    Irp->IoStatus.Information = used;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

// The last thread of a process takes its handles along.
static VOID Leave(CMK_ACTOR *Actor) {
    BOOLEAN last = TRUE;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    RemoveEntryList(&Actor->Entry);
    for (PLIST_ENTRY entry = Actors.Flink; entry != &Actors; entry = entry->Flink) {
        if (CONTAINING_RECORD(entry, CMK_ACTOR, Entry)->ProcessId == Actor->ProcessId) {
            last = FALSE;
        }
    }
    KeReleaseSpinLock(&Lock, irql);
    if (last) {
        CmkCloseProcessHandles(Actor->ProcessId);
    }
}

static VOID NTAPI ActorThread(PVOID Context) {
    CMK_ACTOR *actor = Context;
    CMK_THREAD *thread = CmkCurrentThread();
    PIRP close;

    thread->ProcessId = actor->ProcessId;
    thread->ThreadId = actor->ThreadId;
    thread->PreviousMode = UserMode;
    for (;;) {
        PIRP irp;

        KeWaitForSingleObject(&actor->Wake, Executive, KernelMode, FALSE, NULL);
        irp = NextRequest(actor);
        if (!irp) {
            break; // woken without a request: the handle is closed
        }
        Run(irp);
    }
    Leave(actor);
    CmkForgetThread();
    close = actor->CloseIrp;
    ExFreePoolWithTag(actor, CMK_TAG);
    InterlockedDecrement(&CmkActors);
    close->IoStatus.Status = STATUS_SUCCESS;
    close->IoStatus.Information = 0;
    IoCompleteRequest(close, IO_NO_INCREMENT);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

NTSTATUS CmkCreateActor(HANDLE ProcessId, CMK_ACTOR **Created) {
    CMK_ACTOR *actor = ExAllocatePoolWithTag(NonPagedPool, sizeof *actor, CMK_TAG);
    THREAD_HANDLE *thread = ExAllocatePoolWithTag(NonPagedPool, sizeof *thread, CMK_TAG);
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    KIRQL irql;

    if (!actor || !thread) {
        goto Exit_Free;
    }
    RtlZeroMemory(actor, sizeof *actor);
    InitializeListHead(&actor->Requests);
    KeInitializeSemaphore(&actor->Wake, 0, MAXLONG);
    actor->ProcessId = ProcessId;
    actor->ThreadId = (HANDLE)(LONG_PTR)InterlockedExchangeAdd(&NextThreadId, 4);
    KeAcquireSpinLock(&Lock, &irql);
    InsertTailList(&Actors, &actor->Entry);
    KeReleaseSpinLock(&Lock, irql);
    InterlockedIncrement(&CmkActors);

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = PsCreateSystemThread(&thread->Thread, THREAD_ALL_ACCESS, &attributes, NULL, NULL, ActorThread, actor);
    if (!NT_SUCCESS(status)) {
        KeAcquireSpinLock(&Lock, &irql);
        RemoveEntryList(&actor->Entry);
        KeReleaseSpinLock(&Lock, irql);
        InterlockedDecrement(&CmkActors);
        goto Exit_Free;
    }
    // Only the dispatching thread and Unload, which come one after the other, touch this list.
    thread->Next = Threads;
    Threads = thread;
    *Created = actor;
    return STATUS_SUCCESS;

Exit_Free:
    if (thread) {
        ExFreePoolWithTag(thread, CMK_TAG);
    }
    if (actor) {
        ExFreePoolWithTag(actor, CMK_TAG);
    }
    return status;
}

VOID CmkShutdownActors(VOID) {
    while (Threads) {
        THREAD_HANDLE *thread = Threads;

        Threads = thread->Next;
        ZwWaitForSingleObject(thread->Thread, FALSE, NULL);
        ZwClose(thread->Thread);
        ExFreePoolWithTag(thread, CMK_TAG);
    }
}

NTSTATUS CmkQueueOperation(CMK_ACTOR *Actor, PIRP Irp) {
    KIRQL irql;

    IoMarkIrpPending(Irp);
    KeAcquireSpinLock(&Lock, &irql);
    InsertTailList(&Actor->Requests, &Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&Lock, irql);
    KeReleaseSemaphore(&Actor->Wake, IO_NO_INCREMENT, 1, FALSE);
    return STATUS_PENDING;
}

NTSTATUS CmkCloseActor(CMK_ACTOR *Actor, PIRP CloseIrp) {
    IoMarkIrpPending(CloseIrp);
    Actor->CloseIrp = CloseIrp;
    KeReleaseSemaphore(&Actor->Wake, IO_NO_INCREMENT, 1, FALSE);
    return STATUS_PENDING;
}
