// SPDX-License-Identifier: MIT
//
// The one machine of the process: boots nt and the configuration manager, halts them with its last owner.

#include "machine.h"

#include "cm/cm.h"

namespace simulator {

namespace {

// Never destroyed: when the process exits threads of the machine may still run.
struct TheOne {
    std::mutex lock;
    std::condition_variable changed;
    std::weak_ptr<Machine> machine;
    // From the boot to the end of the halt; the weak pointer is gone earlier.
    bool running = false;
};

TheOne &theOne() {
    static auto &one = *new TheOne;
    return one;
}

constexpr ULONG kCmTag = 0x67526D43; // 'CmRg'

[[noreturn]] void bootFailed(const char *what, NTSTATUS status) {
    nt::bugCheck(0x67, static_cast<ULONG>(status), 0, 0, 0, "%s failed with 0x%08X.", what, static_cast<ULONG>(status));
}

} // namespace

std::shared_ptr<Machine> Machine::shared() {
    TheOne &one = theOne();
    std::unique_lock lock(one.lock);
    for (;;) {
        if (std::shared_ptr<Machine> machine = one.machine.lock()) {
            return machine;
        }
        if (!one.running) {
            break;
        }
        one.changed.wait(lock);
    }
    std::shared_ptr<Machine> machine(new MachineImpl, [](Machine *last) {
        delete last;
        std::lock_guard halted(theOne().lock);
        theOne().running = false;
        theOne().changed.notify_all();
    });
    one.running = true;
    one.machine = machine;
    return machine;
}

MachineImpl::MachineImpl() {
    nt::boot();
    SimExemptPoolTag(kCmTag);
    SimRegisterSystemRoutine("CmCallbackGetKeyObjectIDEx", reinterpret_cast<PVOID>(CmCallbackGetKeyObjectIDEx));
    SimRegisterSystemRoutine("CmCallbackReleaseKeyObjectIDEx", reinterpret_cast<PVOID>(CmCallbackReleaseKeyObjectIDEx));
    nt::BorrowedThread thread(nt::kernel().systemProcess, true);
    NTSTATUS status = CmMemoryStoreCreate(&store_);
    if (!NT_SUCCESS(status)) {
        bootFailed("CmMemoryStoreCreate", status);
    }
    status = CmInitSystem(store_, nullptr);
    if (!NT_SUCCESS(status)) {
        bootFailed("CmInitSystem", status);
    }
}

MachineImpl::~MachineImpl() {
    nt::checkDrivers();
    nt::exitHost();
    {
        nt::BorrowedThread thread(nt::kernel().systemProcess, true);
        CmShutdownSystem();
        CmMemoryStoreDestroy(store_);
    }
    nt::halt();
}

Status MachineImpl::loadDriver(std::u16string_view serviceName, DriverInitialize entry, DriverImage image) {
    return nt::loadDriver(serviceName, entry, image.dllCharacteristics);
}

Status MachineImpl::unloadDriver(std::u16string_view serviceName) {
    return nt::unloadDriver(serviceName);
}

Status MachineImpl::openFile(std::u16string_view name, std::unique_ptr<File> *file) {
    auto impl = std::make_unique<File::Impl>();
    impl->access = FILE_GENERIC_READ | FILE_GENERIC_WRITE;
    NTSTATUS status = nt::openDevice(name, GENERIC_READ | GENERIC_WRITE, &impl->handle, &impl->file);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    impl->machine = shared_from_this();
    impl->process = IoGetCurrentProcess();
    ObfReferenceObject(impl->process);
    file->reset(new File(std::move(impl)));
    return status;
}

std::shared_ptr<Process> MachineImpl::createProcess(const ProcessOptions &options, Status *status) {
    auto refuse = [status](Status why) {
        if (status != nullptr) {
            *status = why;
        }
        return nullptr;
    };
    if (options.id && (*options.id == 0 || *options.id % 4 != 0)) {
        return refuse(STATUS_INVALID_PARAMETER);
    }
    PACCESS_TOKEN token = makeToken(options.token, TokenPrimary, SecurityAnonymous);
    if (token == nullptr) {
        return refuse(STATUS_INVALID_SID);
    }
    PEPROCESS process;
    Status created = nt::createProcess({.image = options.imagePath,
                                        .commandLine = options.commandLine,
                                        .parent = options.parentId,
                                        .wow64 = options.wow64,
                                        .id = options.id.value_or(0)},
                                       token, &process);
    if (!NT_SUCCESS(created)) {
        return refuse(created);
    }
    if (status != nullptr) {
        *status = STATUS_SUCCESS;
    }
    return std::make_shared<ProcessImpl>(shared_from_this(), process, true);
}

std::shared_ptr<Process> MachineImpl::hostProcess() {
    return std::make_shared<ProcessImpl>(shared_from_this(), nt::kernel().hostProcess, false);
}

std::shared_ptr<Process> MachineImpl::systemProcess() {
    return std::make_shared<ProcessImpl>(shared_from_this(), nt::kernel().systemProcess, false);
}

PoolUsage MachineImpl::poolUsage() const {
    PoolUsage usage;
    usage.blocks = nt::poolBlocksOfDrivers(&usage.bytes, &usage.allocations);
    return usage;
}

void MachineImpl::failAllocation(uint64_t nth) {
    nt::failAllocation(nth);
}

void MachineImpl::failEachStackOnce(bool on) {
    nt::failEachStackOnce(on);
}

uint64_t MachineImpl::failedAllocations() const {
    return nt::failedAllocations();
}

} // namespace simulator
