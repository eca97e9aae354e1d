// SPDX-License-Identifier: MIT
//
// Threads: those of simulated processes, system threads, and OS threads from outside, which become threads of the host
// process when they first call the kernel.

#include "kernel.h"

#include <algorithm>
#include <new>
#include <sched.h>
#include <utility>

namespace nt {

std::atomic<Kernel *> theKernel{nullptr};
std::atomic<uint64_t> generation{0};
static std::mutex bootLock;
constinit thread_local CurrentThread current;

namespace {
struct ThreadEnd {
    // So that it is there.
    void arm() {}
    ~ThreadEnd();
};
thread_local ThreadEnd threadEnd;
} // namespace

void noMachine() {
    bugCheck(MANUALLY_INITIATED_CRASH, 0, 0, 0, 0, "A kernel routine was called while no machine runs.");
}

bool booted() {
    return theKernel.load(std::memory_order_acquire) != nullptr;
}

std::mutex &bootMutex() {
    return bootLock;
}

void publish(Kernel *k) {
    theKernel.store(k, std::memory_order_release);
    generation.fetch_add(1, std::memory_order_release);
}

ThreadEnd::~ThreadEnd() {
    PKTHREAD thread = current.thread;
    std::lock_guard lock(bootLock);
    if (thread == nullptr || !current.adopted || current.generation != generation.load(std::memory_order_acquire) ||
        !booted()) {
        return;
    }
    bool mine;
    {
        std::lock_guard adoptedLock(kernel().threadLock);
        mine = kernel().adopted.erase(thread) != 0;
    }
    if (mine) {
        ObfDereferenceObject(thread);
    }
}

PKTHREAD createThread(PEPROCESS process, bool system) {
    PVOID body = SimCreateObject(*PsThreadType);
    auto thread = new (body) _KTHREAD;
    initializeHeader(&thread->header, kThread, 0);
    thread->id = kernel().nextId.fetch_add(4);
    thread->process = process;
    thread->system = system;
    thread->previousMode = system ? KernelMode : UserMode;
    ObfReferenceObject(process);
    return thread;
}

void destroyThreadBody(PVOID object) {
    auto thread = static_cast<PKTHREAD>(object);
    PEPROCESS process = thread->process;
    dropClientToken(thread);
    thread->~_KTHREAD();
    ObfDereferenceObject(process);
}

void enterThread(PKTHREAD thread) {
    current = {generation.load(std::memory_order_acquire), thread, false};
    schedule::watch(thread ? &thread->irql : nullptr, thread ? &thread->priority : nullptr);
}

void leaveThread() {
    PKTHREAD thread = currentThread();
    SIM_CALL_STATE start = {};
    start.KernelApcDisable = thread->startApcDisable;
    SimLeaveDriver(&start, "A thread", reinterpret_cast<PVOID>(thread->start));
    {
        std::lock_guard lock(kernel().dispatcher);
        setSignal(&thread->header, 1);
    }
    schedule::watch(nullptr, nullptr);
    ObfDereferenceObject(thread);
    current.thread = nullptr;
}

PKTHREAD adoptThread() {
    // Creating an object asks for the current IRQL, that is, for a thread.
    static thread_local bool creating = false;
    if (creating) {
        static thread_local _KTHREAD nascent;
        return &nascent;
    }
    creating = true;
    PKTHREAD thread = createThread(kernel().hostProcess, false);
    creating = false;
    enterThread(thread);
    current.adopted = true;
    threadEnd.arm();
    std::lock_guard lock(kernel().threadLock);
    kernel().adopted.insert(thread);
    return thread;
}

BorrowedThread::BorrowedThread(PEPROCESS process, bool system) : former_(currentThread()), adopted_(current.adopted) {
    enterThread(createThread(process, system));
}

BorrowedThread::~BorrowedThread() {
    leaveThread();
    enterThread(former_);
    current.adopted = adopted_;
}

void reapThreads(bool all) {
    std::list<std::thread> finished;
    {
        std::lock_guard lock(kernel().threadLock);
        finished.swap(kernel().finishedThreads);
        if (all) {
            finished.splice(finished.end(), kernel().systemThreads);
        }
    }
    for (std::thread &thread : finished) {
        schedule::join(thread);
    }
}

size_t runningSystemThreads() {
    std::lock_guard lock(kernel().threadLock);
    return kernel().systemThreads.size();
}

static void runSystemThread(PKTHREAD thread, std::list<std::thread>::iterator self, bool worker) {
    enterThread(thread);
    if (!worker) {
        thread->startApcDisable = thread->kernelApcDisable = 1;
    }
    jmp_buf end;
    thread->terminate = &end;
    if (_setjmp(end) == 0) {
        thread->start(thread->context);
    }
    // The thread counts as gone before those who wait for it learn of it, as the code of its driver is left.
    {
        std::lock_guard lock(kernel().threadLock);
        kernel().finishedThreads.splice(kernel().finishedThreads.end(), kernel().systemThreads, self);
        kernel().workers -= worker;
        kernel().workerGone.notify_all();
    }
    leaveThread();
}

static void launch(PKTHREAD thread, bool worker) {
    std::lock_guard lock(kernel().threadLock);
    auto self = kernel().systemThreads.emplace(kernel().systemThreads.end());
    kernel().workers += worker;
    *self = schedule::start(worker ? "Worker" : "System thread", [=] { runSystemThread(thread, self, worker); });
}

void startWorker(PKSTART_ROUTINE start, PVOID context) {
    PKTHREAD thread = createThread(kernel().systemProcess, true);
    thread->start = start;
    thread->context = context;
    launch(thread, true);
}

// Of one group of processors.
constexpr ULONG kGroupSize = 64;

ULONG processorCount() {
    static const ULONG count = std::max(1u, std::thread::hardware_concurrency());
    return count;
}

ULONG currentProcessor() {
    if (schedule::active()) {
        return static_cast<ULONG>(schedule::processor()) % processorCount();
    }
    int found = sched_getcpu();
    // Processors that this process may use need not be numbered without gaps.
    return found < 0 ? 0 : static_cast<ULONG>(found) % processorCount();
}

void awaitWorkers() {
    std::unique_lock lock(kernel().threadLock);
    schedule::await(kernel().workerGone, lock, "work items", [] { return kernel().workers == 0; });
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS PsCreateSystemThread(PHANDLE handle, ULONG access, POBJECT_ATTRIBUTES attributes, HANDLE process,
                              PCLIENT_ID client, PKSTART_ROUTINE start, PVOID context) {
    requireIrql(PASSIVE_LEVEL, "PsCreateSystemThread");
    point("a new thread", nullptr);
    if (process != nullptr) {
        return STATUS_NOT_IMPLEMENTED;
    }
    ULONG handleAttributes;
    NTSTATUS status = captureUnnamed(attributes, KernelMode, &handleAttributes);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    PKTHREAD caller = currentThread();
    if (caller->stackBoundary != 0 && caller->process != kernel().systemProcess &&
        (handleAttributes & OBJ_KERNEL_HANDLE) == 0) {
        bugCheck(
            DRIVER_VERIFIER_DETECTED_VIOLATION, 0xF6, caller->process->id, 0, 0,
            "A driver creates a thread in a user's process without OBJ_KERNEL_HANDLE: the process has its handle.");
    }
    reapThreads(false);
    if (failHere()) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    PKTHREAD thread = createThread(kernel().systemProcess, true);
    thread->start = start;
    thread->context = context;
    status = SimInsertHandle(thread, handleAttributes, access, handle);
    if (!NT_SUCCESS(status)) {
        ObfDereferenceObject(thread);
        return status;
    }
    if (client != nullptr) {
        *client = {PsGetProcessId(kernel().systemProcess), reinterpret_cast<HANDLE>(thread->id)};
    }
    launch(thread, false);
    return STATUS_SUCCESS;
}

NTSTATUS PsTerminateSystemThread(NTSTATUS) {
    PKTHREAD thread = currentThread();
    if (thread->terminate == nullptr) {
        return STATUS_INVALID_PARAMETER;
    }
    requireIrql(PASSIVE_LEVEL, "PsTerminateSystemThread");
    thread->seh = nullptr;
    longjmp(*thread->terminate, 1);
}

PKTHREAD KeGetCurrentThread(VOID) {
    return currentThread();
}
PETHREAD PsGetCurrentThread(VOID) {
    return reinterpret_cast<PETHREAD>(currentThread());
}
HANDLE PsGetCurrentThreadId(VOID) {
    return reinterpret_cast<HANDLE>(currentThread()->id);
}
HANDLE PsGetThreadId(PETHREAD thread) {
    return reinterpret_cast<HANDLE>(reinterpret_cast<PKTHREAD>(thread)->id);
}
PEPROCESS PsGetThreadProcess(PETHREAD thread) {
    return reinterpret_cast<PKTHREAD>(thread)->process;
}
PEPROCESS IoThreadToProcess(PETHREAD thread) {
    return reinterpret_cast<PKTHREAD>(thread)->process;
}
HANDLE PsGetThreadProcessId(PETHREAD thread) {
    return PsGetProcessId(PsGetThreadProcess(thread));
}
BOOLEAN PsIsSystemThread(PETHREAD thread) {
    return reinterpret_cast<PKTHREAD>(thread)->system;
}
BOOLEAN PsIsThreadTerminating(PETHREAD) {
    return FALSE;
}
KPROCESSOR_MODE ExGetPreviousMode(VOID) {
    return currentThread()->previousMode;
}

KPROCESSOR_MODE SimSetPreviousMode(KPROCESSOR_MODE mode) {
    return std::exchange(currentThread()->previousMode, mode);
}

PVOID *SimThreadSlot(VOID) {
    return &currentThread()->slot;
}

ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER number) {
    ULONG index = currentProcessor();
    if (number != nullptr) {
        *number = {static_cast<USHORT>(index / kGroupSize), static_cast<UCHAR>(index % kGroupSize), 0};
    }
    return index;
}
ULONG KeQueryActiveProcessorCountEx(USHORT group) {
    ULONG count = schedule::active() ? static_cast<ULONG>(schedule::processors()) : processorCount();
    if (group == ALL_PROCESSOR_GROUPS) {
        return count;
    }
    ULONG before = ULONG{group} * kGroupSize;
    return before >= count ? 0 : std::min(count - before, kGroupSize);
}

KPRIORITY KeSetPriorityThread(PKTHREAD thread, KPRIORITY priority) {
    requireIrql(PASSIVE_LEVEL, "KeSetPriorityThread");
    if (priority <= LOW_PRIORITY || priority > HIGH_PRIORITY) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, static_cast<ULONG_PTR>(priority), 0, 0, 0,
                 "KeSetPriorityThread to %d; there are 1 to 31.", priority);
    }
    KPRIORITY former = thread->priority.exchange(priority);
    point("the priority of a thread", thread);
    return former;
}

KPRIORITY KeQueryPriorityThread(PKTHREAD thread) {
    requireIrql(DISPATCH_LEVEL, "KeQueryPriorityThread");
    return thread->priority.load();
}

VOID IoGetStackLimits(PULONG_PTR low, PULONG_PTR high) {
    StackRange stack = hostStack();
    ULONG_PTR limit = currentThread()->stackLimit;
    *low = limit != 0 ? limit : stack.low;
    *high = stack.end;
}

VOID SimSetRemainingStack(SIZE_T bytes) {
    auto here = reinterpret_cast<ULONG_PTR>(__builtin_frame_address(0));
    currentThread()->stackLimit = bytes == MAXULONG_PTR ? 0 : here - bytes;
}

} // extern "C"
