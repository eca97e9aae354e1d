// SPDX-License-Identifier: MIT
//
// Memory of user mode: what may vanish is registered, everything else is there. The copying routines are real ones that
// look before they touch.

#include "kernel.h"

#include <cstring>

namespace nt {

constexpr uintptr_t kLowestUserAddress = 0x10000;

bool userMemoryAllows(const void *address, size_t length, bool write) {
    auto start = reinterpret_cast<uintptr_t>(address);
    if (length == 0) {
        return true;
    }
    if (start < kLowestUserAddress || start + length < start) {
        return false;
    }
    Kernel &k = kernel();
    if (k.userRangeCount.load(std::memory_order_acquire) == 0) {
        return true;
    }
    std::shared_lock lock(k.userLock);
    auto range = k.userRanges.upper_bound(start);
    if (range != k.userRanges.begin() && std::prev(range)->first + std::prev(range)->second.length > start) {
        --range;
    }
    for (; range != k.userRanges.end() && range->first < start + length; ++range) {
        if (currentThread()->irql >= DISPATCH_LEVEL) {
            bugCheck(IRQL_NOT_LESS_OR_EQUAL, start, currentThread()->irql, write, 0,
                     "User memory %p was touched at IRQL %u.", address, currentThread()->irql);
        }
        if (!(write ? range->second.writable : range->second.readable)) {
            return false;
        }
    }
    return true;
}

void touch(const void *address, size_t length, bool write) {
    if (!userMemoryAllows(address, length, write)) {
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
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
    k.userRanges[reinterpret_cast<uintptr_t>(start)] = {length, true, true};
    k.userRangeCount.store(k.userRanges.size(), std::memory_order_release);
}

VOID SimUnregisterUserRange(PVOID start) {
    Kernel &k = kernel();
    std::lock_guard lock(k.userLock);
    k.userRanges.erase(reinterpret_cast<uintptr_t>(start));
    k.userRangeCount.store(k.userRanges.size(), std::memory_order_release);
}

VOID SimSetUserRangeAccess(PVOID start, BOOLEAN readable, BOOLEAN writable) {
    Kernel &k = kernel();
    std::lock_guard lock(k.userLock);
    auto range = k.userRanges.find(reinterpret_cast<uintptr_t>(start));
    if (range == k.userRanges.end()) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(start), 0, 0, 0,
                 "SimSetUserRangeAccess for a range that is not registered.");
    }
    range->second.readable = readable;
    range->second.writable = writable;
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
