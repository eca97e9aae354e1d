// SPDX-License-Identifier: MIT
//
// Memory of user mode: what may vanish is registered, everything else is there. The copying routines are real ones that
// look before they touch.

#include "kernel.h"

#include <cstring>

namespace nt {

bool userRangesAllow(uintptr_t start, size_t length, bool write) {
    Kernel &k = kernel();
    std::shared_lock lock(k.userLock);
    auto range = k.userRanges.upper_bound(start);
    if (range != k.userRanges.begin() && std::prev(range)->first + std::prev(range)->second.length > start) {
        --range;
    }
    for (; range != k.userRanges.end() && range->first < start + length; ++range) {
        if (currentThread()->irql >= DISPATCH_LEVEL) {
            bugCheck(IRQL_NOT_LESS_OR_EQUAL, start, currentThread()->irql, write, 0,
                     "User memory %p was touched at IRQL %u.", reinterpret_cast<void *>(start), currentThread()->irql);
        }
        if (!(write ? range->second.writable : range->second.readable)) {
            return false;
        }
    }
    return true;
}

// Without the lock, so that a watch may change the ranges.
void callWatches(uintptr_t start, size_t length) {
    Kernel &k = kernel();
    if (length == 0 || k.userRangeCount.load(std::memory_order_acquire) == 0) {
        return;
    }
    std::vector<std::pair<SIM_USER_RANGE_WATCH *, PVOID>> watches;
    bool registered = false;
    {
        std::shared_lock lock(k.userLock);
        for (const auto &[first, range] : k.userRanges) {
            if (first < start + length && start < first + range.length) {
                registered = true;
                if (range.watch != nullptr) {
                    watches.emplace_back(range.watch, range.watchContext);
                }
            }
        }
    }
    if (registered) {
        // It may be paged out.
        point("memory of user mode", reinterpret_cast<const void *>(start));
    }
    for (const auto &[watch, context] : watches) {
        watch(context);
    }
}

static bool copyCaller(void *to, const void *from, size_t length, const void *callers, bool write,
                       KPROCESSOR_MODE mode) {
    if (length == 0) {
        return true;
    }
    callWatches(reinterpret_cast<uintptr_t>(callers), length);
    bool there = userMemoryAllows(callers, length, write);
    if (mode == KernelMode && !there) {
        bugCheck(PAGE_FAULT_IN_NONPAGED_AREA, reinterpret_cast<ULONG_PTR>(callers), write, 0, 0,
                 "A service was called from kernel mode with memory %p that is not there.", callers);
    }
    if (!there || (mode == UserMode && isPoolAddress(callers))) {
        return false;
    }
    std::memmove(to, from, length);
    return true;
}

bool readCaller(void *to, const void *from, size_t length, KPROCESSOR_MODE mode) {
    return copyCaller(to, from, length, from, false, mode);
}

bool writeCaller(void *to, const void *from, size_t length, KPROCESSOR_MODE mode) {
    return copyCaller(to, from, length, to, true, mode);
}

bool tryWrite(void *to, const void *from, size_t length) {
    callWatches(reinterpret_cast<uintptr_t>(to), length);
    if (!userMemoryAllows(to, length, true)) {
        return false;
    }
    std::memcpy(to, from, length);
    return true;
}

// With the lock held.
static UserRange &registeredRange(PVOID start, const char *routine) {
    auto &ranges = kernel().userRanges;
    auto range = ranges.find(reinterpret_cast<uintptr_t>(start));
    if (range == ranges.end()) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(start), 0, 0, 0,
                 "%s for a range that is not registered.", routine);
    }
    return range->second;
}

static void probe(const volatile void *address, size_t length, ULONG alignment, bool write) {
    requireIrql(APC_LEVEL, write ? "ProbeForWrite" : "ProbeForRead");
    if (length == 0) {
        return;
    }
    auto pointer = const_cast<const void *>(address);
    if (alignment != 0 && reinterpret_cast<uintptr_t>(pointer) % alignment != 0) {
        ExRaiseStatus(STATUS_DATATYPE_MISALIGNMENT);
    }
    // ProbeForRead only looks whether the addresses are user mode's; ProbeForWrite touches each page.
    auto start = reinterpret_cast<uintptr_t>(pointer);
    if (start + length < start || isPoolAddress(pointer)) {
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
    if (write) {
        touch(pointer, length, true);
    }
}

} // namespace nt

using namespace nt;

extern "C" {

VOID SimRegisterUserRange(PVOID start, SIZE_T length) {
    Kernel &k = kernel();
    std::lock_guard lock(k.userLock);
    k.userRanges[reinterpret_cast<uintptr_t>(start)] = {.length = length, .readable = true, .writable = true};
    k.userRangeCount.store(k.userRanges.size(), std::memory_order_release);
}

VOID SimUnregisterUserRange(PVOID start) {
    Kernel &k = kernel();
    std::lock_guard lock(k.userLock);
    k.userRanges.erase(reinterpret_cast<uintptr_t>(start));
    k.userRangeCount.store(k.userRanges.size(), std::memory_order_release);
}

VOID SimSetUserRangeAccess(PVOID start, BOOLEAN readable, BOOLEAN writable) {
    std::lock_guard lock(kernel().userLock);
    UserRange &range = registeredRange(start, "SimSetUserRangeAccess");
    range.readable = readable;
    range.writable = writable;
}

VOID SimWatchUserRange(PVOID start, SIM_USER_RANGE_WATCH *routine, PVOID context) {
    std::lock_guard lock(kernel().userLock);
    UserRange &range = registeredRange(start, "SimWatchUserRange");
    range.watch = routine;
    range.watchContext = context;
}

VOID ProbeForRead(const volatile VOID *address, SIZE_T length, ULONG alignment) {
    nt::probe(address, length, alignment, false);
}

VOID ProbeForWrite(volatile VOID *address, SIZE_T length, ULONG alignment) {
    nt::probe(address, length, alignment, true);
}

VOID RtlMoveMemory(VOID *destination, const VOID *source, SIZE_T length) {
    touch(source, length, false);
    touch(destination, length, true);
    if (length != 0) {
        std::memmove(destination, source, length);
    }
}

VOID RtlCopyMemory(VOID *destination, const VOID *source, SIZE_T length) {
    auto to = reinterpret_cast<uintptr_t>(destination), from = reinterpret_cast<uintptr_t>(source);
    if (length != 0 && to < from + length && from < to + length) {
        nt::bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, to, from, length, 0, "RtlCopyMemory of overlapping memory.");
    }
    RtlMoveMemory(destination, source, length);
}

VOID RtlFillMemory(VOID *destination, SIZE_T length, UCHAR fill) {
    touch(destination, length, true);
    if (length != 0) {
        std::memset(destination, fill, length);
    }
}

VOID RtlZeroMemory(VOID *destination, SIZE_T length) {
    RtlFillMemory(destination, length, 0);
}

PVOID RtlSecureZeroMemory(PVOID destination, SIZE_T length) {
    RtlFillMemory(destination, length, 0);
    __asm__ __volatile__("" : : "r"(destination) : "memory");
    return destination;
}

SIZE_T RtlCompareMemory(const VOID *left, const VOID *right, SIZE_T length) {
    touch(left, length, false);
    touch(right, length, false);
    auto a = static_cast<const UCHAR *>(left), b = static_cast<const UCHAR *>(right);
    SIZE_T equal = 0;
    while (equal < length && a[equal] == b[equal]) {
        ++equal;
    }
    return equal;
}

} // extern "C"
