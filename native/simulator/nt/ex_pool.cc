// SPDX-License-Identifier: MIT
//
// Pool over malloc, so that AddressSanitizer watches every block; a table beside it knows tags, types and allocation
// stacks.

#include "kernel.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unwind.h>

namespace nt {

static std::string tagText(ULONG tag) {
    std::string text(4, '.');
    for (int i = 0; i < 4; ++i) {
        auto c = static_cast<unsigned char>(tag >> (8 * i));
        text[static_cast<size_t>(i)] = std::isprint(c) ? static_cast<char>(c) : '.';
    }
    return text;
}

struct Capture {
    void **stack;
    int depth;
    // So many innermost frames belong to the driver, the allocation routine included.
    int inner;
    ULONG_PTR boundary;
};

static _Unwind_Reason_Code captureFrame(_Unwind_Context *context, void *argument) {
    auto capture = static_cast<Capture *>(argument);
    if (capture->depth == kStackDepth) {
        return _URC_END_OF_STACK;
    }
    capture->stack[capture->depth++] = reinterpret_cast<void *>(_Unwind_GetIP(context));
    if (capture->boundary == 0 || _Unwind_GetCFA(context) <= capture->boundary) {
        capture->inner = capture->depth;
    }
    return _URC_NO_REASON;
}

static Capture captureStack(void **stack) {
    Capture capture = {stack, 0, 0, currentThread()->stackBoundary};
    _Unwind_Backtrace(captureFrame, &capture);
    return capture;
}

// Under Pool::lock. A stack is told apart from others by the driver's frames alone: who called the driver does not
// matter.
static bool faultDue(Pool &pool, void *const *stack, int depth) {
    if (pool.failNth != 0 && --pool.failNth == 0) {
        ++pool.failed;
        return true;
    }
    if (pool.failStacks) {
        uint64_t hash = 14695981039346656037u;
        for (int i = 0; i < depth; ++i) {
            hash = (hash ^ reinterpret_cast<uintptr_t>(stack[i])) * 1099511628211u;
        }
        if (pool.seenStacks.insert(hash).second) {
            ++pool.failed;
            return true;
        }
    }
    return false;
}

bool failHere() {
    void *stack[kStackDepth];
    Capture capture = captureStack(stack);
    Pool &pool = kernel().pool;
    std::lock_guard lock(pool.lock);
    return faultDue(pool, stack, capture.inner);
}

static __attribute__((noinline)) PVOID allocate(ULONG type, size_t size, ULONG tag, bool zero) {
    bool paged = (type & PagedPool) != 0;
    requireIrql(paged ? APC_LEVEL : DISPATCH_LEVEL, paged ? "Allocation of paged pool" : "Allocation of pool");
    if (size == 0 || tag == 0) {
        bugCheck(BAD_POOL_CALLER, size == 0 ? 0x00 : 0x9B, currentThread()->irql, type, tag,
                 size == 0 ? "Pool of 0 bytes was asked for." : "Pool was asked for without a tag.");
    }
    PoolBlock block = {};
    block.size = size;
    block.tag = tag;
    block.paged = paged;
    Capture capture = captureStack(block.stack);
    block.depth = capture.depth;
    Pool &pool = kernel().pool;
    PVOID memory = nullptr;
    {
        std::lock_guard lock(pool.lock);
        block.exempt = pool.exempt.count(tag) != 0;
        // More than the address space has room for; malloc would merely say so itself under some allocators.
        bool fail = size > (size_t{1} << 40) || (!block.exempt && faultDue(pool, block.stack, capture.inner));
        memory = fail ? nullptr : std::malloc(size);
        if (memory != nullptr) {
            pool.blocks.emplace(reinterpret_cast<uintptr_t>(memory), block);
            if (!block.exempt) {
                ++pool.driverBlocks;
                pool.driverBytes += size;
            }
        }
    }
    if (memory == nullptr) {
        if (type & POOL_RAISE_IF_ALLOCATION_FAILURE) {
            ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
        }
        return nullptr;
    }
    std::memset(memory, zero ? 0 : 0xB5, size);
    return memory;
}

static void release(PVOID memory, ULONG tag, bool anyTag) {
    auto address = reinterpret_cast<uintptr_t>(memory);
    KIRQL irql = currentThread()->irql;
    Pool &pool = kernel().pool;
    PoolBlock block;
    {
        std::lock_guard lock(pool.lock);
        auto found = pool.blocks.find(address);
        if (found == pool.blocks.end()) {
            bugCheck(BAD_POOL_CALLER, 0x7, address, tag, 0,
                     "Free of %p with tag '%s': no such pool block. It was freed before or never allocated.", memory,
                     tagText(tag).c_str());
        }
        block = found->second;
        if (!anyTag && tag != block.tag) {
            printStack(block.stack, block.depth);
            bugCheck(BAD_POOL_CALLER, 0xA, address, block.tag, tag, "Pool with tag '%s' was freed with tag '%s'.",
                     tagText(block.tag).c_str(), tagText(tag).c_str());
        }
        if (irql > (block.paged ? APC_LEVEL : DISPATCH_LEVEL)) {
            bugCheck(BAD_POOL_CALLER, 0x9, irql, block.paged, address, "%s pool was freed at IRQL %u.",
                     block.paged ? "Paged" : "Non-paged", irql);
        }
        pool.blocks.erase(found);
        if (!block.exempt) {
            --pool.driverBlocks;
            pool.driverBytes -= block.size;
        }
    }
    std::memset(memory, 0xDD, block.size);
    std::free(memory);
}

bool isPoolAddress(const void *pointer) {
    auto address = reinterpret_cast<uintptr_t>(pointer);
    Pool &pool = kernel().pool;
    std::lock_guard lock(pool.lock);
    auto next = pool.blocks.upper_bound(address);
    if (next == pool.blocks.begin()) {
        return false;
    }
    --next;
    return address - next->first < next->second.size;
}

uint64_t poolBlocksOfDrivers(uint64_t *bytes) {
    Pool &pool = kernel().pool;
    std::lock_guard lock(pool.lock);
    if (bytes != nullptr) {
        *bytes = pool.driverBytes;
    }
    return pool.driverBlocks;
}

void checkPoolLeaks(bool kernelToo) {
    Pool &pool = kernel().pool;
    std::lock_guard lock(pool.lock);
    size_t count = 0, bytes = 0;
    for (auto &[address, block] : pool.blocks) {
        if (block.exempt && !kernelToo) {
            continue;
        }
        ++count;
        bytes += block.size;
        if (count <= 16) {
            fprintf(stderr, "Pool left: 0x%zx, %zu bytes, tag '%s', allocated by\n", address, block.size,
                    tagText(block.tag).c_str());
            printStack(block.stack, block.depth);
        }
    }
    if (count != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x62, count, bytes, 0,
                 "%zu pool block(s), %zu bytes, were not freed.", count, bytes);
    }
}

} // namespace nt

using namespace nt;

extern "C" {

PVOID ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T size, ULONG tag) {
    return allocate(type, size, tag, (type & POOL_ZERO_ALLOCATION) != 0);
}

PVOID ExAllocatePoolZero(POOL_TYPE type, SIZE_T size, ULONG tag) {
    return allocate(type, size, tag, true);
}
PVOID ExAllocatePoolUninitialized(POOL_TYPE type, SIZE_T size, ULONG tag) {
    return allocate(type, size, tag, false);
}

PVOID ExAllocatePool2(POOL_FLAGS flags, SIZE_T size, ULONG tag) {
    ULONG kinds = ((flags & POOL_FLAG_NON_PAGED) != 0) + ((flags & POOL_FLAG_NON_PAGED_EXECUTE) != 0) +
                  ((flags & POOL_FLAG_PAGED) != 0);
    if (kinds != 1) {
        return nullptr;
    }
    ULONG type = flags & POOL_FLAG_PAGED ? PagedPool : NonPagedPoolNx;
    if (flags & POOL_FLAG_RAISE_ON_FAILURE) {
        type |= POOL_RAISE_IF_ALLOCATION_FAILURE;
    }
    return allocate(type, size, tag, (flags & POOL_FLAG_UNINITIALIZED) == 0);
}

VOID ExFreePoolWithTag(PVOID memory, ULONG tag) {
    release(memory, tag, tag == 0);
}
VOID ExFreePool(PVOID memory) {
    release(memory, 0, true);
}
VOID ExFreePool2(PVOID memory, ULONG tag, PVOID, ULONG) {
    release(memory, tag, tag == 0);
}

VOID SimExemptPoolTag(ULONG tag) {
    std::lock_guard lock(kernel().pool.lock);
    kernel().pool.exempt.insert(tag);
}

ULONG64 SimPoolBlocksOfTag(ULONG tag) {
    std::lock_guard lock(kernel().pool.lock);
    ULONG64 count = 0;
    for (auto &[address, block] : kernel().pool.blocks) {
        count += block.tag == tag;
    }
    return count;
}

// Every entry is a pool block of its own: reuse would hide mistakes from the sanitizers.
NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocateEx,
                                     PFREE_FUNCTION_EX freeEx, POOL_TYPE type, ULONG, SIZE_T size, ULONG tag, USHORT) {
    requireIrql(DISPATCH_LEVEL, "ExInitializeLookasideListEx");
    *list = {allocateEx, freeEx, type, tag, size, 0, 0x4C6B4153};
    return STATUS_SUCCESS;
}

VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX list) {
    LONG left = InterlockedExchangeAdd(&list->Outstanding, 0);
    if (list->Signature != 0x4C6B4153 || left != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13, reinterpret_cast<ULONG_PTR>(list),
                 static_cast<ULONG_PTR>(left), 0,
                 "A lookaside list is deleted that is not initialised or has %d entries in use.", left);
    }
    list->Signature = 0;
}

PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX list) {
    PVOID entry = list->Allocate != nullptr ? list->Allocate(list->Type, list->Size, list->Tag, list)
                                            : allocate(list->Type, list->Size, list->Tag, false);
    if (entry != nullptr) {
        InterlockedIncrement(&list->Outstanding);
    }
    return entry;
}

VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX list, PVOID entry) {
    if (list->Free != nullptr) {
        list->Free(entry, list);
    } else {
        release(entry, list->Tag, false);
    }
    InterlockedDecrement(&list->Outstanding);
}

} // extern "C"
