// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <atomic>

namespace {

using PoolTest = SampleTest;
using ExTest = NtTest;

constexpr ULONG kTag = 0x74736554; // 'Test'

TEST_F(PoolTest, BlocksAreCountedAndFilled) {
    auto block = static_cast<unsigned char *>(ExAllocatePoolWithTag(NonPagedPoolNx, 100, kTag));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block[0], block[99]);
    EXPECT_NE(block[0], 0);
    EXPECT_EQ(machine->poolUsage().blocks, 1u);
    EXPECT_EQ(machine->poolUsage().bytes, 100u);
    ExFreePoolWithTag(block, kTag);
    auto zeroed = static_cast<unsigned char *>(ExAllocatePool2(POOL_FLAG_PAGED, 8, kTag));
    EXPECT_EQ(zeroed[7], 0);
    ExFreePool(zeroed);
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
    EXPECT_EQ(ExAllocatePool2(0, 8, kTag), nullptr);
}

TEST_F(PoolTest, MisuseIsReported) {
    EXPECT_DEATH(ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 8, kTag), kTag + 1),
                 "STOP: 0x000000C2 .0xA.*\n.*'Test'");
    EXPECT_DEATH(
        {
            PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 8, kTag);
            ExFreePoolWithTag(block, kTag);
            ExFreePoolWithTag(block, kTag);
        },
        "STOP: 0x000000C2 .0x7");
    EXPECT_DEATH((void)ExAllocatePoolWithTag(NonPagedPoolNx, 0, kTag), "STOP: 0x000000C2.*\n.*0 bytes");
    EXPECT_DEATH((void)ExAllocatePoolWithTag(NonPagedPoolNx, 8, 0), "without a tag");
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            (void)ExAllocatePoolWithTag(PagedPool, 8, kTag);
        },
        "paged pool was called at IRQL 2");
    EXPECT_DEATH(
        {
            PVOID block = ExAllocatePoolWithTag(PagedPool, 8, kTag);
            KfRaiseIrql(DISPATCH_LEVEL);
            ExFreePool(block);
        },
        "Paged pool was freed at IRQL 2");
    EXPECT_DEATH(
        {
            (void)ExAllocatePoolWithTag(PagedPool, 8, kTag);
            machine.reset();
        },
        "1 pool block.*were not freed");
}

TEST_F(PoolTest, EveryByteOfABlockIsTheKernels) {
    auto isUsers = [](const void *address) {
        return SampleGuardedProbe(const_cast<void *>(address), 1) == STATUS_SUCCESS;
    };
    std::vector<unsigned char> users(64);
    for (size_t size : {size_t{1}, size_t{16}, size_t{17}, size_t{1000}, size_t{4096}, size_t{5} << 20}) {
        auto block = static_cast<unsigned char *>(ExAllocatePoolWithTag(NonPagedPoolNx, size, kTag));
        ASSERT_NE(block, nullptr);
        for (size_t at : {size_t{0}, size / 3, size / 2, size - 1}) {
            EXPECT_FALSE(isUsers(block + at)) << size << " at " << at;
        }
        ExFreePoolWithTag(block, kTag);
        EXPECT_TRUE(isUsers(block)) << size;
        EXPECT_TRUE(isUsers(block + size / 2)) << size;
    }
    EXPECT_TRUE(isUsers(users.data()));
    EXPECT_TRUE(isUsers(reinterpret_cast<void *>(0x7FFF00000000)));
}

TEST_F(PoolTest, ThreadsShareIt) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            std::vector<PVOID> blocks;
            for (size_t round = 0; round < 2000; ++round) {
                blocks.push_back(ExAllocatePoolWithTag(NonPagedPoolNx, 1 + round % 300, kTag));
                if (round % 3 == 2) {
                    ExFreePoolWithTag(blocks[round / 2], kTag);
                    blocks[round / 2] = ExAllocatePoolWithTag(PagedPool, 40, kTag);
                }
            }
            for (PVOID block : blocks) {
                ExFreePoolWithTag(block, kTag);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
    EXPECT_EQ(machine->poolUsage().bytes, 0u);
}

TEST_F(PoolTest, NthAllocationFailsOnce) {
    load();
    {
        auto file = open();
        uint64_t before = machine->failedAllocations();
        for (uint64_t nth : {1, 2}) {
            machine->failAllocation(nth);
            EXPECT_EQ(file->control(SAMPLE_ALLOCATE, {}, {}).status, STATUS_INSUFFICIENT_RESOURCES);
            EXPECT_EQ(file->control(SAMPLE_ALLOCATE, {}, {}).status, STATUS_SUCCESS);
        }
        EXPECT_EQ(machine->failedAllocations() - before, 2u);
        machine->failAllocation(1);
        machine->failAllocation(0);
        EXPECT_EQ(file->control(SAMPLE_ALLOCATE, {}, {}).status, STATUS_SUCCESS);
        EXPECT_EQ(machine->poolUsage().blocks, 0u);
    }
    unload();
}

TEST_F(PoolTest, EachStackFailsOnce) {
    load();
    {
        auto file = open();
        machine->failEachStackOnce(true);
        std::vector<NTSTATUS> statuses;
        for (int i = 0; i < 4; ++i) {
            statuses.push_back(file->control(SAMPLE_ALLOCATE, {}, {}).status);
        }
        machine->failEachStackOnce(false);
        EXPECT_EQ(statuses, (std::vector<NTSTATUS>{STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFFICIENT_RESOURCES,
                                                   STATUS_SUCCESS, STATUS_SUCCESS}));
        EXPECT_EQ(machine->failedAllocations(), 2u);
        // Mapping an MDL needs memory, too.
        machine->failEachStackOnce(true);
        std::array<char, 4> data = {1, 2, 3, 4}, output = {};
        EXPECT_EQ(file->control(SAMPLE_ECHO_OUT_DIRECT, in(data), out(output)).status, STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(file->control(SAMPLE_ECHO_OUT_DIRECT, in(data), out(output)).status, STATUS_SUCCESS);
        machine->failEachStackOnce(false);
    }
    unload();
}

TEST_F(PoolTest, ExemptTagsDoNotFail) {
    constexpr ULONG kOwn = 0x6E774F6B;
    SimExemptPoolTag(kOwn);
    machine->failAllocation(1);
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 8, kOwn);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
    EXPECT_EQ(SimPoolBlocksOfTag(kOwn), 1u);
    ExFreePoolWithTag(block, kOwn);
    EXPECT_EQ(ExAllocatePoolWithTag(NonPagedPoolNx, 8, kTag), nullptr);
}

template <typename Shared, typename Exclusive> void readersAndWriters(Shared shared, Exclusive exclusive) {
    int value = 0;
    std::atomic<int> torn{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i) {
                KeEnterCriticalRegion();
                if (t == 0) {
                    exclusive([&] { ++value, ++value; });
                } else {
                    shared([&] { torn += value % 2; });
                }
                KeLeaveCriticalRegion();
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(value, 1000);
}

TEST_F(ExTest, ResourcesAreSharedOrExclusive) {
    ERESOURCE resource;
    ASSERT_EQ(ExInitializeResourceLite(&resource), STATUS_SUCCESS);
    readersAndWriters(
        [&](auto work) {
            ExAcquireResourceSharedLite(&resource, TRUE);
            ExAcquireResourceSharedLite(&resource, TRUE);
            work();
            ExReleaseResourceLite(&resource);
            ExReleaseResourceLite(&resource);
        },
        [&](auto work) {
            ExAcquireResourceExclusiveLite(&resource, TRUE);
            work();
            ExReleaseResourceLite(&resource);
        });
    EXPECT_DEATH(ExAcquireResourceSharedLite(&resource, TRUE), "needs a critical region");
    KeEnterCriticalRegion();
    EXPECT_TRUE(ExAcquireResourceSharedLite(&resource, FALSE));
    EXPECT_DEATH(ExAcquireResourceExclusiveLite(&resource, TRUE), "waits for itself");
    EXPECT_EQ(ExIsResourceAcquiredSharedLite(&resource), 1u);
    EXPECT_DEATH(ExDeleteResourceLite(&resource), "while a thread holds it");
    ExReleaseResourceLite(&resource);
    EXPECT_DEATH(ExReleaseResourceLite(&resource), "STOP: 0x000000E3");
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
}

TEST_F(ExTest, PushLocksAreSharedOrExclusive) {
    EX_PUSH_LOCK lock;
    ExInitializePushLock(&lock);
    readersAndWriters(
        [&](auto work) {
            ExAcquirePushLockShared(&lock);
            work();
            ExReleasePushLockShared(&lock);
        },
        [&](auto work) {
            ExAcquirePushLockExclusive(&lock);
            work();
            ExReleasePushLockExclusive(&lock);
        });
    KeEnterCriticalRegion();
    EXPECT_DEATH(ExReleasePushLockExclusive(&lock), "STOP: 0x000000E3");
    KeLeaveCriticalRegion();
}

} // namespace
