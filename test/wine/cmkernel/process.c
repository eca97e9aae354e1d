// SPDX-License-Identifier: MIT
//
// Process objects: the processes for which threads run, with what Wine knows of them: those of the actors, and the one
// whose request to the driver is being dispatched. Threads that act for nobody belong to winedevice.

#include "kernel.h"

typedef struct PROCESS_BODY {
    LIST_ENTRY Entry;
    ULONG Threads; // that act for it now: it stays on the list as long
    HANDLE Id;
    HANDLE Handle; // keeps Wine from using the id again; NULL if it did not open the process: then nothing is known
    LONG64 CreateTime;
} PROCESS_BODY;

static LIST_ENTRY Processes;
static FAST_MUTEX Mutex;
static PROCESS_BODY *Own;

static VOID DeleteProcess(PVOID Object) {
    PROCESS_BODY *process = Object;

    if (process->Handle) {
        ZwClose(process->Handle);
    }
}

CMK_TYPE CmkProcessType = {.Delete = DeleteProcess};

static PROCESS_BODY *CreateProcess(HANDLE Id) {
    PROCESS_BODY *process = CmkCreateObject(&CmkProcessType, sizeof *process);
    OBJECT_ATTRIBUTES attributes;
    KERNEL_USER_TIMES times;
    CLIENT_ID client = {.UniqueProcess = Id};

    if (!process) {
        // What asks for the current process cannot be refused.
        KeBugCheckEx(0xC3000103, (ULONG_PTR)Id, 0, 0, 0);
    }
    process->Id = Id;
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenProcess(&process->Handle, PROCESS_ALL_ACCESS, &attributes, &client))) {
        process->Handle = NULL;
    } else if (NT_SUCCESS(ZwQueryInformationProcess(process->Handle, ProcessTimes, &times, sizeof times, NULL))) {
        process->CreateTime = times.CreateTime.QuadPart;
    }
    return process;
}

static PROCESS_BODY *Find(HANDLE Id) {
    for (PLIST_ENTRY entry = Processes.Flink; entry != &Processes; entry = entry->Flink) {
        PROCESS_BODY *process = CONTAINING_RECORD(entry, PROCESS_BODY, Entry);

        if (process->Id == Id) {
            return process;
        }
    }
    return NULL;
}

static PROCESS_BODY *Enter(HANDLE Id) {
    PROCESS_BODY *process;
    BOOLEAN first;

    ExAcquireFastMutex(&Mutex);
    process = Find(Id);
    first = !process;
    if (first) {
        process = CreateProcess(Id);
        InsertTailList(&Processes, &process->Entry);
    }
    ++process->Threads;
    ExReleaseFastMutex(&Mutex);
    if (first) {
        CmkNotifyProcess(Id);
    }
    return process;
}

NTSTATUS NTAPI CmkPsLookupProcessByProcessId(HANDLE Id, PEPROCESS *Process) {
    PROCESS_BODY *process;

    ExAcquireFastMutex(&Mutex);
    process = Find(Id);
    if (process) {
        CmPortReferenceObject(process);
    }
    ExReleaseFastMutex(&Mutex);
    if (!process) {
        process = CreateProcess(Id);
    }
    if (!process->Handle) {
        CmPortDereferenceObject(process);
        return STATUS_INVALID_CID;
    }
    *Process = (PEPROCESS)process;
    return STATUS_SUCCESS;
}

PVOID CmkCurrentProcess(VOID) {
    CMK_THREAD *thread = CmkCurrentThread();
    HANDLE id = CmkPsGetCurrentProcessId();

    if (!thread->Process && id == CmkOwnProcessId()) {
        return Own;
    }
    if (!thread->Process) {
        thread->Process = Enter(id);
    }
    return thread->Process;
}

ULONG CmkCountProcesses(VOID) {
    return (ULONG)CmkProcessType.Live - 1;
}

VOID CmkLeaveProcess(CMK_THREAD *Thread) {
    PROCESS_BODY *process = Thread->Process;
    BOOLEAN last;

    if (!process) {
        return;
    }
    Thread->Process = NULL;
    ExAcquireFastMutex(&Mutex);
    last = --process->Threads == 0;
    if (last) {
        RemoveEntryList(&process->Entry);
    }
    ExReleaseFastMutex(&Mutex);
    if (last) {
        CmPortDereferenceObject(process);
    }
}

VOID CmkInitializeProcesses(VOID) {
    InitializeListHead(&Processes);
    ExInitializeFastMutex(&Mutex);
    CmkInitializeProcessNotify();
    Own = Enter(CmkOwnProcessId());
}

VOID CmkShutdownProcesses(VOID) {
    RemoveEntryList(&Own->Entry);
    CmPortDereferenceObject(Own);
}

HANDLE CmkProcessHandle(PVOID Process) {
    return ((PROCESS_BODY *)Process)->Handle;
}

NTSTATUS CmkOpenProcessObject(PVOID Process, ULONG Attributes, ACCESS_MASK Access, PHANDLE Handle) {
    HANDLE handle = CmkProcessHandle(Process);

    return handle ? ZwDuplicateObject(NtCurrentProcess(), handle, NtCurrentProcess(), Handle, Access, Attributes, 0)
                  : STATUS_NOT_FOUND;
}

PEPROCESS NTAPI CmkIoGetCurrentProcess(VOID) {
    return CmkCurrentProcess();
}

// Of the current thread only: Wine's thread objects know their process, but not for whom it acts.
PEPROCESS NTAPI CmkIoThreadToProcess(PETHREAD Thread) {
    UNREFERENCED_PARAMETER(Thread);
    return CmkCurrentProcess();
}

HANDLE NTAPI CmkPsGetProcessId(PEPROCESS Process) {
    return ((PROCESS_BODY *)Process)->Id;
}

LONGLONG NTAPI CmkPsGetProcessCreateTimeQuadPart(PEPROCESS Process) {
    return ((PROCESS_BODY *)Process)->CreateTime;
}

// Windows counts the processes since it was started. Here the key is the time of creation and the id: two processes
// that have the same id differ in the first, two of the same moment in the second.
ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process) {
    const PROCESS_BODY *process = (const PROCESS_BODY *)Process;

    return (ULONGLONG)process->CreateTime << 16 | ((ULONG_PTR)process->Id >> 2 & 0xFFFF);
}

BOOLEAN CmPortIsWow64Process(VOID) {
    HANDLE handle = CmkProcessHandle(CmkCurrentProcess());
    ULONG_PTR peb = 0; // of the 32-bit side

    return handle && NT_SUCCESS(ZwQueryInformationProcess(handle, ProcessWow64Information, &peb, sizeof peb, NULL)) &&
           peb != 0;
}
