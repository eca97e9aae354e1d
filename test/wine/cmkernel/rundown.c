// SPDX-License-Identifier: MIT
//
// Run-down protection, which Wine has only stubs of. The cache-aware kind has one count here: nothing is measured on
// this host.

#include "kernel.h"

// Bit 0 of the count: the owner is through or waits, and the rest is 0 or the address of this. Else twice the
// references.
typedef struct RUNDOWN_WAIT {
    volatile LONG64 References;
    KEVENT Released;
} RUNDOWN_WAIT;

#define RUNDOWN_ACTIVE 1ull

struct _EX_RUNDOWN_REF_CACHE_AWARE {
    EX_RUNDOWN_REF Ref;
    ULONG Tag;
};

static ULONG64 Replace(PEX_RUNDOWN_REF RunRef, ULONG64 New, ULONG64 Old) {
    return (ULONG64)InterlockedCompareExchange64((volatile LONG64 *)&RunRef->Count, (LONG64)New, (LONG64)Old);
}

VOID FASTCALL ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
    RunRef->Count = 0;
}

VOID FASTCALL ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
    InterlockedExchange64((volatile LONG64 *)&RunRef->Count, 0);
}

VOID FASTCALL ExRundownCompleted(PEX_RUNDOWN_REF RunRef) {
    InterlockedExchange64((volatile LONG64 *)&RunRef->Count, RUNDOWN_ACTIVE);
}

BOOLEAN FASTCALL ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count) {
    for (ULONG64 old = RunRef->Count; !(old & RUNDOWN_ACTIVE);) {
        ULONG64 found = Replace(RunRef, old + 2ull * Count, old);

        if (found == old) {
            return TRUE;
        }
        old = found;
    }
    return FALSE;
}

BOOLEAN FASTCALL ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef) {
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

VOID FASTCALL ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count) {
    ULONG64 old = RunRef->Count;
    RUNDOWN_WAIT *wait;

    while (!(old & RUNDOWN_ACTIVE)) {
        ULONG64 found = Replace(RunRef, old - 2ull * Count, old);

        if (found == old) {
            return;
        }
        old = found;
    }
    wait = (RUNDOWN_WAIT *)(old & ~RUNDOWN_ACTIVE);
    if (InterlockedExchangeAdd64(&wait->References, -(LONG64)Count) == (LONG64)Count) {
        KeSetEvent(&wait->Released, IO_NO_INCREMENT, FALSE);
    }
}

VOID FASTCALL ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef) {
    ExReleaseRundownProtectionEx(RunRef, 1);
}

VOID FASTCALL ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef) {
    RUNDOWN_WAIT wait;
    ULONG64 old = RunRef->Count;

    KeInitializeEvent(&wait.Released, NotificationEvent, FALSE);
    while (!(old & RUNDOWN_ACTIVE)) {
        ULONG64 new = RUNDOWN_ACTIVE | (old == 0 ? 0 : (ULONG64)&wait);
        ULONG64 found;

        wait.References = (LONG64)(old / 2);
        found = Replace(RunRef, new, old);
        if (found == old) {
            if (old != 0) {
                KeWaitForSingleObject(&wait.Released, Executive, KernelMode, FALSE, NULL);
                ExRundownCompleted(RunRef);
            }
            return;
        }
        old = found;
    }
}

PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(POOL_TYPE Type, ULONG Tag) {
    PEX_RUNDOWN_REF_CACHE_AWARE ref = CmkExAllocatePoolWithTag(Type, sizeof *ref, Tag);

    if (ref) {
        ExInitializeRundownProtection(&ref->Ref);
        ref->Tag = Tag;
    }
    return ref;
}

VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    CmkExFreePoolWithTag(RunRef, RunRef->Tag);
}

BOOLEAN FASTCALL ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    return ExAcquireRundownProtection(&RunRef->Ref);
}

VOID FASTCALL ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    ExReleaseRundownProtection(&RunRef->Ref);
}

VOID FASTCALL ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    ExWaitForRundownProtectionRelease(&RunRef->Ref);
}

VOID FASTCALL ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    ExReInitializeRundownProtection(&RunRef->Ref);
}

VOID FASTCALL ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef) {
    ExRundownCompleted(&RunRef->Ref);
}
