// SPDX-License-Identifier: MIT
//
// Where an allocation comes from, and whether it is to fail.

#include "kernel.h"

#include <pthread.h>

#if defined(__clang__)
#define NOT_INSTRUMENTED __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define NOT_INSTRUMENTED __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

namespace nt {

StackRange hostStack() {
    static thread_local StackRange range = {0, 0};
    static thread_local bool known = false;
    if (!known) {
        known = true;
        pthread_attr_t attributes;
        if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
            void *lowest = nullptr;
            size_t size = 0;
            if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
                auto low = reinterpret_cast<uintptr_t>(lowest);
                range = {low, low + size};
            }
            pthread_attr_destroy(&attributes);
        }
    }
    return range;
}

// Follows the frame pointers, which all of this is compiled with. Tables for unwinding would name the callers in other
// libraries, too, but an allocation cannot take microseconds. A register that holds something else there ends the walk.
NOT_INSTRUMENTED __attribute__((noinline)) CallStack captureStack() {
    CallStack stack;
    uintptr_t boundary = currentThread()->stackBoundary, end = hostStack().end;
    auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    while (stack.depth < kStackDepth && end != 0 && frame % alignof(uintptr_t) == 0 &&
           frame < end - 2 * sizeof(uintptr_t)) {
        auto record = reinterpret_cast<const uintptr_t *>(frame);
        if (record[1] == 0) {
            break;
        }
        stack.frames[static_cast<size_t>(stack.depth++)] = reinterpret_cast<void *>(record[1]);
        if (boundary == 0 || frame + 2 * sizeof(uintptr_t) <= boundary) {
            stack.inner = stack.depth;
        }
        if (record[0] <= frame) {
            break;
        }
        frame = record[0];
    }
    return stack;
}

void printStack(const CallStack &stack) {
    printStack(stack.frames.data(), stack.depth);
}

void failAllocation(uint64_t nth) {
    PoolFaults &faults = kernel().pool.faults;
    std::lock_guard lock(faults.lock);
    faults.nth = nth;
    faults.armed.store(faults.nth != 0 || faults.stacks, std::memory_order_relaxed);
}

void failEachStackOnce(bool on) {
    PoolFaults &faults = kernel().pool.faults;
    std::lock_guard lock(faults.lock);
    faults.stacks = on;
    faults.armed.store(faults.nth != 0 || faults.stacks, std::memory_order_relaxed);
}

bool faultsArmed() {
    return kernel().pool.faults.armed.load(std::memory_order_relaxed);
}

uint64_t failedAllocations() {
    PoolFaults &faults = kernel().pool.faults;
    std::lock_guard lock(faults.lock);
    return faults.failed;
}

// A stack is told apart from others by the driver's frames alone: who called the driver does not matter.
bool faultDue(Pool &pool, const CallStack &stack) {
    PoolFaults &faults = pool.faults;
    if (!faults.armed.load(std::memory_order_relaxed)) {
        return false;
    }
    std::lock_guard lock(faults.lock);
    if (faults.nth != 0 && --faults.nth == 0) {
        faults.armed.store(faults.stacks, std::memory_order_relaxed);
        ++faults.failed;
        return true;
    }
    if (faults.stacks) {
        uint64_t hash = 14695981039346656037u;
        for (int i = 0; i < stack.inner; ++i) {
            hash = (hash ^ reinterpret_cast<uintptr_t>(stack.frames[static_cast<size_t>(i)])) * 1099511628211u;
        }
        if (faults.seen.insert(hash).second) {
            ++faults.failed;
            return true;
        }
    }
    return false;
}

__attribute__((noinline)) bool failHere() {
    return faultDue(kernel().pool, captureStack());
}

} // namespace nt
