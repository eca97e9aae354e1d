// SPDX-License-Identifier: MIT
//
// Requests to the driver. Windows runs each on the thread that makes it. Wine has one thread for all requests to the
// drivers of a process: there a request that waits would keep back the one that ends its wait. So workers stand in for
// the threads of the programs, and requests of one thread keep their order.

#include "kernel.h"

typedef struct CALLER {
    LIST_ENTRY Entry;
    LIST_ENTRY Waiting;  // for a worker
    LIST_ENTRY Requests; // behind the one at work
    HANDLE ProcessId;
    HANDLE ThreadId; // NULL: nobody else's requests join this one
} CALLER;

typedef struct WORKER {
    struct WORKER *Next;
    HANDLE Thread;
} WORKER;

static LIST_ENTRY Callers;
static LIST_ENTRY Waiting;
static ULONG Idle; // workers that nothing was promised to
static WORKER *Workers;
static KSPIN_LOCK Lock;
static KSEMAPHORE Wake;

VOID CmkInitializeRequests(VOID) {
    KeInitializeSpinLock(&Lock);
    KeInitializeSemaphore(&Wake, 0, MAXLONG);
    InitializeListHead(&Callers);
    InitializeListHead(&Waiting);
}

static CALLER *NextCaller(VOID) {
    CALLER *caller = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    if (!IsListEmpty(&Waiting)) {
        caller = CONTAINING_RECORD(RemoveHeadList(&Waiting), CALLER, Waiting);
    }
    KeReleaseSpinLock(&Lock, irql);
    return caller;
}

// The caller goes when it has no more; the worker is free again then.
static PIRP NextRequest(CALLER *Caller) {
    PIRP irp = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    if (!IsListEmpty(&Caller->Requests)) {
        irp = CONTAINING_RECORD(RemoveHeadList(&Caller->Requests), IRP, Tail.Overlay.ListEntry);
    } else {
        RemoveEntryList(&Caller->Entry);
        ++Idle;
    }
    KeReleaseSpinLock(&Lock, irql);
    return irp;
}

static VOID Serve(CALLER *Caller) {
    CMK_THREAD *thread = CmkCurrentThread();
    PIRP irp;

    thread->ProcessId = Caller->ProcessId;
    thread->ThreadId = Caller->ThreadId;
    while ((irp = NextRequest(Caller)) != NULL) {
        thread->PreviousMode = irp->RequestorMode;
        CmkFilterRun(IoGetCurrentIrpStackLocation(irp)->DeviceObject, irp);
    }
    thread->PreviousMode = KernelMode;
    CmkLeaveProcess(thread);
    thread->ProcessId = NULL;
    thread->ThreadId = NULL;
    ExFreePoolWithTag(Caller, CMK_TAG);
}

static VOID NTAPI WorkerThread(PVOID Context) {
    CALLER *caller;

    UNREFERENCED_PARAMETER(Context);
    for (;;) {
        KeWaitForSingleObject(&Wake, Executive, KernelMode, FALSE, NULL);
        caller = NextCaller();
        if (!caller) {
            break; // woken for nobody: the module is unloaded
        }
        Serve(caller);
    }
    CmkForgetThread();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID CreateWorker(VOID) {
    WORKER *worker = ExAllocatePoolWithTag(NonPagedPool, sizeof *worker, CMK_TAG);
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (worker) {
        status = PsCreateSystemThread(&worker->Thread, THREAD_ALL_ACCESS, &attributes, NULL, NULL, WorkerThread, NULL);
    }
    if (!NT_SUCCESS(status)) {
        // On Windows there is the thread that makes the request.
        KeBugCheckEx(0xC3000104, (ULONG_PTR)status, 0, 0, 0);
    }
    // Only the dispatching thread and Unload, which come one after the other, touch this list.
    worker->Next = Workers;
    Workers = worker;
}

// The lock is held.
static BOOLEAN Join(HANDLE ThreadId, PIRP Irp) {
    for (PLIST_ENTRY entry = Callers.Flink; ThreadId && entry != &Callers; entry = entry->Flink) {
        CALLER *caller = CONTAINING_RECORD(entry, CALLER, Entry);

        if (caller->ThreadId == ThreadId) {
            InsertTailList(&caller->Requests, &Irp->Tail.Overlay.ListEntry);
            return TRUE;
        }
    }
    return FALSE;
}

static CALLER *MakeCaller(HANDLE ThreadId, PIRP Irp) {
    CALLER *caller = ExAllocatePoolWithTag(NonPagedPool, sizeof *caller, CMK_TAG);

    if (!caller) {
        KeBugCheckEx(0xC3000104, 0, 0, 0, 0);
    }
    caller->ProcessId = PsGetCurrentProcessId();
    caller->ThreadId = ThreadId;
    InitializeListHead(&caller->Requests);
    InsertTailList(&caller->Requests, &Irp->Tail.Overlay.ListEntry);
    return caller;
}

// Nobody but the dispatching thread adds callers.
VOID CmkQueueRequest(PIRP Irp) {
    BOOLEAN closes = IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_CLOSE;
    // Whoever closes the last handle may be gone, and does not wait for what it asked before.
    HANDLE threadId = closes ? NULL : PsGetCurrentThreadId();
    BOOLEAN joined, hire;
    CALLER *caller;
    KIRQL irql;

    IoMarkIrpPending(Irp);
    KeAcquireSpinLock(&Lock, &irql);
    joined = Join(threadId, Irp);
    KeReleaseSpinLock(&Lock, irql);
    if (joined) {
        return;
    }
    caller = MakeCaller(threadId, Irp);
    KeAcquireSpinLock(&Lock, &irql);
    InsertTailList(&Callers, &caller->Entry);
    InsertTailList(&Waiting, &caller->Waiting);
    hire = Idle == 0;
    if (!hire) {
        --Idle;
    }
    KeReleaseSpinLock(&Lock, irql);
    if (hire) {
        CreateWorker();
    }
    KeReleaseSemaphore(&Wake, IO_NO_INCREMENT, 1, FALSE);
}

VOID CmkShutdownRequests(VOID) {
    for (WORKER *worker = Workers; worker; worker = worker->Next) {
        KeReleaseSemaphore(&Wake, IO_NO_INCREMENT, 1, FALSE);
    }
    while (Workers) {
        WORKER *worker = Workers;

        Workers = worker->Next;
        ZwWaitForSingleObject(worker->Thread, FALSE, NULL);
        ZwClose(worker->Thread);
        ExFreePoolWithTag(worker, CMK_TAG);
    }
}
