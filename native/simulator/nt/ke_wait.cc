// SPDX-License-Identifier: MIT
//
// Dispatcher objects. As in NT, one lock guards all of them, and a wait is a row of wait blocks linked into the
// objects' lists; so an event owns nothing and may lie on a stack.

#include "kernel.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace nt {

static bool satisfiable(const DISPATCHER_HEADER *object, PKTHREAD thread) {
    if (object->Type == kMutant) {
        return object->SignalState > 0 || reinterpret_cast<const KMUTANT *>(object)->OwnerThread == thread;
    }
    return object->SignalState > 0;
}

static void satisfy(DISPATCHER_HEADER *object, PKTHREAD thread) {
    switch (object->Type) {
    case kSynchronizationEvent:
        object->SignalState = 0;
        break;
    case kSemaphore:
        --object->SignalState;
        break;
    case kMutant:
        --object->SignalState;
        reinterpret_cast<KMUTANT *>(object)->OwnerThread = thread;
        break;
    default:
        break;
    }
}

static bool trySatisfy(PKTHREAD thread, KWAIT_BLOCK *blocks, ULONG count, NTSTATUS *status) {
    auto object = [&](ULONG i) { return static_cast<DISPATCHER_HEADER *>(blocks[i].Object); };
    if (blocks[0].WaitType == WaitAny) {
        for (ULONG i = 0; i < count; ++i) {
            if (satisfiable(object(i), thread)) {
                satisfy(object(i), thread);
                *status = STATUS_WAIT_0 + static_cast<NTSTATUS>(i);
                return true;
            }
        }
        return false;
    }
    for (ULONG i = 0; i < count; ++i) {
        if (!satisfiable(object(i), thread)) {
            return false;
        }
    }
    for (ULONG i = 0; i < count; ++i) {
        satisfy(object(i), thread);
    }
    *status = STATUS_WAIT_0;
    return true;
}

static void unlinkBlocks(PKTHREAD thread) {
    for (ULONG i = 0; i < thread->waitCount; ++i) {
        RemoveEntryList(&thread->waitBlocks[i].WaitListEntry);
    }
    thread->waitBlocks = nullptr;
}

void wakeWaiters(DISPATCHER_HEADER *object) {
    for (bool again = true; again;) {
        again = false;
        for (PLIST_ENTRY entry = object->WaitListHead.Flink; entry != &object->WaitListHead; entry = entry->Flink) {
            PKTHREAD thread = CONTAINING_RECORD(entry, KWAIT_BLOCK, WaitListEntry)->Thread;
            NTSTATUS status;
            if (trySatisfy(thread, thread->waitBlocks, thread->waitCount, &status)) {
                thread->waitStatus = status;
                unlinkBlocks(thread);
                thread->wake.notify_one();
                again = true;
                break;
            }
        }
    }
}

void setSignal(DISPATCHER_HEADER *object, LONG state) {
    object->SignalState = state;
    wakeWaiters(object);
}

void initializeHeader(DISPATCHER_HEADER *header, UCHAR type, LONG state) {
    *header = {};
    header->Type = type;
    header->SignalState = state;
    InitializeListHead(&header->WaitListHead);
}

// Under the dispatcher lock.
static void requireWaitable(const DISPATCHER_HEADER *object) {
    if (object->Type > kThread || object->WaitListHead.Flink == nullptr) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(object), object->Type, 0, 0,
                 "Something that is no initialised dispatcher object is waited for or signalled.");
    }
}

// How long from now, in units of 100 ns.
static LONGLONG patience(const LARGE_INTEGER &timeout) {
    LONGLONG relative = -timeout.QuadPart;
    if (timeout.QuadPart > 0) {
        LARGE_INTEGER now;
        KeQuerySystemTimePrecise(&now);
        relative = timeout.QuadPart - now.QuadPart;
    }
    // Far more than a year is "for ever", and keeps the clock arithmetic from overflowing.
    return std::min(std::max<LONGLONG>(relative, 0), LONGLONG{500} * 24 * 3600 * 10000000);
}

static NTSTATUS wait(KWAIT_BLOCK *blocks, ULONG count, const LARGE_INTEGER *timeout) {
    PKTHREAD thread = currentThread();
    point("a wait", blocks[0].Object);
    const LONGLONG relative = timeout == nullptr ? 0 : patience(*timeout);
    std::unique_lock lock(kernel().dispatcher);
    NTSTATUS status;
    for (ULONG i = 0; i < count; ++i) {
        requireWaitable(static_cast<DISPATCHER_HEADER *>(blocks[i].Object));
    }
    if (trySatisfy(thread, blocks, count, &status)) {
        return status;
    }
    if (timeout != nullptr && timeout->QuadPart == 0) {
        return STATUS_TIMEOUT;
    }
    for (ULONG i = 0; i < count; ++i) {
        blocks[i].Thread = thread;
        InsertTailList(&static_cast<DISPATCHER_HEADER *>(blocks[i].Object)->WaitListHead, &blocks[i].WaitListEntry);
    }
    thread->waitBlocks = blocks;
    thread->waitCount = count;
    auto woken = [thread] { return thread->waitBlocks == nullptr; };
    if (timeout == nullptr) {
        schedule::await(thread->wake, lock, "a dispatcher object", woken);
        return thread->waitStatus;
    }
    if (schedule::active()) {
        lock.unlock();
        schedule::block("a dispatcher object, with a timeout,", blocks[0].Object, woken, relative);
        lock.lock();
        if (!woken()) {
            unlinkBlocks(thread);
            return STATUS_TIMEOUT;
        }
        return thread->waitStatus;
    }
    auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(relative * 100);
    if (thread->wake.wait_until(lock, deadline, woken)) {
        return thread->waitStatus;
    }
    unlinkBlocks(thread);
    return STATUS_TIMEOUT;
}

static void requireWaitIrql(const LARGE_INTEGER *timeout, const char *routine) {
    KIRQL irql = currentThread()->irql;
    if (irql > DISPATCH_LEVEL || (irql == DISPATCH_LEVEL && (timeout == nullptr || timeout->QuadPart != 0))) {
        bugCheck(ATTEMPTED_SWITCH_FROM_DPC, irql, 0, 0, 0, "%s would block at IRQL %u.", routine, irql);
    }
}

} // namespace nt

using namespace nt;

extern "C" {

VOID KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state) {
    initializeHeader(&event->Header, type == NotificationEvent ? kNotificationEvent : kSynchronizationEvent, state);
}

LONG KeSetEvent(PRKEVENT event, KPRIORITY, BOOLEAN) {
    requireIrql(DISPATCH_LEVEL, "KeSetEvent");
    point("an event", event);
    LONG old;
    {
        std::lock_guard lock(kernel().dispatcher);
        requireWaitable(&event->Header);
        old = event->Header.SignalState;
        setSignal(&event->Header, 1);
    }
    point("having set an event", event);
    return old;
}

LONG KeResetEvent(PRKEVENT event) {
    requireIrql(DISPATCH_LEVEL, "KeResetEvent");
    point("an event", event);
    std::lock_guard lock(kernel().dispatcher);
    return std::exchange(event->Header.SignalState, 0);
}

VOID KeClearEvent(PRKEVENT event) {
    KeResetEvent(event);
}

LONG KeReadStateEvent(PRKEVENT event) {
    point("an event", event);
    std::lock_guard lock(kernel().dispatcher);
    return event->Header.SignalState;
}

VOID KeInitializeSemaphore(PRKSEMAPHORE semaphore, LONG count, LONG limit) {
    initializeHeader(&semaphore->Header, kSemaphore, count);
    semaphore->Limit = limit;
}

LONG KeReleaseSemaphore(PRKSEMAPHORE semaphore, KPRIORITY, LONG adjustment, BOOLEAN) {
    requireIrql(DISPATCH_LEVEL, "KeReleaseSemaphore");
    point("a semaphore", semaphore);
    bool exceeded;
    LONG old;
    {
        std::lock_guard lock(kernel().dispatcher);
        old = semaphore->Header.SignalState;
        exceeded = adjustment <= 0 || adjustment > semaphore->Limit - old;
        if (!exceeded) {
            setSignal(&semaphore->Header, old + adjustment);
        }
    }
    if (exceeded) {
        ExRaiseStatus(STATUS_SEMAPHORE_LIMIT_EXCEEDED);
    }
    return old;
}

LONG KeReadStateSemaphore(PRKSEMAPHORE semaphore) {
    std::lock_guard lock(kernel().dispatcher);
    return semaphore->Header.SignalState;
}

VOID KeInitializeMutex(PRKMUTEX mutex, ULONG) {
    initializeHeader(&mutex->Header, kMutant, 1);
    mutex->OwnerThread = nullptr;
}

LONG KeReleaseMutex(PRKMUTEX mutex, BOOLEAN) {
    requireIrql(DISPATCH_LEVEL, "KeReleaseMutex");
    point("a mutex", mutex);
    std::lock_guard lock(kernel().dispatcher);
    if (mutex->OwnerThread != currentThread()) {
        bugCheck(THREAD_NOT_MUTEX_OWNER, reinterpret_cast<ULONG_PTR>(mutex), 0, 0, 0,
                 "KeReleaseMutex by a thread that does not own the mutex.");
    }
    LONG old = mutex->Header.SignalState;
    if (old == 0) {
        mutex->OwnerThread = nullptr;
    }
    setSignal(&mutex->Header, old + 1);
    return old;
}

NTSTATUS KeWaitForSingleObject(PVOID object, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER timeout) {
    requireWaitIrql(timeout, "KeWaitForSingleObject");
    KWAIT_BLOCK block = {};
    block.Object = object;
    block.WaitType = WaitAny;
    return wait(&block, 1, timeout);
}

NTSTATUS KeWaitForMultipleObjects(ULONG count, PVOID objects[], WAIT_TYPE type, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN,
                                  PLARGE_INTEGER timeout, PKWAIT_BLOCK array) {
    requireWaitIrql(timeout, "KeWaitForMultipleObjects");
    if (count == 0 || count > MAXIMUM_WAIT_OBJECTS || (count > THREAD_WAIT_OBJECTS && array == nullptr)) {
        bugCheck(0xC, count, 0, 0, 0,
                 "KeWaitForMultipleObjects for %u objects needs an array of wait blocks (at most %u).", count,
                 MAXIMUM_WAIT_OBJECTS);
    }
    KWAIT_BLOCK builtin[THREAD_WAIT_OBJECTS];
    KWAIT_BLOCK *blocks = array != nullptr ? array : builtin;
    for (ULONG i = 0; i < count; ++i) {
        blocks[i] = {};
        blocks[i].Object = objects[i];
        blocks[i].Index = i;
        blocks[i].WaitType = type;
    }
    return wait(blocks, count, timeout);
}

NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER interval) {
    requireWaitIrql(nullptr, "KeDelayExecutionThread");
    KEVENT never;
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    KWAIT_BLOCK block = {};
    block.Object = &never;
    block.WaitType = WaitAny;
    LARGE_INTEGER time = *interval;
    wait(&block, 1, &time);
    return STATUS_SUCCESS;
}

} // extern "C"
