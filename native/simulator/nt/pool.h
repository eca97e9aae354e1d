// SPDX-License-Identifier: MIT
//
// What is known about pool: which blocks there are, where they lie, and which allocations are to fail.

#ifndef SIMULATOR_NT_POOL_H
#define SIMULATOR_NT_POOL_H

#include "ntifs.h"
#include "short_lock.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace nt {

constexpr int kStackDepth = 10;

struct CallStack {
    std::array<void *, kStackDepth> frames;
    int depth = 0;
    // So many innermost frames belong to the driver, the allocation routine included.
    int inner = 0;
};

struct PoolBlock {
    size_t size;
    ULONG tag;
    bool paged;
    bool exempt;
    CallStack stack;
};

// Which addresses are pool: a bit for 16 bytes each, which is how malloc aligns. Callers of user mode have nothing
// there.
class AddressMap {
  public:
    AddressMap();
    ~AddressMap();
    AddressMap(const AddressMap &) = delete;
    AddressMap &operator=(const AddressMap &) = delete;

    // False: no memory.
    bool add(uintptr_t address, size_t length);
    void remove(uintptr_t address, size_t length);
    bool has(uintptr_t address) const;

  private:
    using Word = std::atomic<uint64_t>;
    static constexpr unsigned kUnitBits = 4, kWordBits = 6, kPartBits = 30, kAddressBits = 48;
    static constexpr size_t kParts = size_t{1} << (kAddressBits - kPartBits);
    static constexpr size_t kPartUnits = size_t{1} << (kPartBits - kUnitBits);

    bool makeParts(uintptr_t first, uintptr_t last);
    template <typename Change> void forWords(uintptr_t address, size_t length, Change change);

    // Both kinds of table are as large as the address space asks for; the system backs what is used of them.
    std::atomic<Word *> *parts_;
};

// Blocks by address. There are several tables, so that threads seldom meet.
struct alignas(64) PoolTable {
    using Blocks = std::unordered_map<uintptr_t, PoolBlock>;
    ShortLock lock;
    Blocks blocks;
    // Nodes of blocks that were freed.
    std::vector<Blocks::node_type> spare;
    uint64_t driverBlocks = 0;
    uint64_t driverBytes = 0;
    uint64_t driverAllocations = 0;
};

struct PoolFaults {
    // One of the following is on.
    std::atomic<bool> armed{false};
    std::mutex lock;
    uint64_t nth = 0;
    bool stacks = false;
    std::unordered_set<uint64_t> seen;
    uint64_t failed = 0;
};

struct Pool {
    std::array<PoolTable, 16> tables;
    AddressMap addresses;
    // Tags of the kernel's own blocks; 0 where there is none.
    std::array<std::atomic<ULONG>, 16> exempt{};
    PoolFaults faults;

    PoolTable &table(uintptr_t address) { return tables[(address >> 6) % tables.size()]; }
    bool isExempt(ULONG tag) const {
        for (const std::atomic<ULONG> &other : exempt) {
            ULONG found = other.load(std::memory_order_relaxed);
            if (found == tag || found == 0) {
                return found == tag;
            }
        }
        return false;
    }
};

// Of the current OS thread. Both 0: not known.
struct StackRange {
    uintptr_t low;
    uintptr_t end;
};
StackRange hostStack();

// The frames of the caller and of those before it.
CallStack captureStack();
void printStack(const CallStack &stack);

// Fault injection. failAllocation: the n-th next one from here on, 0 for none.
void failAllocation(uint64_t nth);
void failEachStackOnce(bool on);
uint64_t failedAllocations();
bool faultDue(Pool &pool, const CallStack &stack);
// One more thing that fault injection may refuse.
bool failHere();
// Whether some allocation may be made to fail.
bool faultsArmed();

bool isPoolAddress(const void *address);
// Without what lies unused in lookaside lists.
uint64_t poolBlocksOfDrivers(uint64_t *bytes, uint64_t *allocations);
// Bug check if drivers left blocks or lookaside lists.
void checkPoolLeaks(bool kernelToo);

// Calls back under the lock of a lookaside list.
void forEachIdleEntry(const std::function<void(PVOID entry)> &visit);
void checkLookasideLeaks();

} // namespace nt

#endif
