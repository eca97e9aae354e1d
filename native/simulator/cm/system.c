// SPDX-License-Identifier: MIT
//
// Start and stop of the configuration manager: its options, counters, registry lock, and checks for violations.

#include "cmp.h"

CM_SYSTEM CmpSystem;
// Not a fast mutex: the store compares names and may call services, and both need PASSIVE_LEVEL.
ERESOURCE CmpRegistryLock;

volatile LONG CmpRegistrationCount, CmpKeyObjectCount, CmpKeyCount, CmpObjectContextCount, CmpKeyNameCount,
    CmpBlockCount;
LONG CmpOperationCount;
LONG64 CmpNotificationCount;

static const CM_OPTIONS CmpDefaultOptions = {.Strict = TRUE, .CreateVersion = 1, .LoadVersion = 2};

NTSTATUS CmInitSystem(PCM_STORE Store, const CM_OPTIONS *Options) {
    NTSTATUS Status;

    CmpSystem.Store = Store;
    CmpSystem.Options = Options != NULL ? *Options : CmpDefaultOptions;
    CmpNotificationCount = 0;
    Status = ExInitializeResourceLite(&CmpRegistryLock);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpInitializeHives();
    if (!NT_SUCCESS(Status)) {
        goto DeleteLock;
    }
    CmpInitializeCallbacks();
    CmpInitializeNames();
    CmpInitializeTransactions();
    Status = CmPortInitialize();
    if (!NT_SUCCESS(Status)) {
        goto TerminateHives;
    }
    Status = CmpInitializeKeys();
    if (!NT_SUCCESS(Status)) {
        goto TerminatePort;
    }
    CmpSystem.Running = TRUE;
    return STATUS_SUCCESS;

TerminatePort:
    CmPortTerminate();
TerminateHives:
    CmpTerminateHives();
DeleteLock:
    ExDeleteResourceLite(&CmpRegistryLock);
    return Status;
}

static VOID CmpCheckNothingLeft(CM_VIOLATION Violation, LONG Count) {
    if (Count != 0) {
        CmpViolation(Violation, (ULONG_PTR)Count, 0, 0);
    }
}

VOID CmShutdownSystem(VOID) {
    if (!CmpSystem.Running) {
        return;
    }
    CmpSystem.Running = FALSE;
    CmpCheckNothingLeft(CmViolationRegistrationsLeaked, CmpRegistrationCount);
    CmpCheckNothingLeft(CmViolationContextsLeaked, CmpObjectContextCount);
    CmpCheckNothingLeft(CmViolationNamesLeaked, CmpKeyNameCount);
    CmpCheckNothingLeft(CmViolationObjectsLeaked, CmpKeyObjectCount);
    CmpShutdownNames();
    CmpShutdownKeys();
    CmPortTerminate();
    CmpTerminateHives();
    ExDeleteResourceLite(&CmpRegistryLock);
}

VOID CmGetOptions(PCM_OPTIONS Options) {
    *Options = CmpSystem.Options;
}

VOID CmSetOptions(const CM_OPTIONS *Options) {
    CmpSystem.Options = *Options;
}

VOID CmGetStatistics(PCM_STATISTICS Statistics) {
    KIRQL OldIrql;

    Statistics->Registrations = (ULONG)InterlockedExchangeAdd(&CmpRegistrationCount, 0);
    Statistics->KeyObjects = (ULONG)InterlockedExchangeAdd(&CmpKeyObjectCount, 0);
    Statistics->Keys = (ULONG)InterlockedExchangeAdd(&CmpKeyCount, 0);
    Statistics->ObjectContexts = (ULONG)InterlockedExchangeAdd(&CmpObjectContextCount, 0);
    Statistics->KeyNames = (ULONG)InterlockedExchangeAdd(&CmpKeyNameCount, 0);
    Statistics->Blocks = (ULONG)InterlockedExchangeAdd(&CmpBlockCount, 0);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Statistics->Operations = (ULONG)CmpOperationCount;
    Statistics->Notifications = (ULONG64)CmpNotificationCount;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

VOID CmpCount(volatile LONG *Counter, LONG Change) {
    InterlockedExchangeAdd(Counter, Change);
}

VOID CmpLockRegistry(VOID) {
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&CmpRegistryLock, TRUE);
}

VOID CmpShareRegistry(VOID) {
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&CmpRegistryLock, TRUE);
}

VOID CmpUnlockRegistry(VOID) {
    ExReleaseResourceLite(&CmpRegistryLock);
    KeLeaveCriticalRegion();
}

VOID CmpViolation(CM_VIOLATION Violation, ULONG_PTR Parameter2, ULONG_PTR Parameter3, ULONG_PTR Parameter4) {
    if (CmpSystem.Options.Strict) {
        KeBugCheckEx(CM_VIOLATION_BUGCHECK, (ULONG)Violation, Parameter2, Parameter3, Parameter4);
    }
}

VOID CmpCheckIrql(KIRQL Highest) {
    KIRQL Irql = CmPortCurrentIrql();

    if (Irql > Highest) {
        CmpViolation(CmViolationIrql, Irql, Highest, 0);
    }
}

PVOID CmpPoison(VOID) {
    static volatile LONG64 Last;

    return (PVOID)(ULONG_PTR)(0xDEAD000000000000ull + ((ULONG64)InterlockedIncrement64(&Last) << 4));
}
