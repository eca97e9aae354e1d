// SPDX-License-Identifier: MIT
//
// Run-down protection and lookaside lists.

#include "nt_fixture.h"

#include <atomic>
#include <sched.h>

namespace {

using LookasideTest = NtTest;
using RundownTest = NtTest;

constexpr ULONG kTag = 0x74736554; // 'Test'

class List {
  public:
    explicit List(SIZE_T size, PALLOCATE_FUNCTION_EX allocate = nullptr, PFREE_FUNCTION_EX free = nullptr,
                  POOL_TYPE type = NonPagedPoolNx) {
        EXPECT_EQ(ExInitializeLookasideListEx(&list, allocate, free, type, 0, size, kTag, 0), STATUS_SUCCESS);
    }
    ~List() { ExDeleteLookasideListEx(&list); }

    unsigned char *take() { return static_cast<unsigned char *>(ExAllocateFromLookasideListEx(&list)); }
    void give(PVOID entry) { ExFreeToLookasideListEx(&list, entry); }

    LOOKASIDE_LIST_EX list;
};

TEST_F(LookasideTest, TheEntryThatWasGivenBackLastIsTakenFirst) {
    List list(48);
    unsigned char *first = list.take(), *second = list.take();
    ASSERT_NE(first, nullptr);
    EXPECT_NE(first[0], 0);
    EXPECT_EQ(machine->poolUsage().blocks, 2u);
    EXPECT_EQ(machine->poolUsage().bytes, 96u);
    list.give(second);
    list.give(first);
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
    EXPECT_EQ(machine->poolUsage().bytes, 0u);
    EXPECT_EQ(list.take(), first);
    EXPECT_EQ(list.take(), second);
    list.give(first);
    ExFlushLookasideListEx(&list.list);
    list.give(second);
}

TEST_F(LookasideTest, AFullListFreesWhatIsGivenBack) {
    List list(16);
    std::vector<PVOID> entries(300);
    for (PVOID &entry : entries) {
        entry = list.take();
    }
    for (PVOID entry : entries) {
        list.give(entry);
    }
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
}

struct Counts {
    LOOKASIDE_LIST_EX list;
    int allocations = 0;
    int frees = 0;
};

TEST_F(LookasideTest, RoutinesOfTheDriverAllocateAndFree) {
    Counts counts;
    ASSERT_EQ(ExInitializeLookasideListEx(
                  &counts.list,
                  [](POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list) -> PVOID {
                      ++CONTAINING_RECORD(list, Counts, list)->allocations;
                      return ExAllocatePoolZero(type, size, tag);
                  },
                  [](PVOID buffer, PLOOKASIDE_LIST_EX list) {
                      ++CONTAINING_RECORD(list, Counts, list)->frees;
                      ExFreePoolWithTag(buffer, kTag);
                  },
                  NonPagedPoolNx, 0, 100, kTag, 0),
              STATUS_SUCCESS);
    for (int i = 0; i < 3; ++i) {
        ExFreeToLookasideListEx(&counts.list, ExAllocateFromLookasideListEx(&counts.list));
    }
    EXPECT_EQ(counts.allocations, 1);
    EXPECT_EQ(counts.frees, 0);
    ExDeleteLookasideListEx(&counts.list);
    EXPECT_EQ(counts.frees, 1);
}

TEST_F(LookasideTest, AnAllocationCanBeMadeToFailAlthoughEntriesLieUnused) {
    List list(64);
    list.give(list.take());
    machine->failAllocation(2);
    unsigned char *entry = list.take();
    EXPECT_NE(entry, nullptr);
    EXPECT_EQ(list.take(), nullptr);
    list.give(entry);
    LOOKASIDE_LIST_EX raising;
    ASSERT_EQ(ExInitializeLookasideListEx(&raising, nullptr, nullptr, NonPagedPoolNx,
                                          EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, 64, kTag, 0),
              STATUS_SUCCESS);
    machine->failAllocation(1);
    EXPECT_DEATH(ExAllocateFromLookasideListEx(&raising), "C000009A");
    machine->failAllocation(0);
    ExDeleteLookasideListEx(&raising);
    EXPECT_EQ(ExInitializeLookasideListEx(&raising, nullptr, nullptr, NonPagedPoolNx, 3, 64, kTag, 0),
              STATUS_INVALID_PARAMETER_5);
}

TEST_F(LookasideTest, MisuseIsReported) {
    EXPECT_DEATH(
        {
            List list(48);
            (void)list.take();
        },
        "1 entries in use");
    EXPECT_DEATH(
        {
            List list(48);
            unsigned char *entry = list.take();
            list.give(entry);
            list.give(entry);
        },
        "has it already|use-after-poison");
    EXPECT_DEATH(
        {
            List list(48);
            unsigned char *entry = list.take();
            list.give(entry);
            entry[5] = 1;
            (void)list.take();
        },
        "written to after it was given back|use-after-poison");
    EXPECT_DEATH(
        {
            List list(48, nullptr, nullptr, PagedPool);
            KfRaiseIrql(DISPATCH_LEVEL);
            (void)list.take();
        },
        "ExAllocateFromLookasideListEx was called at IRQL 2");
    EXPECT_DEATH(
        {
            LOOKASIDE_LIST_EX list = {};
            (void)ExAllocateFromLookasideListEx(&list);
        },
        "not initialised");
    EXPECT_DEATH(
        {
            auto list = new LOOKASIDE_LIST_EX;
            ExInitializeLookasideListEx(list, nullptr, nullptr, NonPagedPoolNx, 0, 48, kTag, 0);
            machine.reset();
        },
        "Drivers left 1 lookaside list");
}

TEST_F(LookasideTest, ThreadsShareAList) {
    List list(40);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&list, i] {
            for (int round = 0; round < 2000; ++round) {
                unsigned char *one = list.take(), *other = list.take();
                std::memset(one, i, 40);
                std::memset(other, i + 10, 40);
                ASSERT_EQ(one[39], i);
                list.give(one);
                ASSERT_EQ(other[39], i + 10);
                list.give(other);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
}

TEST_F(RundownTest, TheOwnerWaitsForReferences) {
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ASSERT_TRUE(ExAcquireRundownProtection(&ref));
    ASSERT_TRUE(ExAcquireRundownProtection(&ref));
    std::atomic<bool> released{false};
    std::thread owner([&] {
        ExWaitForRundownProtectionRelease(&ref);
        EXPECT_TRUE(released);
    });
    while (ExAcquireRundownProtection(&ref)) {
        ExReleaseRundownProtection(&ref);
        std::this_thread::yield();
    }
    ExReleaseRundownProtection(&ref);
    released = true;
    ExReleaseRundownProtection(&ref);
    owner.join();
    ExRundownCompleted(&ref);
    EXPECT_FALSE(ExAcquireRundownProtection(&ref));
    ExReInitializeRundownProtection(&ref);
    EXPECT_TRUE(ExAcquireRundownProtectionEx(&ref, 3));
    ExReleaseRundownProtectionEx(&ref, 3);
    EXPECT_DEATH(ExReleaseRundownProtection(&ref), "more often than acquired");
    EXPECT_DEATH(ExReInitializeRundownProtection(&ref), "before the rundown is complete");
}

TEST_F(RundownTest, TheOwnerMayFreeAtOnce) {
    for (int i = 0; i < 200; ++i) {
        auto ref = std::make_unique<EX_RUNDOWN_REF>();
        ExInitializeRundownProtection(ref.get());
        ASSERT_TRUE(ExAcquireRundownProtection(ref.get()));
        std::thread user([raw = ref.get()] { ExReleaseRundownProtection(raw); });
        ExWaitForRundownProtectionRelease(ref.get());
        ref.reset();
        user.join();
    }
}

TEST_F(RundownTest, ProtectionIsAcquiredUpToDispatchLevelAndRunDownBelow) {
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    EXPECT_TRUE(ExAcquireRundownProtection(&ref));
    ExReleaseRundownProtection(&ref);
    EXPECT_DEATH(ExWaitForRundownProtectionRelease(&ref), "was called at IRQL 2");
    EXPECT_DEATH(ExInitializeRundownProtection(&ref), "was called at IRQL 2");
    EXPECT_DEATH(ExRundownCompleted(&ref), "was called at IRQL 2");
    KeLowerIrql(old);
}

struct CacheAware {
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, kTag);
    ~CacheAware() { ExFreeCacheAwareRundownProtection(ref); }
};

TEST_F(RundownTest, TheOwnerWaitsForTheReferencesOfAllProcessors) {
    CacheAware protection;
    PEX_RUNDOWN_REF_CACHE_AWARE ref = protection.ref;
    ASSERT_NE(ref, nullptr);
    ASSERT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
    ASSERT_TRUE(ExAcquireRundownProtectionCacheAwareEx(ref, 2));
    std::atomic<bool> released{false};
    std::thread owner([&] {
        ExWaitForRundownProtectionReleaseCacheAware(ref);
        EXPECT_TRUE(released);
    });
    while (ExAcquireRundownProtectionCacheAware(ref)) {
        ExReleaseRundownProtectionCacheAware(ref);
        std::this_thread::yield();
    }
    ExReleaseRundownProtectionCacheAwareEx(ref, 2);
    released = true;
    ExReleaseRundownProtectionCacheAware(ref);
    owner.join();
    // Without effect the second time.
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ExRundownCompletedCacheAware(ref);
    EXPECT_FALSE(ExAcquireRundownProtectionCacheAware(ref));
    ExReInitializeRundownProtectionCacheAware(ref);
    EXPECT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
    EXPECT_DEATH(ExReInitializeRundownProtectionCacheAware(ref), "before the rundown is complete");
    EXPECT_DEATH(ExFreeCacheAwareRundownProtection(ref), "1 reference");
    ExReleaseRundownProtectionCacheAware(ref);
    EXPECT_DEATH(
        {
            ExReleaseRundownProtectionCacheAware(ref);
            ExWaitForRundownProtectionReleaseCacheAware(ref);
        },
        "more often than acquired");
}

TEST_F(RundownTest, WhatIsAcquiredOnOneProcessorIsReleasedOnAnother) {
    cpu_set_t before, set;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    std::vector<int> processors;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &before)) {
            processors.push_back(i);
        }
    }
    auto moveTo = [&](int processor) {
        CPU_ZERO(&set);
        CPU_SET(processor, &set);
        ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
    };
    CacheAware protection;
    moveTo(processors.front());
    ASSERT_TRUE(ExAcquireRundownProtectionCacheAware(protection.ref));
    EXPECT_LT(KeGetCurrentProcessorNumberEx(nullptr), KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS));
    moveTo(processors.back());
    PROCESSOR_NUMBER number;
    ULONG index = KeGetCurrentProcessorNumberEx(&number);
    EXPECT_EQ(index, number.Group * 64u + number.Number);
    ExReleaseRundownProtectionCacheAware(protection.ref);
    ExWaitForRundownProtectionReleaseCacheAware(protection.ref);
    ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

TEST_F(RundownTest, TheOwnerOfCacheAwareProtectionMayFreeAtOnce) {
    for (int i = 0; i < 100; ++i) {
        PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, kTag);
        std::vector<std::thread> users;
        for (int user = 0; user < 3; ++user) {
            ASSERT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
            users.emplace_back([ref] { ExReleaseRundownProtectionCacheAware(ref); });
        }
        ExWaitForRundownProtectionReleaseCacheAware(ref);
        ExFreeCacheAwareRundownProtection(ref);
        for (std::thread &user : users) {
            user.join();
        }
    }
}

TEST_F(RundownTest, CacheAwareProtectionLiesInMemoryOfTheDriversOwn) {
    SIZE_T size = ExSizeOfRundownProtectionCacheAware();
    std::vector<std::byte> memory(size);
    auto ref = reinterpret_cast<PEX_RUNDOWN_REF_CACHE_AWARE>(memory.data());
    ExInitializeRundownProtectionCacheAware(ref, size);
    EXPECT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    EXPECT_DEATH(ExInitializeRundownProtectionCacheAware(ref, size - 1), "too little");
    EXPECT_DEATH(ExFreeCacheAwareRundownProtection(ref), "was not allocated");
}

TEST_F(RundownTest, AllocationOfCacheAwareProtectionCanBeMadeToFail) {
    machine->failAllocation(1);
    EXPECT_EQ(ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, kTag), nullptr);
    KfRaiseIrql(DISPATCH_LEVEL);
    EXPECT_DEATH((void)ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, kTag), "was called at IRQL 2");
    KeLowerIrql(PASSIVE_LEVEL);
}

} // namespace
