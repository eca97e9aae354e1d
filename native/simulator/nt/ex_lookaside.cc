// SPDX-License-Identifier: MIT
//
// Lookaside lists: last in, first out. An entry that lies unused is filled and, for AddressSanitizer, out of bounds, so
// that use after it was given back is noticed. While allocations may be made to fail every one is made anew, as it is
// under Driver Verifier.

#include "kernel.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace nt {

struct Lookaside {
    // What Windows lets a busy list grow to.
    static constexpr size_t kDepth = 256;
    ShortLock lock;
    size_t size;
    size_t idle = 0;
    LONG64 inUse = 0;
    std::array<PVOID, kDepth> entries;
};

static Lookaside &lookaside(PLOOKASIDE_LIST_EX list, const char *routine) {
    requireIrql((list->Type & PagedPool) != 0 ? APC_LEVEL : DISPATCH_LEVEL, routine);
    if (list->Entries == nullptr) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(list), 0, 0,
                 "%s: the lookaside list is not initialised.", routine);
    }
    return *static_cast<Lookaside *>(list->Entries);
}

constexpr unsigned char kUnused = 0xDD, kFresh = 0xB5;

// Filled in part only: a list is there to be cheap.
static size_t filled(const Lookaside &own) {
    return std::min<size_t>(own.size, 64);
}

static bool looksUnused(const Lookaside &own, PVOID entry) {
    auto bytes = static_cast<const unsigned char *>(entry);
    return std::all_of(bytes, bytes + filled(own), [](unsigned char byte) { return byte == kUnused; });
}

static void setAside(const Lookaside &own, PVOID entry) {
    std::memset(entry, kUnused, filled(own));
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(entry, own.size);
#endif
}

static void takeBack(const Lookaside &own, PVOID entry) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(entry, own.size);
#endif
    if (!looksUnused(own, entry)) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(entry), 1, 0,
                 "An entry of a lookaside list was written to after it was given back.");
    }
    std::memset(entry, kFresh, filled(own));
}

static void giveBack(PLOOKASIDE_LIST_EX list, PVOID entry) {
    if (list->Free != nullptr) {
        list->Free(entry, list);
    } else {
        ExFreePoolWithTag(entry, list->Tag);
    }
}

void forEachIdleEntry(const std::function<void(PVOID entry)> &visit) {
    std::lock_guard lock(kernel().lookasideLock);
    for (Lookaside *own : kernel().lookasides) {
        std::lock_guard ownLock(own->lock);
        std::for_each_n(own->entries.begin(), own->idle, visit);
    }
}

void checkLookasideLeaks() {
    std::lock_guard lock(kernel().lookasideLock);
    if (size_t left = kernel().lookasides.size(); left != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, left, 2, 0, "Drivers left %zu lookaside list(s).", left);
    }
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocate, PFREE_FUNCTION_EX free,
                                     POOL_TYPE type, ULONG flags, SIZE_T size, ULONG tag, USHORT) {
    requireIrql(DISPATCH_LEVEL, "ExInitializeLookasideListEx");
    if (reinterpret_cast<ULONG_PTR>(list) % 16 != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(list), 3, 0,
                 "A lookaside list does not lie at a multiple of 16 bytes.");
    }
    constexpr ULONG kKnown = EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE;
    if ((flags & ~kKnown) != 0 || flags == kKnown) {
        return STATUS_INVALID_PARAMETER_5;
    }
    ULONG kind = type;
    if (flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL) {
        kind |= POOL_RAISE_IF_ALLOCATION_FAILURE;
    }
    if (flags & EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE) {
        kind |= POOL_QUOTA_FAIL_INSTEAD_OF_RAISE;
    }
    auto own = new Lookaside;
    own->size = std::max(size, sizeof(PVOID));
    *list = {allocate, free, static_cast<POOL_TYPE>(kind), tag, own->size, own, {}};
    std::lock_guard lock(kernel().lookasideLock);
    kernel().lookasides.insert(own);
    return STATUS_SUCCESS;
}

VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX list) {
    Lookaside &own = lookaside(list, "ExFlushLookasideListEx");
    std::array<PVOID, Lookaside::kDepth> entries;
    size_t count;
    {
        std::lock_guard lock(own.lock);
        entries = own.entries;
        count = std::exchange(own.idle, 0);
    }
    for (size_t i = 0; i < count; ++i) {
        takeBack(own, entries[i]);
        giveBack(list, entries[i]);
    }
}

VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX list) {
    Lookaside &own = lookaside(list, "ExDeleteLookasideListEx");
    ExFlushLookasideListEx(list);
    LONG64 left;
    {
        std::lock_guard lock(own.lock);
        left = own.inUse;
    }
    if (left != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(list),
                 static_cast<ULONG_PTR>(left), 0, "A lookaside list is deleted that has %lld entries in use.",
                 static_cast<long long>(left));
    }
    {
        std::lock_guard lock(kernel().lookasideLock);
        kernel().lookasides.erase(&own);
    }
    delete &own;
    list->Entries = nullptr;
}

PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX list) {
    point("a lookaside list", list);
    Lookaside &own = lookaside(list, "ExAllocateFromLookasideListEx");
    if (!faultsArmed()) {
        PVOID entry = nullptr;
        {
            std::lock_guard lock(own.lock);
            if (own.idle != 0) {
                entry = own.entries[--own.idle];
                ++own.inUse;
            }
        }
        if (entry != nullptr) {
            takeBack(own, entry);
            return entry;
        }
    }
    PVOID entry = list->Allocate != nullptr ? list->Allocate(list->Type, list->Size, list->Tag, list)
                                            : ExAllocatePoolWithTag(list->Type, list->Size, list->Tag);
    if (entry != nullptr) {
        std::lock_guard lock(own.lock);
        ++own.inUse;
    }
    return entry;
}

VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX list, PVOID entry) {
    point("a lookaside list", list);
    Lookaside &own = lookaside(list, "ExFreeToLookasideListEx");
    bool given = looksUnused(own, entry);
    setAside(own, entry);
    bool full;
    {
        std::lock_guard lock(own.lock);
        auto end = own.entries.begin() + static_cast<ptrdiff_t>(own.idle);
        if (given && std::find(own.entries.begin(), end, entry) != end) {
            bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(entry), 4, 0,
                     "An entry is given back to a lookaside list that has it already.");
        }
        --own.inUse;
        full = own.idle == Lookaside::kDepth;
        if (!full) {
            own.entries[own.idle++] = entry;
        }
    }
    if (full) {
        takeBack(own, entry);
        giveBack(list, entry);
    }
}

} // extern "C"
