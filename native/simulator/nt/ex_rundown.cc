// SPDX-License-Identifier: MIT
//
// Run-down protection: with one count, and with one for each processor.

#include "kernel.h"
#include "park.h"

namespace nt {

// Bit 0 says that the owner is waiting or through, the rest is twice the number of references.
constexpr ULONG_PTR kRundownActive = 1;

static bool acquire(ULONG_PTR *count, ULONG references) {
    point("run-down protection", count);
    ULONG_PTR old = __atomic_load_n(count, __ATOMIC_RELAXED);
    while ((old & kRundownActive) == 0) {
        if (__atomic_compare_exchange_n(count, &old, old + 2 * ULONG_PTR{references}, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

[[noreturn]] static void releasedTooOften(const void *ref, ULONG_PTR count) {
    bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(ref), count, 0, 0,
             "Rundown protection is released more often than acquired.");
}

[[noreturn]] static void notRunDown(const void *ref, const char *routine) {
    bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(ref), 0, 0, 0,
             "%s before the rundown is complete.", routine);
}

} // namespace nt

using namespace nt;

struct DECLSPEC_CACHEALIGN RundownCell {
    ULONG_PTR count;
};

// A thread may acquire on one processor and release on another, so only the sum of the counts means anything.
struct _EX_RUNDOWN_REF_CACHE_AWARE {
    RundownCell *cells;
    ULONG processors;
    // 0: not allocated here.
    ULONG tag;
    // How many references the cells held when they were closed, less those that were released since.
    LONG_PTR remaining;
};

extern "C" {

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF ref) {
    requireIrql(APC_LEVEL, "ExInitializeRundownProtection");
    __atomic_store_n(&ref->Count, 0, __ATOMIC_RELAXED);
}

VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF ref) {
    requireIrql(APC_LEVEL, "ExReInitializeRundownProtection");
    if (__atomic_load_n(&ref->Count, __ATOMIC_ACQUIRE) != kRundownActive) {
        notRunDown(ref, "ExReInitializeRundownProtection");
    }
    __atomic_store_n(&ref->Count, 0, __ATOMIC_RELEASE);
}

BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count) {
    requireIrql(DISPATCH_LEVEL, "ExAcquireRundownProtection");
    return acquire(&ref->Count, count);
}

BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF ref) {
    return ExAcquireRundownProtectionEx(ref, 1);
}

VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count) {
    requireIrql(DISPATCH_LEVEL, "ExReleaseRundownProtection");
    point("run-down protection", ref);
    ULONG_PTR old = __atomic_fetch_sub(&ref->Count, 2 * ULONG_PTR{count}, __ATOMIC_ACQ_REL);
    if (old < 2 * ULONG_PTR{count}) {
        releasedTooOften(ref, old);
    }
    if (old == 2 * ULONG_PTR{count} + kRundownActive) {
        wake(ref);
    }
}

VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF ref) {
    ExReleaseRundownProtectionEx(ref, 1);
}

VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF ref) {
    requireIrql(APC_LEVEL, "ExWaitForRundownProtectionRelease");
    point("run-down protection", ref);
    __atomic_or_fetch(&ref->Count, kRundownActive, __ATOMIC_ACQ_REL);
    park(ref, [ref] { return __atomic_load_n(&ref->Count, __ATOMIC_ACQUIRE) == kRundownActive; });
}

VOID ExRundownCompleted(PEX_RUNDOWN_REF ref) {
    requireIrql(APC_LEVEL, "ExRundownCompleted");
    __atomic_store_n(&ref->Count, kRundownActive, __ATOMIC_RELEASE);
}

SIZE_T ExSizeOfRundownProtectionCacheAware(VOID) {
    requireIrql(APC_LEVEL, "ExSizeOfRundownProtectionCacheAware");
    // One cell more: the memory need not lie at the start of a line.
    return sizeof(_EX_RUNDOWN_REF_CACHE_AWARE) + (processorCount() + 1) * sizeof(RundownCell);
}

VOID ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref, SIZE_T size) {
    requireIrql(APC_LEVEL, "ExInitializeRundownProtectionCacheAware");
    ULONG processors = processorCount();
    if (size < ExSizeOfRundownProtectionCacheAware()) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(ref), size, 0, 0,
                 "Cache-aware rundown protection is initialised in %zu bytes, which is too little.", size);
    }
    auto first = reinterpret_cast<ULONG_PTR>(ref + 1);
    first = (first + alignof(RundownCell) - 1) & ~(alignof(RundownCell) - 1);
    *ref = {reinterpret_cast<RundownCell *>(first), processors, 0, 0};
    for (ULONG i = 0; i < processors; ++i) {
        ref->cells[i].count = 0;
    }
}

PEX_RUNDOWN_REF_CACHE_AWARE ExAllocateCacheAwareRundownProtection(POOL_TYPE type, ULONG tag) {
    requireIrql(APC_LEVEL, "ExAllocateCacheAwareRundownProtection");
    SIZE_T size = ExSizeOfRundownProtectionCacheAware();
    auto ref = static_cast<PEX_RUNDOWN_REF_CACHE_AWARE>(ExAllocatePoolWithTag(type, size, tag));
    if (ref != nullptr) {
        ExInitializeRundownProtectionCacheAware(ref, size);
        ref->tag = tag;
    }
    return ref;
}

VOID ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    requireIrql(APC_LEVEL, "ExFreeCacheAwareRundownProtection");
    LONG_PTR references = ref->remaining;
    for (ULONG i = 0; i < ref->processors; ++i) {
        references += static_cast<LONG_PTR>(__atomic_load_n(&ref->cells[i].count, __ATOMIC_ACQUIRE)) >> 1;
    }
    if (references != 0 || ref->tag == 0) {
        bugCheck(
            DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(ref), static_cast<ULONG_PTR>(references), 0,
            0, "Cache-aware rundown protection is freed that was not allocated, or has %zd reference(s).", references);
    }
    ExFreePoolWithTag(ref, ref->tag);
}

VOID ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    requireIrql(APC_LEVEL, "ExReInitializeRundownProtectionCacheAware");
    for (ULONG i = 0; i < ref->processors; ++i) {
        if (__atomic_load_n(&ref->cells[i].count, __ATOMIC_ACQUIRE) != kRundownActive) {
            notRunDown(ref, "ExReInitializeRundownProtectionCacheAware");
        }
        __atomic_store_n(&ref->cells[i].count, 0, __ATOMIC_RELEASE);
    }
}

BOOLEAN ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE ref, ULONG count) {
    requireIrql(DISPATCH_LEVEL, "ExAcquireRundownProtectionCacheAware");
    return acquire(&ref->cells[currentProcessor()].count, count);
}

BOOLEAN ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    return ExAcquireRundownProtectionCacheAwareEx(ref, 1);
}

VOID ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE ref, ULONG count) {
    requireIrql(DISPATCH_LEVEL, "ExReleaseRundownProtectionCacheAware");
    ULONG_PTR *cell = &ref->cells[currentProcessor()].count;
    point("run-down protection", cell);
    ULONG_PTR old = __atomic_load_n(cell, __ATOMIC_RELAXED);
    while ((old & kRundownActive) == 0) {
        if (__atomic_compare_exchange_n(cell, &old, old - 2 * ULONG_PTR{count}, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            return;
        }
    }
    // While the owner still adds up what the cells held this may be 0 or less before all is released: it looks again.
    LONG_PTR *remaining = &ref->remaining;
    point("run-down protection", remaining);
    if (__atomic_sub_fetch(remaining, LONG_PTR{count}, __ATOMIC_ACQ_REL) == 0) {
        wake(remaining);
    }
}

VOID ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    ExReleaseRundownProtectionCacheAwareEx(ref, 1);
}

VOID ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    requireIrql(APC_LEVEL, "ExWaitForRundownProtectionReleaseCacheAware");
    for (ULONG i = 0; i < ref->processors; ++i) {
        point("run-down protection", &ref->cells[i]);
        ULONG_PTR old = __atomic_exchange_n(&ref->cells[i].count, kRundownActive, __ATOMIC_ACQ_REL);
        __atomic_add_fetch(&ref->remaining, static_cast<LONG_PTR>(old) >> 1, __ATOMIC_ACQ_REL);
    }
    park(&ref->remaining, [ref] {
        LONG_PTR left = __atomic_load_n(&ref->remaining, __ATOMIC_ACQUIRE);
        if (left < 0) {
            releasedTooOften(ref, static_cast<ULONG_PTR>(left));
        }
        return left == 0;
    });
}

VOID ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
    requireIrql(APC_LEVEL, "ExRundownCompletedCacheAware");
    for (ULONG i = 0; i < ref->processors; ++i) {
        __atomic_store_n(&ref->cells[i].count, kRundownActive, __ATOMIC_RELEASE);
    }
}

} // extern "C"
