// SPDX-License-Identifier: MIT
//
// Threads: on whose behalf they run, their previous mode and IRQL, and a pointer for the configuration manager.

#include "kernel.h"

#include <intrin.h>

#define CMK_MAX_THREADS 1024

static CMK_THREAD Threads[CMK_MAX_THREADS];
static volatile LONG ThreadsUsed;

// ClientId.UniqueThread of the TEB. Wine's PsGetCurrentThreadId answers for the program whose request is being
// dispatched.
static LONG64 RealThreadId(VOID) {
    return (LONG64)__readgsqword(0x48);
}

// ClientId.UniqueProcess.
HANDLE CmkOwnProcessId(VOID) {
    return (HANDLE)__readgsqword(0x40);
}

CMK_THREAD *CmkCurrentThread(VOID) {
    LONG64 id = RealThreadId();
    LONG used = ThreadsUsed;

    for (LONG index = 0; index < used; ++index) {
        if (Threads[index].Id == id) {
            return &Threads[index];
        }
    }
    // Nobody else looks for this thread's id, so claiming a free place needs no lock.
    for (LONG index = 0; index < CMK_MAX_THREADS; ++index) {
        CMK_THREAD *thread = &Threads[index];

        if (thread->Id == 0 && InterlockedCompareExchange64(&thread->Id, id, 0) == 0) {
            thread->ProcessId = NULL;
            thread->ThreadId = NULL;
            thread->Process = NULL;
            thread->CmSlot = NULL;
            thread->PreviousMode = KernelMode;
            thread->Irql = PASSIVE_LEVEL;
            for (LONG seen = ThreadsUsed; seen <= index; seen = ThreadsUsed) {
                InterlockedCompareExchange(&ThreadsUsed, index + 1, seen);
            }
            return thread;
        }
    }
    DbgPrint("cmkernel: more than %d threads\n", CMK_MAX_THREADS);
    KeBugCheckEx(0xC3000100, CMK_MAX_THREADS, 0, 0, 0);
}

VOID CmkForgetThread(VOID) {
    CMK_THREAD *thread = CmkCurrentThread();

    CmkLeaveProcess(thread);
    InterlockedExchange64(&thread->Id, 0);
}

HANDLE CmkPsGetCurrentProcessId(VOID) {
    CMK_THREAD *thread = CmkCurrentThread();

    return thread->ProcessId ? thread->ProcessId : PsGetCurrentProcessId();
}

HANDLE CmkPsGetCurrentThreadId(VOID) {
    CMK_THREAD *thread = CmkCurrentThread();

    return thread->ThreadId ? thread->ThreadId : PsGetCurrentThreadId();
}

// Wine's is missing.
KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID) {
    return CmkCurrentThread()->PreviousMode;
}

KPROCESSOR_MODE CmPortSetPreviousMode(KPROCESSOR_MODE Mode) {
    CMK_THREAD *thread = CmkCurrentThread();
    KPROCESSOR_MODE before = thread->PreviousMode;

    thread->PreviousMode = Mode;
    return before;
}

PVOID *CmPortThreadSlot(VOID) {
    return &CmkCurrentThread()->CmSlot;
}

KIRQL CmPortCurrentIrql(VOID) {
    return CmkCurrentThread()->Irql;
}

// Nothing here disables APCs but the IRQL.
BOOLEAN NTAPI CmkKeAreAllApcsDisabled(VOID) {
    return CmPortCurrentIrql() >= APC_LEVEL;
}

VOID CmPortEnterCallback(PCM_PORT_CALL Call) {
    Call->Opaque[0] = CmPortCurrentIrql();
}

VOID CmPortLeaveCallback(PCM_PORT_CALL Call, PVOID Callback) {
    if (CmPortCurrentIrql() != Call->Opaque[0]) {
        DbgPrint("cmkernel: callback %p came back at another IRQL\n", Callback);
        KeBugCheckEx(0xC3000102, (ULONG_PTR)Callback, Call->Opaque[0], CmPortCurrentIrql(), 0);
    }
}

// The driver's spin locks go through here, so that the IRQL is known; Wine has none.
KIRQL CmkKeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK Lock) {
    CMK_THREAD *thread = CmkCurrentThread();
    KIRQL before = thread->Irql;

    KeAcquireSpinLockRaiseToDpc(Lock);
    thread->Irql = DISPATCH_LEVEL;
    return before;
}

VOID CmkKeReleaseSpinLock(PKSPIN_LOCK Lock, KIRQL Irql) {
    KeReleaseSpinLock(Lock, PASSIVE_LEVEL);
    CmkCurrentThread()->Irql = Irql;
}

KIRQL NTAPI CmkKeRaiseIrqlToDpcLevel(VOID) {
    CMK_THREAD *thread = CmkCurrentThread();
    KIRQL before = thread->Irql;

    thread->Irql = DISPATCH_LEVEL;
    return before;
}

VOID NTAPI CmkKeLowerIrql(KIRQL Irql) {
    CmkCurrentThread()->Irql = Irql;
}

// A thread of the driver's own.
typedef struct DRIVER_THREAD {
    PKSTART_ROUTINE Start;
    PVOID Context;
} DRIVER_THREAD;

static VOID NTAPI RunDriverThread(PVOID Context) {
    DRIVER_THREAD thread = *(DRIVER_THREAD *)Context;

    ExFreePoolWithTag(Context, CMK_TAG);
    thread.Start(thread.Context);
    CmkForgetThread();
}

NTSTATUS NTAPI CmkPsCreateSystemThread(PHANDLE Handle, ULONG Access, POBJECT_ATTRIBUTES Attributes, HANDLE Process,
                                       PCLIENT_ID ClientId, PKSTART_ROUTINE Start, PVOID Context) {
    DRIVER_THREAD *thread = ExAllocatePoolWithTag(NonPagedPool, sizeof *thread, CMK_TAG);
    NTSTATUS status;

    if (!thread) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *thread = (DRIVER_THREAD){.Start = Start, .Context = Context};
    status = PsCreateSystemThread(Handle, Access, Attributes, Process, ClientId, RunDriverThread, thread);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(thread, CMK_TAG);
    }
    return status;
}

NTSTATUS NTAPI CmkPsTerminateSystemThread(NTSTATUS Status) {
    CmkForgetThread();
    return PsTerminateSystemThread(Status);
}
