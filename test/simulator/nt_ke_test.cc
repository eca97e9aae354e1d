// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <atomic>
#include <chrono>

namespace {

using KeTest = NtTest;

LARGE_INTEGER milliseconds(int64_t count) {
    LARGE_INTEGER time;
    time.QuadPart = -count * 10000;
    return time;
}

NTSTATUS wait(PVOID object, int64_t patience = -1) {
    LARGE_INTEGER timeout = milliseconds(patience);
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, patience < 0 ? nullptr : &timeout);
}

TEST_F(KeTest, IrqlGoesUpAndDown) {
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    EXPECT_EQ(old, PASSIVE_LEVEL);
    EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    // Another thread's is its own.
    std::thread([] { EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL); }).join();
    KeLowerIrql(old);
    EXPECT_DEATH(KfRaiseIrql(16), "STOP: 0x00000009");
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            KfRaiseIrql(PASSIVE_LEVEL);
        },
        "STOP: 0x00000009");
    EXPECT_DEATH(KeLowerIrql(APC_LEVEL), "STOP: 0x0000000A");
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            PAGED_CODE();
        },
        "Pageable code entered at IRQL 2");
}

TEST_F(KeTest, SpinLocksRaiseAndAreNotRecursive) {
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL old;
    KeAcquireSpinLock(&lock, &old);
    EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    EXPECT_FALSE(KeTestSpinLock(&lock));
    KeReleaseSpinLock(&lock, old);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);

    auto bad = [&](auto action) {
        KSPIN_LOCK own = 0;
        KIRQL irql = KeAcquireSpinLockRaiseToDpc(&own);
        action(own, irql);
    };
    EXPECT_DEATH(bad([](KSPIN_LOCK &own, KIRQL) { KeAcquireSpinLockAtDpcLevel(&own); }), "STOP: 0x0000000F");
    EXPECT_DEATH(bad([](KSPIN_LOCK &, KIRQL irql) { KeLowerIrql(irql); }), "IRQL lowered to 0 while 1 spin lock");
    EXPECT_DEATH(KeReleaseSpinLock(&lock, PASSIVE_LEVEL), "instead of DISPATCH_LEVEL");
    EXPECT_DEATH(bad([&](KSPIN_LOCK &, KIRQL irql) { KeReleaseSpinLock(&lock, irql); }), "STOP: 0x00000010");
    EXPECT_DEATH(KeAcquireSpinLockAtDpcLevel(&lock), "STOP: 0x00000009");
}

TEST_F(KeTest, SpinLocksExclude) {
    KSPIN_LOCK lock = 0;
    int counter = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 2000; ++i) {
                KLOCK_QUEUE_HANDLE handle;
                KeAcquireInStackQueuedSpinLock(&lock, &handle);
                ++counter;
                KeReleaseInStackQueuedSpinLock(&handle);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counter, 8000);
}

TEST_F(KeTest, WaitingHighIsABugCheck) {
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    EXPECT_EQ(wait(&event, 0), STATUS_TIMEOUT);
    KeLowerIrql(old);
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            wait(&event);
        },
        "STOP: 0x000000B8");
    ULONG_PTR garbage[8] = {};
    EXPECT_DEATH(wait(garbage), "no initialised dispatcher object");
}

TEST_F(KeTest, EventsEndWaitsAndSoDoTimeouts) {
    KEVENT notification, synchronization;
    KeInitializeEvent(&notification, NotificationEvent, TRUE);
    KeInitializeEvent(&synchronization, SynchronizationEvent, TRUE);
    EXPECT_EQ(wait(&notification, 0), STATUS_SUCCESS);
    EXPECT_EQ(wait(&notification, 0), STATUS_SUCCESS);
    EXPECT_EQ(wait(&synchronization, 0), STATUS_SUCCESS);
    EXPECT_EQ(wait(&synchronization, 0), STATUS_TIMEOUT);
    EXPECT_EQ(KeResetEvent(&notification), 1);
    auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(wait(&notification, 30), STATUS_TIMEOUT);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(29));
    LARGE_INTEGER absolute;
    KeQuerySystemTimePrecise(&absolute);
    absolute.QuadPart += 10 * 10000;
    EXPECT_EQ(KeWaitForSingleObject(&notification, Executive, KernelMode, FALSE, &absolute), STATUS_TIMEOUT);

    std::thread setter([&] { KeSetEvent(&synchronization, 0, FALSE); });
    EXPECT_EQ(wait(&synchronization), STATUS_SUCCESS);
    setter.join();
    EXPECT_EQ(KeReadStateEvent(&synchronization), 0);
}

TEST_F(KeTest, AWaitMayBeForMultipleObjects) {
    KEVENT a, b;
    KeInitializeEvent(&a, SynchronizationEvent, FALSE);
    KeInitializeEvent(&b, SynchronizationEvent, TRUE);
    PVOID objects[] = {&a, &b};
    LARGE_INTEGER none = {};
    EXPECT_EQ(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &none, nullptr),
              STATUS_TIMEOUT);
    EXPECT_EQ(KeReadStateEvent(&b), 1);
    EXPECT_EQ(KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, nullptr, nullptr),
              STATUS_WAIT_1);
    std::thread setter([&] {
        KeSetEvent(&b, 0, FALSE);
        KeSetEvent(&a, 0, FALSE);
    });
    EXPECT_EQ(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, nullptr, nullptr),
              STATUS_WAIT_0);
    setter.join();
    EXPECT_EQ(KeReadStateEvent(&a) + KeReadStateEvent(&b), 0);
}

TEST_F(KeTest, SemaphoresCountAndMutexesHaveOwners) {
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 0, 2);
    EXPECT_EQ(KeReleaseSemaphore(&semaphore, 0, 2, FALSE), 0);
    EXPECT_EQ(wait(&semaphore, 0), STATUS_SUCCESS);
    EXPECT_EQ(KeReadStateSemaphore(&semaphore), 1);
    EXPECT_DEATH(KeReleaseSemaphore(&semaphore, 0, 2, FALSE), "STOP: 0x0000001E .0xC0000047");

    KMUTEX mutex;
    KeInitializeMutex(&mutex, 0);
    EXPECT_EQ(wait(&mutex), STATUS_SUCCESS);
    EXPECT_EQ(wait(&mutex), STATUS_SUCCESS);
    std::thread([&] { EXPECT_EQ(wait(&mutex, 0), STATUS_TIMEOUT); }).join();
    KeReleaseMutex(&mutex, FALSE);
    KeReleaseMutex(&mutex, FALSE);
    EXPECT_DEATH(KeReleaseMutex(&mutex, FALSE), "STOP: 0x00000011");
}

TEST_F(KeTest, FastMutexesRaiseAndExclude) {
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL);
    std::thread([&] { EXPECT_FALSE(ExTryToAcquireFastMutex(&mutex)); }).join();
    ExReleaseFastMutex(&mutex);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    EXPECT_DEATH(
        {
            ExAcquireFastMutex(&mutex);
            ExAcquireFastMutex(&mutex);
        },
        "holds already");
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            ExReleaseFastMutex(&mutex);
        },
        "STOP: 0x00000011");
    EXPECT_DEATH(ExAcquireFastMutexUnsafe(&mutex), "needs APC_LEVEL or a critical region");
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            ExAcquireFastMutex(&mutex);
        },
        "allows 1 at most");

    int counter = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                ExAcquireFastMutex(&mutex);
                ++counter;
                ExReleaseFastMutex(&mutex);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counter, 4000);
}

TEST_F(KeTest, RegionsAreCounted) {
    KGUARDED_MUTEX mutex;
    KeInitializeGuardedMutex(&mutex);
    EXPECT_FALSE(KeAreApcsDisabled());
    KeEnterCriticalRegion();
    EXPECT_TRUE(KeAreApcsDisabled());
    EXPECT_FALSE(KeAreAllApcsDisabled());
    KeAcquireGuardedMutex(&mutex);
    EXPECT_TRUE(KeAreAllApcsDisabled());
    KeReleaseGuardedMutex(&mutex);
    KeLeaveCriticalRegion();
    EXPECT_FALSE(KeAreApcsDisabled());
    EXPECT_DEATH(KeLeaveCriticalRegion(), "STOP: 0x00000001");
    EXPECT_DEATH(KeReleaseGuardedMutex(&mutex), "STOP: 0x00000011");
}

struct ThreadContext {
    KEVENT go;
    std::atomic<bool> ran{false};
    bool terminate;
};

void systemThread(PVOID context) {
    auto mine = static_cast<ThreadContext *>(context);
    wait(&mine->go);
    EXPECT_EQ(ExGetPreviousMode(), KernelMode);
    EXPECT_TRUE(PsIsSystemThread(PsGetCurrentThread()));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(PsGetCurrentProcessId()), 4u);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    EXPECT_TRUE(KeAreApcsDisabled());
    EXPECT_FALSE(KeAreAllApcsDisabled());
    mine->ran = true;
    if (mine->terminate) {
        PsTerminateSystemThread(STATUS_SUCCESS);
        ADD_FAILURE() << "PsTerminateSystemThread returned";
    }
}

TEST_F(KeTest, SystemThreadsRunAndAreWaitedFor) {
    for (bool terminate : {false, true}) {
        ThreadContext context;
        KeInitializeEvent(&context.go, NotificationEvent, FALSE);
        context.terminate = terminate;
        HANDLE handle;
        ASSERT_EQ(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, systemThread, &context),
                  STATUS_SUCCESS);
        PVOID thread;
        ASSERT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &thread, nullptr),
                  STATUS_SUCCESS);
        ZwClose(handle);
        EXPECT_EQ(wait(thread, 1), STATUS_TIMEOUT);
        KeSetEvent(&context.go, 0, FALSE);
        EXPECT_EQ(wait(thread), STATUS_SUCCESS);
        EXPECT_TRUE(context.ran);
        ObDereferenceObject(thread);
    }
}

TEST_F(KeTest, ASystemThreadMayNotBeThere) {
    HANDLE handle;
    machine->failAllocation(1);
    EXPECT_EQ(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, systemThread, nullptr),
              STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(PsTerminateSystemThread(STATUS_SUCCESS), STATUS_INVALID_PARAMETER);
}

TEST_F(KeTest, TheHandleOfASystemThreadGoesWhereTheAttributesSay) {
    ThreadContext context;
    context.terminate = false;
    KeInitializeEvent(&context.go, NotificationEvent, FALSE);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, nullptr, OBJ_KERNEL_HANDLE, nullptr, nullptr);
    HANDLE handle;
    ASSERT_EQ(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, nullptr, nullptr, systemThread, &context),
              STATUS_SUCCESS);
    PVOID thread;
    EXPECT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, UserMode, &thread, nullptr),
              STATUS_INVALID_HANDLE);
    EXPECT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsProcessType, KernelMode, &thread, nullptr),
              STATUS_OBJECT_TYPE_MISMATCH);
    KeSetEvent(&context.go, 0, FALSE);
    EXPECT_EQ(ZwWaitForSingleObject(handle, FALSE, nullptr), STATUS_SUCCESS);
    ZwClose(handle);
    SIM_CALL_STATE state;
    SimEnterDriver(&state);
    EXPECT_DEATH(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, systemThread, &context),
                 "without OBJ_KERNEL_HANDLE");
    SimLeaveDriver(&state, "", nullptr);
}

TEST_F(KeTest, ThreadsHaveAPriority) {
    PKTHREAD thread = KeGetCurrentThread();
    EXPECT_EQ(KeSetPriorityThread(thread, LOW_REALTIME_PRIORITY), 8);
    EXPECT_EQ(KeQueryPriorityThread(thread), LOW_REALTIME_PRIORITY);
    std::thread([] { EXPECT_EQ(KeQueryPriorityThread(KeGetCurrentThread()), 8); }).join();
    EXPECT_EQ(KeSetPriorityThread(thread, 8), LOW_REALTIME_PRIORITY);
    EXPECT_DEATH(KeSetPriorityThread(thread, LOW_PRIORITY), "there are 1 to 31");
    KfRaiseIrql(APC_LEVEL);
    EXPECT_DEATH(KeSetPriorityThread(thread, 8), "was called at IRQL 1");
    KeLowerIrql(PASSIVE_LEVEL);
}

__attribute__((noinline)) ULONG_PTR remainingBelow(size_t used) {
    auto room = static_cast<volatile char *>(__builtin_alloca(used));
    room[0] = 0;
    ULONG_PTR low, high;
    IoGetStackLimits(&low, &high);
    auto here = reinterpret_cast<ULONG_PTR>(room);
    return here > low ? here - low : 0;
}

TEST_F(KeTest, AThreadKnowsHowMuchStackItHasLeft) {
    EXPECT_GT(IoGetRemainingStackSize(), 0x10000u);
    auto process = machine->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\a.exe"});
    auto thread = process->createThread();
    thread->runWithStack(0x3000, [] {
        ULONG_PTR left = IoGetRemainingStackSize();
        EXPECT_LE(left, 0x3000u);
        EXPECT_GT(left, 0x2000u);
        EXPECT_LE(remainingBelow(0x1000), left - 0x1000);
        // A thread that has used more than there is: nothing stops it, but there is nothing left.
        EXPECT_EQ(remainingBelow(0x4000), 0u);
    });
    thread->run([] { EXPECT_GT(IoGetRemainingStackSize(), 0x10000u); });
}

TEST_F(KeTest, TimesAdvance) {
    LARGE_INTEGER first, second, frequency;
    KeQuerySystemTimePrecise(&first);
    LARGE_INTEGER interval = milliseconds(2);
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
    KeQuerySystemTimePrecise(&second);
    EXPECT_GE(second.QuadPart - first.QuadPart, 2 * 10000 - 1000);
    // After 2020-01-01.
    EXPECT_GT(first.QuadPart, 132223104000000000);
    KeQueryPerformanceCounter(&frequency);
    EXPECT_EQ(frequency.QuadPart, 10000000);
}

TEST_F(KeTest, ExceptionsAreHandled) {
    NTSTATUS code = 0;
    EXPECT_EQ(SampleNested(FALSE, &code), 1);
    EXPECT_EQ(code, STATUS_DATA_ERROR);
    EXPECT_EQ(SampleNested(TRUE, &code), 2);
    EXPECT_EQ(SampleReturnInside(), 1);
    EXPECT_EQ(SampleRaiseInHandler(), 1);
    EXPECT_EQ(SampleLoop(9), 5);
    char to[4] = {};
    EXPECT_EQ(SampleGuardedCopy(to, "abc", 4), STATUS_SUCCESS);
    EXPECT_STREQ(to, "abc");
    EXPECT_EQ(SampleGuardedCopy(to, reinterpret_cast<void *>(16), 4), STATUS_ACCESS_VIOLATION);
    // No frame is left behind by any of them.
    EXPECT_DEATH(ExRaiseStatus(STATUS_DATA_ERROR), "Exception 0xC000003E was not handled");
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            SampleNested(FALSE, &code);
        },
        "Exception 0xC000003E at IRQL 2");
}

} // namespace
