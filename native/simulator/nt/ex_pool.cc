// SPDX-License-Identifier: MIT
//
// Pool over malloc, so that AddressSanitizer watches every block; tables beside it know tags, types and allocation
// stacks.

#include "kernel.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nt {

static std::string tagText(ULONG tag) {
    std::string text(4, '.');
    for (int i = 0; i < 4; ++i) {
        auto c = static_cast<unsigned char>(tag >> (8 * i));
        text[static_cast<size_t>(i)] = std::isprint(c) ? static_cast<char>(c) : '.';
    }
    return text;
}

// False: no memory.
static bool enter(Pool &pool, uintptr_t address, const PoolBlock &block) {
    if (!pool.addresses.add(address, block.size)) {
        return false;
    }
    PoolTable &table = pool.table(address);
    std::lock_guard lock(table.lock);
    if (table.spare.empty()) {
        table.blocks.emplace(address, block);
    } else {
        PoolTable::Blocks::node_type node = std::move(table.spare.back());
        table.spare.pop_back();
        node.key() = address;
        node.mapped() = block;
        table.blocks.insert(std::move(node));
    }
    if (!block.exempt) {
        ++table.driverBlocks;
        ++table.driverAllocations;
        table.driverBytes += block.size;
    }
    return true;
}

// With the table locked.
static void leave(Pool &pool, PoolTable &table, PoolTable::Blocks::iterator found) {
    constexpr size_t kMostSpare = 256;
    pool.addresses.remove(found->first, found->second.size);
    if (!found->second.exempt) {
        --table.driverBlocks;
        table.driverBytes -= found->second.size;
    }
    PoolTable::Blocks::node_type node = table.blocks.extract(found);
    if (table.spare.size() < kMostSpare) {
        table.spare.push_back(std::move(node));
    }
}

static __attribute__((noinline)) PVOID allocate(ULONG type, size_t size, ULONG tag, bool zero) {
    bool paged = (type & PagedPool) != 0;
    requireIrql(paged ? APC_LEVEL : DISPATCH_LEVEL, paged ? "Allocation of paged pool" : "Allocation of pool");
    if (size == 0 || tag == 0) {
        bugCheck(BAD_POOL_CALLER, size == 0 ? 0x00 : 0x9B, currentThread()->irql, type, tag,
                 size == 0 ? "Pool of 0 bytes was asked for." : "Pool was asked for without a tag.");
    }
    point("pool", nullptr);
    Pool &pool = kernel().pool;
    PoolBlock block = {size, tag, paged, pool.isExempt(tag), captureStack()};
    // More than the address space has room for; malloc would merely say so itself under some allocators.
    bool fail = size > (size_t{1} << 40) || (!block.exempt && faultDue(pool, block.stack));
    PVOID memory = fail ? nullptr : std::malloc(size);
    if (memory != nullptr && !enter(pool, reinterpret_cast<uintptr_t>(memory), block)) {
        std::free(memory);
        memory = nullptr;
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
    point("pool", memory);
    auto address = reinterpret_cast<uintptr_t>(memory);
    KIRQL irql = currentThread()->irql;
    Pool &pool = kernel().pool;
    size_t size;
    {
        PoolTable &table = pool.table(address);
        std::lock_guard lock(table.lock);
        auto found = table.blocks.find(address);
        if (found == table.blocks.end()) {
            bugCheck(BAD_POOL_CALLER, 0x7, address, tag, 0,
                     "Free of %p with tag '%s': no such pool block. It was freed before or never allocated.", memory,
                     tagText(tag).c_str());
        }
        const PoolBlock &block = found->second;
        if (!anyTag && tag != block.tag) {
            printStack(block.stack);
            bugCheck(BAD_POOL_CALLER, 0xA, address, block.tag, tag, "Pool with tag '%s' was freed with tag '%s'.",
                     tagText(block.tag).c_str(), tagText(tag).c_str());
        }
        if (irql > (block.paged ? APC_LEVEL : DISPATCH_LEVEL)) {
            bugCheck(BAD_POOL_CALLER, 0x9, irql, block.paged, address, "%s pool was freed at IRQL %u.",
                     block.paged ? "Paged" : "Non-paged", irql);
        }
        size = block.size;
        leave(pool, table, found);
    }
    std::memset(memory, 0xDD, size);
    std::free(memory);
}

bool isPoolAddress(const void *pointer) {
    return kernel().pool.addresses.has(reinterpret_cast<uintptr_t>(pointer));
}

uint64_t poolBlocksOfDrivers(uint64_t *bytes, uint64_t *allocations) {
    uint64_t blocks = 0, size = 0, idleBlocks = 0, idleBytes = 0;
    forEachIdleEntry([&](PVOID entry) {
        auto address = reinterpret_cast<uintptr_t>(entry);
        PoolTable &table = kernel().pool.table(address);
        std::lock_guard lock(table.lock);
        if (auto found = table.blocks.find(address); found != table.blocks.end() && !found->second.exempt) {
            ++idleBlocks;
            idleBytes += found->second.size;
        }
    });
    *allocations = 0;
    for (PoolTable &table : kernel().pool.tables) {
        std::lock_guard lock(table.lock);
        blocks += table.driverBlocks;
        size += table.driverBytes;
        *allocations += table.driverAllocations;
    }
    *bytes = size - std::min(size, idleBytes);
    return blocks - std::min(blocks, idleBlocks);
}

template <typename Visit> static void forEachBlock(Visit visit) {
    for (PoolTable &table : kernel().pool.tables) {
        std::lock_guard lock(table.lock);
        for (const auto &[address, block] : table.blocks) {
            visit(address, block);
        }
    }
}

void checkPoolLeaks(bool kernelToo) {
    checkLookasideLeaks();
    size_t count = 0, bytes = 0;
    forEachBlock([&](uintptr_t address, const PoolBlock &block) {
        if (block.exempt && !kernelToo) {
            return;
        }
        ++count;
        bytes += block.size;
        if (count <= 16) {
            fprintf(stderr, "Pool left: 0x%zx, %zu bytes, tag '%s', allocated by\n", address, block.size,
                    tagText(block.tag).c_str());
            printStack(block.stack);
        }
    });
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
    for (std::atomic<ULONG> &place : kernel().pool.exempt) {
        ULONG free = 0;
        if (place.compare_exchange_strong(free, tag) || free == tag) {
            return;
        }
    }
    bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, tag, 0, 0, 0, "More tags are exempt than there is room for.");
}

ULONG64 SimPoolBlocksOfTag(ULONG tag) {
    ULONG64 count = 0;
    forEachBlock([&](uintptr_t, const PoolBlock &block) { count += block.tag == tag; });
    return count;
}

} // extern "C"
