// SPDX-License-Identifier: MIT
//
// Processes from creation to exit, and what drivers may ask about them; boot and halt of the machine.

#include "io_internal.h"
#include "se_internal.h"

#include <cstring>
#include <execinfo.h>
#include <cstdlib>
#include <new>
#include <unistd.h>
#include <utility>

namespace nt {

// Boots are counted, as Windows does it, so that keys differ between them.
static std::atomic<ULONGLONG> boots{0};
static std::atomic<ULONGLONG> sequence{0};

NTSTATUS createProcess(const ProcessFacts &facts, PACCESS_TOKEN token, PEPROCESS *result) {
    PVOID body = SimCreateObject(*PsProcessType);
    auto process = new (body) _EPROCESS;
    initializeHeader(&process->header, kProcess, 0);
    process->facts = facts;
    process->token = token;
    process->startKey = boots << 48 | ++sequence;
    KeQuerySystemTimePrecise(&process->createTime);
    Kernel &k = kernel();
    bool added;
    {
        std::lock_guard lock(k.threadLock);
        ULONG_PTR id = facts.id;
        while (id == 0 || (facts.id == 0 && k.processes.count(id) != 0)) {
            id = k.nextId.fetch_add(4);
        }
        added = k.processes.emplace(id, process).second;
        process->id = added ? id : 0;
    }
    if (!added) {
        ObfDereferenceObject(process);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    *result = process;
    notifyProcess(process, true);
    return STATUS_SUCCESS;
}

void destroyProcessBody(PVOID object) {
    auto process = static_cast<PEPROCESS>(object);
    if (process->id != 0) {
        std::lock_guard lock(kernel().threadLock);
        kernel().processes.erase(process->id);
    }
    ObfDereferenceObject(process->token);
    process->~_EPROCESS();
}

static PEPROCESS createAtBoot(std::u16string_view image, ULONG_PTR id, const TokenFacts &who) {
    PEPROCESS process;
    ProcessFacts facts = {.image = std::u16string(image), .commandLine = {}, .parent = 0, .wow64 = false, .id = id};
    createProcess(facts, createToken(who, TokenPrimary, SecurityAnonymous), &process);
    return process;
}

void exitProcess(PEPROCESS process) {
    {
        BorrowedThread thread(process, false);
        notifyProcess(process, false);
        {
            std::lock_guard lock(process->handleLock);
            process->exiting = true;
        }
        closeAllHandles(process);
    }
    {
        std::lock_guard lock(kernel().dispatcher);
        setSignal(&process->header, 1);
    }
    ObfDereferenceObject(process);
}

void boot() {
    void *warm[4];
    // The first backtrace loads a library; that must not happen inside an allocation.
    backtrace(warm, 4);
    std::lock_guard lock(bootMutex());
    publish(new Kernel);
    createTypes();
    Kernel &k = kernel();
    initializeSecurity();
    ++boots;
    k.systemProcess = createAtBoot(
        u"System", 4, {.user = "S-1-5-18", .integrity = SECURITY_MANDATORY_SYSTEM_RID, .elevated = true, .session = 0});
    k.hostProcess = createAtBoot(u"\\Device\\HarddiskVolume1\\host.exe", static_cast<ULONG_PTR>(getpid()),
                                 {.user = "S-1-5-21-3623811015-3361044348-30300820-1013",
                                  .integrity = SECURITY_MANDATORY_HIGH_RID,
                                  .elevated = true,
                                  .session = 1});
    PsInitialSystemProcess = k.systemProcess;
    createHostVolume();
}

void exitHost() {
    BorrowedThread thread(kernel().hostProcess, false);
    closeAllHandles(kernel().hostProcess);
}

void halt() {
    Kernel &k = kernel();
    if (size_t running = runningSystemThreads(); running != 0) {
        bugCheck(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, running, 0, 0, 0,
                 "%zu system thread(s) still run when the machine halts.", running);
    }
    reapThreads(true);
    deleteHostVolume();
    if (size_t left = kernelHandles(true); left != 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x62, left, 0, 0, "%zu kernel handle(s) were not closed.", left);
    }
    checkPoolLeaks(true);
    {
        std::lock_guard lock(k.ioLock);
        if (!k.liveIrps.empty()) {
            bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, k.liveIrps.size(), 0, 0, 0,
                     "%zu IRP(s) were never completed.", k.liveIrps.size());
        }
        for (PIRP irp : k.completedIrps) {
            std::free(irp);
        }
        k.completedIrps.clear();
    }
    std::lock_guard lock(bootMutex());
    std::set<PKTHREAD> adopted;
    {
        std::lock_guard adoptedLock(k.threadLock);
        adopted.swap(k.adopted);
    }
    PKTHREAD self = currentThread();
    // A stand-in answers for the current thread until all objects are gone.
    auto last = std::make_unique<_KTHREAD>();
    enterThread(last.get());
    for (PKTHREAD thread : adopted) {
        ObfDereferenceObject(thread);
    }
    if (adopted.count(self) == 0) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0, 0, 0, 0, "The machine halts on a thread of its own.");
    }
    ObfDereferenceObject(std::exchange(k.systemProcess, nullptr));
    ObfDereferenceObject(std::exchange(k.hostProcess, nullptr));
    PsInitialSystemProcess = nullptr;
    deleteTypes();
    publish(nullptr);
    enterThread(nullptr);
    delete &k;
}

} // namespace nt

using namespace nt;

extern "C" {

PEPROCESS PsInitialSystemProcess = nullptr;

PEPROCESS IoGetCurrentProcess(VOID) {
    return currentThread()->process;
}
PEPROCESS PsGetCurrentProcess(VOID) {
    return currentThread()->process;
}
HANDLE PsGetProcessId(PEPROCESS process) {
    return reinterpret_cast<HANDLE>(process->id);
}

ULONGLONG PsGetProcessStartKey(PEPROCESS process) {
    requireIrql(DISPATCH_LEVEL, "PsGetProcessStartKey");
    return process->startKey;
}
LONGLONG PsGetProcessCreateTimeQuadPart(PEPROCESS process) {
    return process->createTime.QuadPart;
}
HANDLE PsGetProcessInheritedFromUniqueProcessId(PEPROCESS process) {
    return reinterpret_cast<HANDLE>(process->facts.parent);
}
ULONG PsGetProcessSessionId(PEPROCESS process) {
    return tokenOf(process->token).session;
}
PVOID PsGetProcessWow64Process(PEPROCESS process) {
    return process->facts.wow64 ? kWow64Peb : nullptr;
}
BOOLEAN IoIs32bitProcess(PIRP irp) {
    return PsGetProcessWow64Process(irp != nullptr ? IoGetRequestorProcess(irp) : IoGetCurrentProcess()) != nullptr;
}
BOOLEAN PsIsSystemProcess(PEPROCESS process) {
    return process == kernel().systemProcess;
}

// The process that created the thread, whatever the thread is attached to.
HANDLE PsGetCurrentProcessId(VOID) {
    return PsGetProcessId(currentThread()->process);
}

NTSTATUS PsLookupProcessByProcessId(HANDLE id, PEPROCESS *process) {
    requireIrql(APC_LEVEL, "PsLookupProcessByProcessId");
    std::lock_guard lock(kernel().threadLock);
    auto found = kernel().processes.find(reinterpret_cast<ULONG_PTR>(id));
    if (found == kernel().processes.end() || found->second->exiting) {
        return STATUS_INVALID_CID;
    }
    ObfReferenceObject(found->second);
    *process = found->second;
    return STATUS_SUCCESS;
}

NTSTATUS SeLocateProcessImageName(PEPROCESS process, PUNICODE_STRING *name) {
    requireIrql(PASSIVE_LEVEL, "SeLocateProcessImageName");
    size_t bytes = process->facts.image.size() * sizeof(WCHAR);
    auto string =
        static_cast<PUNICODE_STRING>(ExAllocatePoolWithTag(PagedPool, sizeof(UNICODE_STRING) + bytes, 0x6D495350));
    if (string == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    string->Buffer = reinterpret_cast<PWCH>(string + 1);
    string->Length = string->MaximumLength = static_cast<USHORT>(bytes);
    std::memcpy(string->Buffer, process->facts.image.data(), bytes);
    *name = string;
    return STATUS_SUCCESS;
}

} // extern "C"
