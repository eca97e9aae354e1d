// SPDX-License-Identifier: MIT
//
// What is behind the classes of simulator.h: the machine, its open devices, processes and threads.

#ifndef SIMULATOR_HOST_MACHINE_H
#define SIMULATOR_HOST_MACHINE_H

#include "nt/io_internal.h"
#include "simulator.h"

struct _CM_STORE;

namespace simulator {

// With a reference. NULL if the user is no SID.
PACCESS_TOKEN makeToken(const TokenOptions &options, TOKEN_TYPE type, SECURITY_IMPERSONATION_LEVEL level);

class MachineImpl : public Machine, public std::enable_shared_from_this<MachineImpl> {
  public:
    // Boots nt, then cm; the destructor halts them in reverse.
    MachineImpl();
    ~MachineImpl() override;

    Status loadDriver(std::u16string_view serviceName, DriverInitialize entry, DriverImage image) override;
    Status unloadDriver(std::u16string_view serviceName) override;
    Status openFile(std::u16string_view name, std::unique_ptr<File> *file) override;
    std::shared_ptr<Process> createProcess(const ProcessOptions &options, Status *status) override;
    std::shared_ptr<Process> hostProcess() override;
    std::shared_ptr<Process> systemProcess() override;
    PoolUsage poolUsage() const override;
    void failAllocation(uint64_t nth) override;
    void failEachStackOnce(bool on) override;
    uint64_t failedAllocations() const override;

  private:
    _CM_STORE *store_ = nullptr;
};

struct File::Impl {
    std::shared_ptr<Machine> machine;
    PEPROCESS process;
    HANDLE handle;
    PFILE_OBJECT file;
    ACCESS_MASK access;

    ~Impl();
    IoResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output);
    void controlAsync(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output, Completion done);
    void controlDirect(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output, Completion done);
    void close();

    // Completions that wait for their thread, which is started with the first of them.
    struct Completed {
        std::shared_ptr<nt::Request> request;
        IoResult early;
        Completion done;
    };
    struct Queue {
        std::mutex lock;
        std::condition_variable changed;
        std::deque<Completed> ready;
        // Those of controlDirect() that were completed and still hold references.
        std::vector<std::shared_ptr<nt::Request>> done;
        size_t outstanding = 0;
        bool stop = false;
    };
    std::shared_ptr<Queue> queue = std::make_shared<Queue>();
    std::mutex startLock;
    std::thread worker;

    void startWorker();
    void releaseDone();
};

struct Thread::Impl {
    std::shared_ptr<Machine> machine;
    PEPROCESS process;
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool stop = false;
    std::thread thread;

    void loop();
};

class ProcessImpl : public Process {
  public:
    // Exits: the process ends with this object.
    ProcessImpl(std::shared_ptr<Machine> machine, PEPROCESS process, bool exits);
    ~ProcessImpl() override;
    uint32_t id() const override;
    uint64_t startKey() const override;
    int64_t createTime() const override;
    std::u16string imagePath() const override;
    std::shared_ptr<Thread> createThread() override;

  private:
    std::shared_ptr<Machine> machine_;
    PEPROCESS process_;
    bool exits_;
};

} // namespace simulator

#endif
