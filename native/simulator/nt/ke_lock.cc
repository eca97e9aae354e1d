// SPDX-License-Identifier: MIT
//
// Spin locks, fast and guarded mutexes, and interlocked lists. Wrong use, such as at a wrong IRQL, is a bug check.

#include "kernel.h"

#include <sched.h>

namespace nt {

static bool tryLock(PKSPIN_LOCK lock, PKTHREAD thread) {
    ULONG_PTR expected = 0;
    auto owner = reinterpret_cast<ULONG_PTR>(thread);
    return __atomic_compare_exchange_n(lock, &expected, owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void wait(PKSPIN_LOCK lock, PKTHREAD thread) {
    if (__atomic_load_n(lock, __ATOMIC_RELAXED) == reinterpret_cast<ULONG_PTR>(thread)) {
        bugCheck(SPIN_LOCK_ALREADY_OWNED, reinterpret_cast<ULONG_PTR>(lock), 0, 0, 0,
                 "A thread acquires a spin lock that it holds already.");
    }
    if (schedule::active()) {
        schedule::block("a spin lock", lock, [lock] { return __atomic_load_n(lock, __ATOMIC_RELAXED) == 0; });
    }
    for (int turn = 0; __atomic_load_n(lock, __ATOMIC_RELAXED) != 0 || !tryLock(lock, thread); ++turn) {
        // On Windows the owner runs on another processor; here it may need this one.
        if (turn >= 64) {
            sched_yield();
        }
    }
}

static void acquire(PKSPIN_LOCK lock, PKTHREAD thread) {
    if (!tryLock(lock, thread)) {
        wait(lock, thread);
    }
    ++thread->spinLocks;
}

static void release(PKSPIN_LOCK lock, PKTHREAD thread) {
    if (__atomic_load_n(lock, __ATOMIC_RELAXED) != reinterpret_cast<ULONG_PTR>(thread)) {
        bugCheck(SPIN_LOCK_NOT_OWNED, reinterpret_cast<ULONG_PTR>(lock), 0, 0, 0,
                 "A thread releases a spin lock that it does not hold.");
    }
    --thread->spinLocks;
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static void requireDispatch(PKTHREAD thread, const char *routine) {
    if (thread->irql != DISPATCH_LEVEL) {
        bugCheck(IRQL_NOT_GREATER_OR_EQUAL, thread->irql, DISPATCH_LEVEL, 0, 0,
                 "%s was called at IRQL %u instead of DISPATCH_LEVEL.", routine, thread->irql);
    }
}

// FAST_MUTEX and KGUARDED_MUTEX share the algorithm: Count is 1 when free, and each waiter takes one more away.
template <typename Mutex> static void initializeMutex(Mutex *mutex) {
    mutex->Count = 1;
    mutex->Owner = nullptr;
    mutex->Contention = 0;
    KeInitializeEvent(&mutex->Event, SynchronizationEvent, FALSE);
}

template <typename Mutex> static void acquireMutex(Mutex *mutex, const char *kind) {
    PKTHREAD thread = currentThread();
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) == thread) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1002, reinterpret_cast<ULONG_PTR>(mutex), 0, 0,
                 "A thread acquires a %s mutex that it holds already.", kind);
    }
    point("a mutex", mutex);
    if (InterlockedDecrement(&mutex->Count) != 0) {
        __atomic_add_fetch(&mutex->Contention, 1, __ATOMIC_RELAXED);
        KeWaitForSingleObject(&mutex->Event, Executive, KernelMode, FALSE, nullptr);
    }
    __atomic_store_n(&mutex->Owner, thread, __ATOMIC_RELAXED);
}

template <typename Mutex> static bool tryMutex(Mutex *mutex) {
    point("a mutex", mutex);
    if (InterlockedCompareExchange(&mutex->Count, 0, 1) != 1) {
        return false;
    }
    __atomic_store_n(&mutex->Owner, currentThread(), __ATOMIC_RELAXED);
    return true;
}

template <typename Mutex> static void releaseMutex(Mutex *mutex, const char *kind) {
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) != currentThread()) {
        bugCheck(THREAD_NOT_MUTEX_OWNER, reinterpret_cast<ULONG_PTR>(mutex), 0, 0, 0,
                 "A thread releases a %s mutex that it does not hold.", kind);
    }
    point("a mutex", mutex);
    __atomic_store_n(&mutex->Owner, static_cast<PVOID>(nullptr), __ATOMIC_RELAXED);
    if (InterlockedIncrement(&mutex->Count) <= 0) {
        KeSetEvent(&mutex->Event, IO_NO_INCREMENT, FALSE);
    }
}

} // namespace nt

using namespace nt;

extern "C" {

VOID KeInitializeSpinLock(PKSPIN_LOCK lock) {
    __atomic_store_n(lock, 0, __ATOMIC_RELAXED);
}

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock) {
    PKTHREAD thread = currentThread();
    requireIrql(thread, DISPATCH_LEVEL, "KeAcquireSpinLock");
    point("a spin lock", lock);
    KIRQL old = thread->irql;
    thread->irql = DISPATCH_LEVEL;
    acquire(lock, thread);
    return old;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL irql) {
    PKTHREAD thread = currentThread();
    requireDispatch(thread, "KeReleaseSpinLock");
    release(lock, thread);
    lowerIrql(thread, irql);
    point("having released a spin lock", lock);
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock) {
    PKTHREAD thread = currentThread();
    requireDispatch(thread, "KeAcquireSpinLockAtDpcLevel");
    point("a spin lock", lock);
    acquire(lock, thread);
}

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK lock) {
    PKTHREAD thread = currentThread();
    requireDispatch(thread, "KeReleaseSpinLockFromDpcLevel");
    release(lock, thread);
    point("having released a spin lock", lock);
}

BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock) {
    PKTHREAD thread = currentThread();
    requireDispatch(thread, "KeTryToAcquireSpinLockAtDpcLevel");
    point("a spin lock", lock);
    if (!tryLock(lock, thread)) {
        return FALSE;
    }
    ++thread->spinLocks;
    return TRUE;
}

BOOLEAN KeTestSpinLock(PKSPIN_LOCK lock) {
    return __atomic_load_n(lock, __ATOMIC_RELAXED) == 0;
}

VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle) {
    handle->Lock = lock;
    handle->OldIrql = KeAcquireSpinLockRaiseToDpc(lock);
}

VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE handle) {
    KeReleaseSpinLock(handle->Lock, handle->OldIrql);
}

VOID IoAcquireCancelSpinLock(PKIRQL irql) {
    *irql = KeAcquireSpinLockRaiseToDpc(&kernel().cancelLock);
}
VOID IoReleaseCancelSpinLock(KIRQL irql) {
    KeReleaseSpinLock(&kernel().cancelLock, irql);
}

VOID ExInitializeFastMutex(PFAST_MUTEX mutex) {
    initializeMutex(mutex);
}

VOID ExAcquireFastMutex(PFAST_MUTEX mutex) {
    requireIrql(APC_LEVEL, "ExAcquireFastMutex");
    KIRQL old = KfRaiseIrql(APC_LEVEL);
    acquireMutex(mutex, "fast");
    mutex->OldIrql = old;
}

BOOLEAN ExTryToAcquireFastMutex(PFAST_MUTEX mutex) {
    requireIrql(APC_LEVEL, "ExTryToAcquireFastMutex");
    KIRQL old = KfRaiseIrql(APC_LEVEL);
    if (!tryMutex(mutex)) {
        KeLowerIrql(old);
        return FALSE;
    }
    mutex->OldIrql = old;
    return TRUE;
}

VOID ExReleaseFastMutex(PFAST_MUTEX mutex) {
    if (currentThread()->irql != APC_LEVEL) {
        bugCheck(IRQL_NOT_LESS_OR_EQUAL, reinterpret_cast<ULONG_PTR>(mutex), currentThread()->irql, APC_LEVEL, 0,
                 "ExReleaseFastMutex was called at IRQL %u instead of APC_LEVEL.", currentThread()->irql);
    }
    auto old = static_cast<KIRQL>(mutex->OldIrql);
    releaseMutex(mutex, "fast");
    KeLowerIrql(old);
}

static void requireNoApcs(const char *routine) {
    requireIrql(APC_LEVEL, routine);
    if (currentThread()->irql < APC_LEVEL && !KeAreApcsDisabled()) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x30, 0, 0, 0, "%s needs APC_LEVEL or a critical region.",
                 routine);
    }
}

VOID ExAcquireFastMutexUnsafe(PFAST_MUTEX mutex) {
    requireNoApcs("ExAcquireFastMutexUnsafe");
    acquireMutex(mutex, "fast");
}

VOID ExReleaseFastMutexUnsafe(PFAST_MUTEX mutex) {
    requireNoApcs("ExReleaseFastMutexUnsafe");
    releaseMutex(mutex, "fast");
}

VOID KeInitializeGuardedMutex(PKGUARDED_MUTEX mutex) {
    initializeMutex(mutex);
}

VOID KeAcquireGuardedMutex(PKGUARDED_MUTEX mutex) {
    KeEnterGuardedRegion();
    acquireMutex(mutex, "guarded");
}

BOOLEAN KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX mutex) {
    KeEnterGuardedRegion();
    if (!tryMutex(mutex)) {
        KeLeaveGuardedRegion();
        return FALSE;
    }
    return TRUE;
}

VOID KeReleaseGuardedMutex(PKGUARDED_MUTEX mutex) {
    requireIrql(APC_LEVEL, "KeReleaseGuardedMutex");
    releaseMutex(mutex, "guarded");
    KeLeaveGuardedRegion();
}

PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock) {
    KIRQL old = KeAcquireSpinLockRaiseToDpc(lock);
    PLIST_ENTRY last = IsListEmpty(head) ? nullptr : head->Blink;
    InsertTailList(head, entry);
    KeReleaseSpinLock(lock, old);
    return last;
}

PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock) {
    KIRQL old = KeAcquireSpinLockRaiseToDpc(lock);
    PLIST_ENTRY first = IsListEmpty(head) ? nullptr : head->Flink;
    InsertHeadList(head, entry);
    KeReleaseSpinLock(lock, old);
    return first;
}

PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY head, PKSPIN_LOCK lock) {
    KIRQL old = KeAcquireSpinLockRaiseToDpc(lock);
    PLIST_ENTRY entry = IsListEmpty(head) ? nullptr : RemoveHeadList(head);
    KeReleaseSpinLock(lock, old);
    return entry;
}

} // extern "C"
