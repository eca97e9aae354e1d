// SPDX-License-Identifier: MIT
//
// Reader-writer locks: ERESOURCE and push locks.

#include "kernel.h"
#include "park.h"

#include <algorithm>
#include <utility>

namespace nt {

// What an ERESOURCE keeps outside of itself, so that forgetting ExDeleteResourceLite is a leak that tools see.
struct OwnerTable {
    struct Sharer {
        PKTHREAD thread;
        ULONG count;
    };
    ShortLock lock;
    PKTHREAD exclusive = nullptr;
    ULONG recursion = 0;
    ULONG waiting = 0;
    ULONG waitingExclusive = 0;
    // Few at any time.
    std::vector<Sharer> shared;

    Sharer *find(PKTHREAD thread) {
        auto found =
            std::find_if(shared.begin(), shared.end(), [thread](const Sharer &s) { return s.thread == thread; });
        return found == shared.end() ? nullptr : &*found;
    }
};

static OwnerTable &table(PERESOURCE resource) {
    if (resource->OwnerTable == nullptr) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x37, reinterpret_cast<ULONG_PTR>(resource), 0, 0,
                 "An ERESOURCE is used that is not initialised.");
    }
    return *static_cast<OwnerTable *>(resource->OwnerTable);
}

static void requireNoApcs(const char *routine) {
    PKTHREAD thread = currentThread();
    requireIrql(thread, APC_LEVEL, routine);
    if (!KeAreApcsDisabled() && thread->irql < APC_LEVEL && !thread->system) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x38, 0, 0, 0, "%s needs a critical region.", routine);
    }
}

// With the table locked.
static bool tryResource(PERESOURCE resource, OwnerTable &owners, PKTHREAD thread, bool exclusive) {
    if (owners.exclusive == thread) {
        ++owners.recursion;
        return true;
    }
    OwnerTable::Sharer *own = owners.find(thread);
    if (exclusive && own != nullptr) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1001, reinterpret_cast<ULONG_PTR>(resource), 0, 0,
                 "A thread that holds an ERESOURCE shared acquires it exclusive: it waits for itself.");
    }
    // A thread that already shares must not queue behind a waiting writer, or both wait for ever.
    if (owners.exclusive != nullptr ||
        (exclusive ? !owners.shared.empty() : owners.waitingExclusive != 0 && own == nullptr)) {
        return false;
    }
    if (exclusive) {
        owners.exclusive = thread;
        owners.recursion = 1;
    } else if (own != nullptr) {
        ++own->count;
    } else {
        owners.shared.push_back({thread, 1});
    }
    return true;
}

static BOOLEAN acquireResource(PERESOURCE resource, bool exclusive, bool wait) {
    requireNoApcs(exclusive ? "ExAcquireResourceExclusiveLite" : "ExAcquireResourceSharedLite");
    OwnerTable &owners = table(resource);
    PKTHREAD thread = currentThread();
    auto attempt = [&] {
        std::lock_guard lock(owners.lock);
        return tryResource(resource, owners, thread, exclusive);
    };
    point("a resource", resource);
    // Most are held for less time than it takes to fall asleep.
    constexpr int kTurns = 64;
    for (int turn = 0; turn < (wait ? kTurns : 1); ++turn) {
        if (attempt()) {
            return TRUE;
        }
    }
    if (!wait) {
        return FALSE;
    }
    {
        std::lock_guard lock(owners.lock);
        ++owners.waiting;
        owners.waitingExclusive += exclusive;
    }
    park(resource, [&] {
        std::lock_guard lock(owners.lock);
        if (!tryResource(resource, owners, thread, exclusive)) {
            return false;
        }
        --owners.waiting;
        owners.waitingExclusive -= exclusive;
        return true;
    });
    return TRUE;
}

// Push lock: 0 free, 1 exclusive, 2n shared by n threads.
static bool tryPush(PEX_PUSH_LOCK lock, bool exclusive) {
    ULONG_PTR old = __atomic_load_n(lock, __ATOMIC_RELAXED);
    while (exclusive ? old == 0 : (old & 1) == 0) {
        if (__atomic_compare_exchange_n(lock, &old, exclusive ? 1 : old + 2, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

static void releasePush(PEX_PUSH_LOCK lock, bool exclusive) {
    requireNoApcs("ExReleasePushLock");
    ULONG_PTR old = __atomic_load_n(lock, __ATOMIC_RELAXED);
    if (exclusive ? old != 1 : (old < 2 || (old & 1) != 0)) {
        bugCheck(RESOURCE_NOT_OWNED, reinterpret_cast<ULONG_PTR>(lock), old, 0, 0,
                 "A push lock is released that is not held.");
    }
    __atomic_sub_fetch(lock, exclusive ? 1 : 2, __ATOMIC_RELEASE);
    wake(lock);
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS ExInitializeResourceLite(PERESOURCE resource) {
    requireIrql(DISPATCH_LEVEL, "ExInitializeResourceLite");
    *resource = {};
    resource->OwnerTable = new OwnerTable;
    return STATUS_SUCCESS;
}

NTSTATUS ExDeleteResourceLite(PERESOURCE resource) {
    requireIrql(DISPATCH_LEVEL, "ExDeleteResourceLite");
    OwnerTable *owners = &table(resource);
    {
        std::lock_guard lock(owners->lock);
        if (owners->exclusive != nullptr || !owners->shared.empty()) {
            bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x37, reinterpret_cast<ULONG_PTR>(resource), 1, 0,
                     "An ERESOURCE is deleted while a thread holds it.");
        }
    }
    delete owners;
    resource->OwnerTable = nullptr;
    return STATUS_SUCCESS;
}

BOOLEAN ExAcquireResourceExclusiveLite(PERESOURCE resource, BOOLEAN wait) {
    return acquireResource(resource, true, wait);
}
BOOLEAN ExAcquireResourceSharedLite(PERESOURCE resource, BOOLEAN wait) {
    return acquireResource(resource, false, wait);
}

VOID ExReleaseResourceLite(PERESOURCE resource) {
    PKTHREAD thread = currentThread();
    requireIrql(thread, DISPATCH_LEVEL, "ExReleaseResourceLite");
    OwnerTable &owners = table(resource);
    // Somebody who waits: nobody else can free the resource before that one has had it.
    bool waiting = false;
    {
        std::lock_guard lock(owners.lock);
        OwnerTable::Sharer *own = owners.find(thread);
        if (owners.exclusive == thread) {
            if (--owners.recursion == 0) {
                owners.exclusive = nullptr;
                waiting = owners.waiting != 0;
            }
        } else if (own == nullptr) {
            bugCheck(RESOURCE_NOT_OWNED, reinterpret_cast<ULONG_PTR>(resource), 0, 0, 0,
                     "An ERESOURCE is released by a thread that does not hold it.");
        } else if (--own->count == 0) {
            *own = owners.shared.back();
            owners.shared.pop_back();
            waiting = owners.waiting != 0;
        }
    }
    if (waiting) {
        wake(resource);
    }
}

VOID ExConvertExclusiveToSharedLite(PERESOURCE resource) {
    OwnerTable &owners = table(resource);
    PKTHREAD thread = currentThread();
    bool waiting;
    {
        std::lock_guard lock(owners.lock);
        if (owners.exclusive != thread) {
            bugCheck(RESOURCE_NOT_OWNED, reinterpret_cast<ULONG_PTR>(resource), 0, 0, 0,
                     "ExConvertExclusiveToSharedLite by a thread that does not own the resource.");
        }
        owners.exclusive = nullptr;
        owners.shared.push_back({thread, std::exchange(owners.recursion, 0)});
        waiting = owners.waiting != 0;
    }
    if (waiting) {
        wake(resource);
    }
}

BOOLEAN ExIsResourceAcquiredExclusiveLite(PERESOURCE resource) {
    OwnerTable &owners = table(resource);
    std::lock_guard lock(owners.lock);
    return owners.exclusive == currentThread();
}

ULONG ExIsResourceAcquiredSharedLite(PERESOURCE resource) {
    OwnerTable &owners = table(resource);
    PKTHREAD thread = currentThread();
    std::lock_guard lock(owners.lock);
    if (owners.exclusive == thread) {
        return owners.recursion;
    }
    OwnerTable::Sharer *own = owners.find(thread);
    return own == nullptr ? 0 : own->count;
}

PVOID ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE resource) {
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(resource, TRUE);
    return nullptr;
}

PVOID ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE resource) {
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(resource, TRUE);
    return nullptr;
}

VOID ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE resource) {
    ExReleaseResourceLite(resource);
    KeLeaveCriticalRegion();
}

VOID ExInitializePushLock(PEX_PUSH_LOCK lock) {
    __atomic_store_n(lock, 0, __ATOMIC_RELAXED);
}

VOID ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG) {
    requireNoApcs("ExAcquirePushLockExclusive");
    park(lock, [lock] { return tryPush(lock, true); });
}

VOID ExAcquirePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG) {
    requireNoApcs("ExAcquirePushLockShared");
    park(lock, [lock] { return tryPush(lock, false); });
}

VOID ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG) {
    releasePush(lock, true);
}
VOID ExReleasePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG) {
    releasePush(lock, false);
}

} // extern "C"
