// SPDX-License-Identifier: MIT

#include "cmp.h"

CM_SYSTEM CmpSystem;
FAST_MUTEX CmpRegistryLock;

volatile LONG CmpRegistrationCount, CmpKeyObjectCount, CmpKeyCount, CmpObjectContextCount, CmpKeyNameCount,
    CmpOperationCount;
volatile LONG64 CmpNotificationCount;

static const CM_OPTIONS CmpDefaultOptions = {.Strict = TRUE, .CreateVersion = 1, .LoadVersion = 2};

NTSTATUS CmInitSystem(PCM_STORE Store, const CM_OPTIONS *Options) {
    NTSTATUS Status;

    CmpSystem.Store = Store;
    CmpSystem.Options = Options != NULL ? *Options : CmpDefaultOptions;
    CmpNotificationCount = 0;
    ExInitializeFastMutex(&CmpRegistryLock);
    CmpInitializeCallbacks();
    CmpInitializeNames();
    Status = CmPortInitialize();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpInitializeKeys();
    if (!NT_SUCCESS(Status)) {
        CmPortTerminate();
        return Status;
    }
    CmpSystem.Running = TRUE;
    return STATUS_SUCCESS;
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
}

VOID CmGetOptions(PCM_OPTIONS Options) {
    *Options = CmpSystem.Options;
}

VOID CmSetOptions(const CM_OPTIONS *Options) {
    CmpSystem.Options = *Options;
}

VOID CmGetStatistics(PCM_STATISTICS Statistics) {
    Statistics->Registrations = (ULONG)InterlockedExchangeAdd(&CmpRegistrationCount, 0);
    Statistics->KeyObjects = (ULONG)InterlockedExchangeAdd(&CmpKeyObjectCount, 0);
    Statistics->Keys = (ULONG)InterlockedExchangeAdd(&CmpKeyCount, 0);
    Statistics->ObjectContexts = (ULONG)InterlockedExchangeAdd(&CmpObjectContextCount, 0);
    Statistics->KeyNames = (ULONG)InterlockedExchangeAdd(&CmpKeyNameCount, 0);
    Statistics->Operations = (ULONG)InterlockedExchangeAdd(&CmpOperationCount, 0);
    Statistics->Notifications = (ULONG64)InterlockedExchangeAdd64(&CmpNotificationCount, 0);
}

VOID CmpCount(volatile LONG *Counter, LONG Change) {
    InterlockedExchangeAdd(Counter, Change);
}

VOID CmpLockRegistry(VOID) {
    ExAcquireFastMutex(&CmpRegistryLock);
}

VOID CmpUnlockRegistry(VOID) {
    ExReleaseFastMutex(&CmpRegistryLock);
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
