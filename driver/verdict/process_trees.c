// SPDX-License-Identifier: MIT
//
// The members of process trees, kept up by the process notify routine.

#include "verdict/process_trees.h"
#include "base/memory.h"
#include "process/process_table.h"

// SystemProcessInformation: a chain of SYSTEM_PROCESS_INFORMATION, each with its threads behind it. Not in the headers
// of drivers; these are its first members, which have not moved since Windows 2000.
#define LIST_PROCESSES 5
// More than all processes of a machine need.
#define MAX_LIST_BYTES (64U * 1024 * 1024)
#define FIRST_LIST_BYTES (256U * 1024)

typedef struct LIST_PROCESS {
    // From this entry; 0: this is the last.
    ULONG NextEntryOffset;
    ULONG NumberOfThreads;
    UCHAR Reserved[24];
    LARGE_INTEGER CreateTime;
    LARGE_INTEGER UserTime;
    LARGE_INTEGER KernelTime;
    UNICODE_STRING ImageName;
    LONG BasePriority;
    HANDLE UniqueProcessId;
    HANDLE InheritedFromUniqueProcessId;
} LIST_PROCESS;

C_ASSERT(FIELD_OFFSET(LIST_PROCESS, CreateTime) == 0x20);
C_ASSERT(FIELD_OFFSET(LIST_PROCESS, UniqueProcessId) == 0x50);
C_ASSERT(FIELD_OFFSET(LIST_PROCESS, InheritedFromUniqueProcessId) == 0x58);

// The lock of the list is taken before that of a table.
struct PROCESS_TREES {
    _Guarded_by_(TreesLock) LIST_ENTRY Link;
    ULONG Count;
    UINT32 Ids[CMB_MAX_RULES_TREES];
    // PsGetProcessStartKey of the processes that the trees grow from; 0 if there was none with the id.
    UINT64 Roots[CMB_MAX_RULES_TREES];
    PROCESS_TABLE Table;
};

static KSPIN_LOCK TreesLock;
static _Guarded_by_(TreesLock) LIST_ENTRY TreesList;

// Held while the system is told to call ProcessNotify, which does not take it. That it is called is not taken back
// before the driver goes, for taking it back waits for whoever is just creating a process.
static KMUTEX TellingMutex;
static _Guarded_by_(TellingMutex) BOOLEAN Telling;

static VOID NTAPI ProcessNotify(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create);

_Use_decl_annotations_
CMB_INIT_CODE VOID ProcessTreesInitialize(VOID) {
    KeInitializeSpinLock(&TreesLock);
    InitializeListHead(&TreesList);
    KeInitializeMutex(&TellingMutex, 0);
    Telling = FALSE;
}

_Use_decl_annotations_
VOID ProcessTreesUninitialize(VOID) {
    NT_ASSERT(IsListEmpty(&TreesList));
    if (Telling) {
        PsSetCreateProcessNotifyRoutine(ProcessNotify, TRUE);
    }
}

// Returns the start key; 0 if nobody has the id. Time is when the process was created.
_IRQL_requires_max_(APC_LEVEL)
static UINT64 KeyOfId(_In_ HANDLE Id, _Out_ INT64 *Time) {
    PEPROCESS process;
    *Time = 0;
    if (!Id || !NT_SUCCESS(PsLookupProcessByProcessId(Id, &process))) {
        return 0;
    }
    const UINT64 key = PsGetProcessStartKey(process);
    *Time = PsGetProcessCreateTimeQuadPart(process);
    ObDereferenceObject(process);
    return key;
}

// The process that the parent's id meant when the child was born. An id is free only when nothing refers to its process
// any more; whoever creates a child in the name of another process has a handle of that.
_IRQL_requires_max_(APC_LEVEL)
static UINT64 KeyOfParent(_In_ HANDLE ParentId, _In_ INT64 ChildTime) {
    INT64 time;
    const UINT64 key = KeyOfId(ParentId, &time);
    return time <= ChildTime ? key : 0;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NoteBirth(_In_ UINT64 Parent, _In_ UINT64 Child) {
    KIRQL irql;
    KeAcquireSpinLock(&TreesLock, &irql);
    for (LIST_ENTRY *link = TreesList.Flink; link != &TreesList; link = link->Flink) {
        ProcessTableNoteBirth(&CONTAINING_RECORD(link, PROCESS_TREES, Link)->Table, Parent, Child);
    }
    KeReleaseSpinLock(&TreesLock, irql);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NoteExit(_In_ UINT64 Process) {
    KIRQL irql;
    KeAcquireSpinLock(&TreesLock, &irql);
    for (LIST_ENTRY *link = TreesList.Flink; link != &TreesList; link = link->Flink) {
        ProcessTableNoteExit(&CONTAINING_RECORD(link, PROCESS_TREES, Link)->Table, Process);
    }
    KeReleaseSpinLock(&TreesLock, irql);
}

// Called by the system at PASSIVE_LEVEL: for a birth, on the thread that creates the process, before the process runs;
// for an exit, on its last thread, before its handles are closed. See PsSetCreateProcessNotifyRoutineEx.
_Function_class_(CREATE_PROCESS_NOTIFY_ROUTINE)
static VOID NTAPI ProcessNotify(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create) {
    INT64 time;
    if (Create) {
        const UINT64 child = KeyOfId(ProcessId, &time);
        const UINT64 parent = KeyOfParent(ParentId ? ParentId : PsGetCurrentProcessId(), time);
        if (child) {
            NoteBirth(parent, child);
        }
        return;
    }
    IDENTITY_PROCESS current;
    IdentityGetProcess(&current);
    const UINT64 key = (HANDLE)(ULONG_PTR)current.Id == ProcessId ? current.Key : KeyOfId(ProcessId, &time);
    if (key) {
        NoteExit(key);
    }
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Plant(_Inout_ PROCESS_TREES *Trees) {
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL irql;
    KeWaitForSingleObject(&TellingMutex, Executive, KernelMode, FALSE, NULL);
    // The system has room for so many such routines.
    if (!Telling && !NT_SUCCESS(PsSetCreateProcessNotifyRoutine(ProcessNotify, FALSE))) {
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (NT_SUCCESS(status)) {
        Telling = TRUE;
        KeAcquireSpinLock(&TreesLock, &irql);
        InsertTailList(&TreesList, &Trees->Link);
        KeReleaseSpinLock(&TreesLock, irql);
    }
    KeReleaseMutex(&TellingMutex, FALSE);
    return status;
}

// Processes are born and die between two questions, so that the size that is asked for may not do any more.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS GetList(_Outptr_ UCHAR **List, _Out_ ULONG *Size) {
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    ULONG needed = 0;
    for (ULONG size = FIRST_LIST_BYTES; size <= MAX_LIST_BYTES; size = max(2 * size, min(needed, MAX_LIST_BYTES))) {
        *List = MemoryAllocate(size);
        if (!*List) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = ZwQuerySystemInformation(LIST_PROCESSES, *List, size, &needed);
        if (NT_SUCCESS(status)) {
            *Size = min(needed, size);
            return status;
        }
        MemoryFree(*List);
        if (status != STATUS_INFO_LENGTH_MISMATCH && status != STATUS_BUFFER_TOO_SMALL) {
            return status;
        }
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}

// Adds a process of the list to the trees that it belongs to: those that its id names, and those of its parent. Returns
// whether it was in one of them that it was not in before.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN NoteListed(_Inout_ PROCESS_TREES *Trees, _In_ const LIST_PROCESS *Process) {
    INT64 time;
    UINT32 members;
    const UINT64 key = KeyOfId(Process->UniqueProcessId, &time);
    // It may have exited by now, and its id have gone to another process.
    if (!key || time != Process->CreateTime.QuadPart) {
        return FALSE;
    }
    (VOID) ProcessTableFind(&Trees->Table, KeyOfParent(Process->InheritedFromUniqueProcessId, time), &members);
    for (ULONG tree = 0; tree < Trees->Count; ++tree) {
        if ((HANDLE)(ULONG_PTR)Trees->Ids[tree] == Process->UniqueProcessId &&
            (!Trees->Roots[tree] || Trees->Roots[tree] == key)) {
            Trees->Roots[tree] = key;
            members |= 1U << tree;
        }
    }
    return members && ProcessTableAdd(&Trees->Table, key, members);
}

// A process that exits before it is looked at counts as one that was gone before: it passes nothing on. Parents mostly
// stand before their children, so that the second round finds nothing. Each round but the last gives a process another
// tree, so that this ends.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS FindMembers(_Inout_ PROCESS_TREES *Trees) {
    UCHAR *list;
    ULONG size;
    BOOLEAN changed = TRUE;
    const NTSTATUS status = GetList(&list, &size);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    while (changed) {
        changed = FALSE;
        // Each step goes forward, and to a whole entry.
        for (ULONG offset = 0; size - offset >= sizeof(LIST_PROCESS);) {
            const LIST_PROCESS *process = (const LIST_PROCESS *)(list + offset);
            const ULONG step = process->NextEntryOffset;
            changed |= NoteListed(Trees, process);
            if (!step || step > size - offset || step % sizeof(ULONG)) {
                break;
            }
            offset += step;
        }
    }
    MemoryFree(list);
    return status;
}

// A tree of the former rules is meant again if its process is the one that the id means now, or if nobody has the id.
static VOID Inherit(_Inout_ PROCESS_TREES *Trees, _Inout_ PROCESS_TREES *Former) {
    for (ULONG tree = 0; tree < Trees->Count; ++tree) {
        for (ULONG old = 0; old < Former->Count; ++old) {
            if (Former->Ids[old] == Trees->Ids[tree] && Former->Roots[old] &&
                (!Trees->Roots[tree] || Trees->Roots[tree] == Former->Roots[old])) {
                Trees->Roots[tree] = Former->Roots[old];
                ProcessTableInherit(&Trees->Table, tree, &Former->Table, old);
            }
        }
    }
}

// Allocates Count trees, of which the caller fills in the ids before anything else.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static PROCESS_TREES *Allocate(_In_range_(0, CMB_MAX_RULES_TREES) ULONG Count) {
    PROCESS_TREES *trees = MemoryAllocate(sizeof(*trees));
    if (trees) {
        trees->Count = Count;
        ProcessTableInitialize(&trees->Table);
    }
    return trees;
}

// Fills the trees, or frees them if that fails. Former: see ProcessTreesCreate.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Grow(_In_ PROCESS_TREES *Trees, _In_opt_ PROCESS_TREES *Former, _Outptr_ PROCESS_TREES **Result) {
    // Births are noted before the list is read, so that none is missed.
    NTSTATUS status = Plant(Trees);
    if (!NT_SUCCESS(status)) {
        MemoryFree(Trees);
        return status;
    }
    status = FindMembers(Trees);
    if (!NT_SUCCESS(status)) {
        ProcessTreesFree(Trees);
        return status;
    }
    if (Former) {
        Inherit(Trees, Former);
    }
    ProcessTableSettle(&Trees->Table);
    *Result = Trees;
    return status;
}

_Use_decl_annotations_
NTSTATUS ProcessTreesCreate(const RULES *Rules, PROCESS_TREES *Former, PROCESS_TREES **Trees) {
    *Trees = NULL;
    PROCESS_TREES *trees = Allocate(RulesGetTreeCount(Rules));
    if (!trees) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (ULONG tree = 0; tree < trees->Count; ++tree) {
        trees->Ids[tree] = RulesGetTreeProcess(Rules, tree);
    }
    return Grow(trees, Former, Trees);
}

_Use_decl_annotations_
NTSTATUS ProcessTreesCreateOne(UINT32 ProcessId, UINT64 ProcessKey, PROCESS_TREES **Trees) {
    *Trees = NULL;
    PROCESS_TREES *trees = Allocate(1);
    if (!trees) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    trees->Ids[0] = ProcessId;
    trees->Roots[0] = ProcessKey;
    ProcessTableAdd(&trees->Table, ProcessKey, 1);
    return Grow(trees, NULL, Trees);
}

_Use_decl_annotations_
VOID ProcessTreesFree(PROCESS_TREES *Trees) {
    KIRQL irql;
    if (!Trees) {
        return;
    }
    KeAcquireSpinLock(&TreesLock, &irql);
    RemoveEntryList(&Trees->Link);
    KeReleaseSpinLock(&TreesLock, irql);
    MemoryFree(Trees);
}

_Use_decl_annotations_
BOOLEAN ProcessTreesFind(PROCESS_TREES *Trees, UINT64 ProcessKey, UINT32 *Members) {
    return ProcessTableFind(&Trees->Table, ProcessKey, Members);
}
