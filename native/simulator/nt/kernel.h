// SPDX-License-Identifier: MIT
//
// The state of the one machine, and what the components of nt share. Everything per machine is in Kernel; thread-locals
// and the pointer to it are the only other state.

#ifndef SIMULATOR_NT_KERNEL_H
#define SIMULATOR_NT_KERNEL_H

#include "ob_internal.h"
#include "pool.h"
#include "schedule/schedule.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// Both spellings of a thread and of a process mean one structure.
struct _KTHREAD {
    DISPATCHER_HEADER header;
    ULONG_PTR id = 0;
    PEPROCESS process = nullptr;
    KPROCESSOR_MODE previousMode = UserMode;
    bool system = false;
    // Written only by the thread itself.
    KIRQL irql = PASSIVE_LEVEL;
    ULONG spinLocks = 0;
    LONG kernelApcDisable = 0;
    // A system thread of a driver begins inside a critical region.
    LONG startApcDisable = 0;
    LONG specialApcDisable = 0;
    SIM_SEH_FRAME *seh = nullptr;
    NTSTATUS sehCode = 0;
    PVOID slot = nullptr;
    // Frames above this stack address are not the driver's. 0: unknown.
    ULONG_PTR stackBoundary = 0;
    // Where its stack ends, as IoGetStackLimits tells. 0: where that of the OS thread does.
    ULONG_PTR stackLimit = 0;
    std::atomic<KPRIORITY> priority{8};
    // Guarded by Kernel::dispatcher.
    std::condition_variable wake;
    KWAIT_BLOCK *waitBlocks = nullptr;
    ULONG waitCount = 0;
    NTSTATUS waitStatus = 0;
    // A system thread's routine, and where PsTerminateSystemThread goes.
    PKSTART_ROUTINE start = nullptr;
    PVOID context = nullptr;
    jmp_buf *terminate = nullptr;
    // Whom it impersonates, guarded by the lock.
    std::mutex tokenLock;
    PACCESS_TOKEN clientToken = nullptr;
    SECURITY_IMPERSONATION_LEVEL impersonationLevel = SecurityAnonymous;
    BOOLEAN copyOnOpen = FALSE;
    BOOLEAN effectiveOnly = FALSE;
};

namespace nt {

struct Handle {
    PVOID object;
    ACCESS_MASK access;
    ULONG attributes;
    // A kernel handle of the kernel itself, which no driver has to close.
    bool exempt = false;
};

struct ProcessFacts {
    std::u16string image;
    // Absent: it cannot be read.
    std::optional<std::u16string> commandLine;
    ULONG_PTR parent = 0;
    bool wow64 = false;
    // 0: any that is free.
    ULONG_PTR id = 0;
};

} // namespace nt

struct _EPROCESS {
    DISPATCHER_HEADER header;
    // What is told here does not change while the object lives.
    ULONG_PTR id = 0;
    nt::ProcessFacts facts;
    PACCESS_TOKEN token = nullptr;
    ULONGLONG startKey = 0;
    LARGE_INTEGER createTime = {};
    nt::ShortLock handleLock;
    std::unordered_map<ULONG_PTR, nt::Handle> handles;
    ULONG_PTR nextHandle = 4;
    std::atomic<bool> exiting{false};
};

struct _OBJECT_TYPE {
    SIM_OBJECT_TYPE_INITIALIZER info;
    nt::ShortLock lock;
    // Of the headers of its objects.
    LIST_ENTRY objects;
    size_t count = 0;
};

namespace nt {

struct Driver;
struct Lookaside;
struct Request;

struct UserRange {
    size_t length;
    bool readable;
    bool writable;
    SIM_USER_RANGE_WATCH *watch = nullptr;
    PVOID watchContext = nullptr;
};

struct Kernel {
    std::mutex dispatcher;
    Pool pool;
    ShortLock lookasideLock;
    std::set<Lookaside *> lookasides;

    std::shared_mutex userLock;
    std::map<uintptr_t, UserRange> userRanges;
    std::atomic<size_t> userRangeCount{0};

    std::mutex threadLock;
    std::set<PKTHREAD> adopted;
    std::list<std::thread> systemThreads;
    size_t workers = 0;
    std::condition_variable workerGone;
    std::list<std::thread> finishedThreads;
    std::atomic<ULONG_PTR> nextId{8};
    schedule::Lock<std::shared_mutex> processRoutineLock;
    std::vector<PCREATE_PROCESS_NOTIFY_ROUTINE> processRoutines;
    PEPROCESS systemProcess = nullptr;
    PEPROCESS hostProcess = nullptr;
    std::map<ULONG_PTR, PEPROCESS> processes;

    KSPIN_LOCK cancelLock = 0;
    // Guards devices, links, drivers and the state of requests. A leaf: nothing is called with it held.
    std::mutex ioLock;
    std::condition_variable ioChanged;
    std::unordered_map<PIRP, std::shared_ptr<Request>> liveIrps;
    std::deque<PIRP> completedIrps;
    std::map<std::u16string, PDEVICE_OBJECT> devices;
    std::map<std::u16string, std::u16string> links;
    // Serialises load and unload.
    schedule::Lock<std::recursive_mutex> driverLock;
    std::map<std::u16string, std::shared_ptr<Driver>> drivers;
    PDEVICE_OBJECT hostVolume = nullptr;

    std::mutex routineLock;
    std::map<std::string, PVOID> routines;
};

extern std::atomic<Kernel *> theKernel;
[[noreturn]] void noMachine();
inline Kernel &kernel() {
    Kernel *found = theKernel.load(std::memory_order_acquire);
    if (found == nullptr) [[unlikely]] {
        noMachine();
    }
    return *found;
}
bool booted();
void boot();
// Handles of the host process, as its exit would close them. Comes before cm stops.
void exitHost();
void halt();

// Which machine a thread's KTHREAD belongs to: it counts those that were booted.
extern std::atomic<uint64_t> generation;
struct CurrentThread {
    uint64_t generation = 0;
    PKTHREAD thread = nullptr;
    bool adopted = false;
};
// Apart from what is done when an OS thread ends: a destructor would make each access dearer.
extern constinit thread_local CurrentThread current;
// An OS thread from outside calls the kernel for the first time.
PKTHREAD adoptThread();
inline PKTHREAD currentThread() {
    CurrentThread &own = current;
    if (own.thread != nullptr && own.generation == generation.load(std::memory_order_acquire)) [[likely]] {
        return own.thread;
    }
    return adoptThread();
}
// For the scheduler of the tests: a driver does something here that others can see, or looks at what they do. What the
// kernel does for itself is no such place.
void pointOfDriver(const char *what, const volatile void *where);
inline void point(const char *what, const volatile void *where) {
    if (schedule::active()) [[unlikely]] {
        pointOfDriver(what, where);
    }
}
PKTHREAD createThread(PEPROCESS process, bool system);
// Makes the calling OS thread that thread of the machine until it ends or leaves.
void enterThread(PKTHREAD thread);
void leaveThread();
// While it is held no OS thread that ends gives its adopted thread back.
std::mutex &bootMutex();
void publish(Kernel *k);
// Takes over the reference to the token. STATUS_OBJECT_NAME_COLLISION if the id is in use.
NTSTATUS createProcess(const ProcessFacts &facts, PACCESS_TOKEN token, PEPROCESS *process);
void exitProcess(PEPROCESS process);
// Tells the routines of drivers, on the calling thread.
void notifyProcess(PEPROCESS process, bool created);
// How many there are.
size_t processRoutines();
void reapThreads(bool all);
size_t runningSystemThreads();
// The processor that the calling thread runs on, below processorCount(). It may be another one at any time.
ULONG currentProcessor();
ULONG processorCount();
// A system thread without a handle. At any IRQL.
void startWorker(PKSTART_ROUTINE start, PVOID context);
// Returns when no such thread runs.
void awaitWorkers();

// The previous mode that a Zw routine gives its Nt twin.
class KernelCall {
  public:
    KernelCall() : former_(SimSetPreviousMode(KernelMode)) {}
    ~KernelCall() { SimSetPreviousMode(former_); }
    KernelCall(const KernelCall &) = delete;
    KernelCall &operator=(const KernelCall &) = delete;

  private:
    KPROCESSOR_MODE former_;
};

// Lets the calling OS thread be, for a scope, a thread of another process: to do there what a process does to itself.
class BorrowedThread {
  public:
    BorrowedThread(PEPROCESS process, bool system);
    ~BorrowedThread();
    BorrowedThread(const BorrowedThread &) = delete;
    BorrowedThread &operator=(const BorrowedThread &) = delete;

  private:
    PKTHREAD former_;
    bool adopted_;
};

[[noreturn]] void bugCheck(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3, ULONG_PTR p4, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
[[noreturn]] void irqlTooHigh(KIRQL highest, const char *routine);
inline void requireIrql(PKTHREAD thread, KIRQL highest, const char *routine) {
    if (thread->irql > highest) [[unlikely]] {
        irqlTooHigh(highest, routine);
    }
}
inline void requireIrql(KIRQL highest, const char *routine) {
    requireIrql(currentThread(), highest, routine);
}
[[noreturn]] void cannotLowerIrql(PKTHREAD thread, KIRQL irql);
inline void lowerIrql(PKTHREAD thread, KIRQL irql) {
    if (irql > thread->irql || (irql < DISPATCH_LEVEL && thread->spinLocks != 0)) [[unlikely]] {
        cannotLowerIrql(thread, irql);
    }
    thread->irql = irql;
}
// For routines that are documented for PASSIVE_LEVEL and that drivers may call only there. The kernel's own components
// call them at APC_LEVEL, too, when a registry call comes from there.
void requirePassive(const char *routine);
void printStack(void *const *stack, int depth);

constexpr uintptr_t kLowestUserAddress = 0x10000;
// With ranges of user memory registered.
bool userRangesAllow(uintptr_t start, size_t length, bool write);
void callWatches(uintptr_t start, size_t length);
inline bool userMemoryAllows(const void *address, size_t length, bool write) {
    auto start = reinterpret_cast<uintptr_t>(address);
    if (length == 0) {
        return true;
    }
    if (start < kLowestUserAddress || start + length < start) {
        return false;
    }
    return kernel().userRangeCount.load(std::memory_order_acquire) == 0 || userRangesAllow(start, length, write);
}
// Raises when the memory cannot be touched.
inline void touch(const void *address, size_t length, bool write) {
    if (kernel().userRangeCount.load(std::memory_order_acquire) != 0) [[unlikely]] {
        callWatches(reinterpret_cast<uintptr_t>(address), length);
    }
    if (!userMemoryAllows(address, length, write)) [[unlikely]] {
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
}
// Copies between the kernel and the caller of a service. False where user memory is not there.
bool readCaller(void *to, const void *from, size_t length, KPROCESSOR_MODE mode);
bool writeCaller(void *to, const void *from, size_t length, KPROCESSOR_MODE mode);
// Whosever memory it is.
bool tryWrite(void *to, const void *from, size_t length);

// Under Kernel::dispatcher: an object became signalled.
void wakeWaiters(DISPATCHER_HEADER *object);
void setSignal(DISPATCHER_HEADER *object, LONG state);
void initializeHeader(DISPATCHER_HEADER *header, UCHAR type, LONG state);

// Where the environment block of a 32-bit process lies; nothing is there.
inline const PVOID kWow64Peb = reinterpret_cast<PVOID>(0x7FFD0000);

enum : UCHAR {
    kNotificationEvent = 0,
    kSynchronizationEvent = 1,
    kMutant = 2,
    kProcess = 3,
    kSemaphore = 5,
    kThread = 6
};

std::u16string upcase(std::u16string_view text);
inline std::u16string_view view(const UNICODE_STRING *string) {
    return {string->Buffer, string->Length / sizeof(WCHAR)};
}

// Kinds of objects that nt makes itself; created at boot.
void createTypes();
void deleteTypes();
void initializeSecurity();
void dropClientToken(PKTHREAD thread);
void destroyThreadBody(PVOID object);
void destroyProcessBody(PVOID object);
extern const SIM_OBJECT_TYPE_INITIALIZER fileTypeInitializer;
extern const SIM_OBJECT_TYPE_INITIALIZER deviceTypeInitializer;
extern const SIM_OBJECT_TYPE_INITIALIZER transactionTypeInitializer;

void closeAllHandles(PEPROCESS process);
// The answer of a QueryName procedure: the structure, and behind it the string with a terminator.
NTSTATUS giveName(std::u16string_view name, POBJECT_NAME_INFORMATION to, ULONG length, PULONG returned,
                  KPROCESSOR_MODE mode);
// How many handles the kernel's table holds; those of drivers, or all.
size_t kernelHandles(bool exemptToo);
// What the attributes of an object without a name ask of its handle.
NTSTATUS captureUnnamed(POBJECT_ATTRIBUTES from, KPROCESSOR_MODE mode, ULONG *handleAttributes);
// The handle of a new object, for the caller. Takes over the reference.
NTSTATUS giveHandle(PVOID object, ULONG attributes, ACCESS_MASK desired, PHANDLE result, KPROCESSOR_MODE mode);
// In the process's table, or in the kernel's if the attributes say so. Takes a reference of its own.
NTSTATUS insertHandle(PEPROCESS process, const Handle &entry, HANDLE *handle);
// The object comes with a reference. Pseudo handles mean the current process and thread.
NTSTATUS referenceHandle(PEPROCESS process, HANDLE handle, KPROCESSOR_MODE mode, Handle *found);
NTSTATUS closeHandle(PEPROCESS process, HANDLE handle, KPROCESSOR_MODE mode);

} // namespace nt

#endif
