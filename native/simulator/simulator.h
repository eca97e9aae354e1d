// SPDX-License-Identifier: MIT
//
// What the world outside the kernel sees of the simulator: one machine per process, its devices, its processes and
// threads. C++ callers need no -fshort-wchar: WCHAR is char16_t here.

#ifndef CMBRIDGE_SIMULATOR_H
#define CMBRIDGE_SIMULATOR_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct _DRIVER_OBJECT;
struct _UNICODE_STRING;

namespace simulator {

using Status = int32_t; // NTSTATUS
using DriverInitialize = Status (*)(_DRIVER_OBJECT *driver, _UNICODE_STRING *registryPath);

class Process;

struct IoResult {
    Status status;
    uintptr_t information;
};

// An open handle of a device, as a user-mode process holds it. Thread-safe.
class File {
  public:
    using Completion = std::function<void(IoResult)>;

    // Closes as process exit does: cancels what is pended, IRP_MJ_CLEANUP, IRP_MJ_CLOSE. Returns when all of it is
    // done.
    ~File();
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    // DeviceIoControl that waits.
    IoResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output);
    // Overlapped DeviceIoControl. The buffers must live until `done` was called, which happens exactly once, also when
    // the request completes at once or is cancelled, on a thread of the caller's process at PASSIVE_LEVEL.
    void controlAsync(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output, Completion done);
    // The same for direct I/O (no METHOD_BUFFERED), but `done` is called on the thread that completes the request, in
    // the middle of IoCompleteRequest and at its IRQL: where Windows puts a packet into a completion port. It must not
    // block, nor call the machine.
    void controlDirect(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output, Completion done);
    // CancelIoEx of everything that is pended on the handle.
    void cancel();

  private:
    friend class MachineImpl;
    struct Impl;
    explicit File(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Who a process is, or whom a thread impersonates. The groups follow: Everyone, Authenticated Users, Users, and
// Administrators, which count for deny entries only unless the token is elevated. S-1-5-18 is LocalSystem, a member of
// Administrators that has every privilege.
struct TokenOptions {
    std::string userSid = "S-1-5-21-3623811015-3361044348-30300820-1013";
    uint32_t integrityLevel = 0x2000; // the RID of S-1-16-x
    bool elevated = false;
    uint32_t sessionId = 1;
};

struct ProcessOptions {
    std::u16string imagePath; // native: \Device\HarddiskVolume1\...
    // Absent: it cannot be read, as that of a process which has overwritten its own memory.
    std::optional<std::u16string> commandLine = u"";
    TokenOptions token = {.integrityLevel = 0x3000, .elevated = true};
    uint32_t parentId = 0;
    bool wow64 = false;
    // A multiple of 4 that no process has which something still refers to. Absent: a new one.
    std::optional<uint32_t> id = {};
};

// For the calling thread of a simulated process. Level: 0 anonymous, 1 identification, 2 impersonation, 3 delegation.
// STATUS_INVALID_SID, STATUS_BAD_IMPERSONATION_LEVEL if an option is none.
Status impersonate(const TokenOptions &token, int level);
void revertToSelf();

// A thread of a simulated process: an own OS thread that runs jobs in order, so that a job held in the kernel delays
// only it.
class Thread {
  public:
    ~Thread(); // finishes the jobs that were posted
    void post(std::function<void()> job);
    void run(const std::function<void()> &job); // post and wait
    // The job runs at IRQL 0 (PASSIVE_LEVEL) or 1 (APC_LEVEL): waits.
    void runAtIrql(uint8_t irql, const std::function<void()> &job);
    // So many bytes of kernel stack are left when the job begins: waits.
    void runWithStack(size_t bytes, const std::function<void()> &job);
    // From now on, for the jobs that follow: wait.
    Status impersonate(const TokenOptions &token, int level);
    void revert();

  private:
    friend class ProcessImpl;
    struct Impl;
    explicit Thread(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

class Process {
  public:
    virtual ~Process() = default; // closes the handles that it still holds, as process exit does
    virtual uint32_t id() const = 0;
    // Never used again, unlike the id.
    virtual uint64_t startKey() const = 0;
    virtual int64_t createTime() const = 0; // 100 ns since 1601
    virtual std::u16string imagePath() const = 0;
    virtual std::shared_ptr<Thread> createThread() = 0;
};

// Pool, allocation failures and misuse. Counts are of the loaded driver's allocations only, unless said otherwise, and
// without what lies unused in lookaside lists.
struct PoolUsage {
    uint64_t blocks;
    uint64_t bytes;
    // Since the machine was booted.
    uint64_t allocations;
};

// What the I/O manager reads of the file that a driver is loaded from.
struct DriverImage {
    uint16_t dllCharacteristics = 0; // IMAGE_OPTIONAL_HEADER64.DllCharacteristics
};

class Machine {
  public:
    // The one machine of this OS process; the first call boots it (nt, then cm). It halts when the last pointer goes,
    // after all drivers are unloaded; leaked pool, objects or IRPs are a bug check then.
    static std::shared_ptr<Machine> shared();
    virtual ~Machine() = default;

    // DriverEntry / DriverUnload, as the service control manager would cause them. Loading is counted: a driver that is
    // loaded already gets one more reference, the last unload unloads it. STATUS_INVALID_DEVICE_REQUEST: it has no
    // DriverUnload, or it is a driver of Plug and Play, which one is that has an AddDevice routine or was linked with
    // /driver:wdm.
    virtual Status loadDriver(std::u16string_view serviceName, DriverInitialize entry, DriverImage image = {}) = 0;
    virtual Status unloadDriver(std::u16string_view serviceName) = 0;

    // NtCreateFile on a device name as user mode writes it, e.g. u"\\??\\CmBridge".
    virtual Status openFile(std::u16string_view name, std::unique_ptr<File> *file) = 0;

    // A made-up process; registry calls of its threads come from user mode with this process id. NULL, and why, if the
    // options are wrong: STATUS_INVALID_SID, STATUS_INVALID_PARAMETER (id), STATUS_OBJECT_NAME_COLLISION (id in use).
    virtual std::shared_ptr<Process> createProcess(const ProcessOptions &options, Status *status = nullptr) = 0;
    // The process that hosts the simulator; its threads are whatever OS threads call in.
    virtual std::shared_ptr<Process> hostProcess() = 0;
    // Its threads are system threads: their calls come from kernel mode.
    virtual std::shared_ptr<Process> systemProcess() = 0;

    virtual PoolUsage poolUsage() const = 0;

    // Fault injection: allocations by driver code (not by nt or cm for themselves), counted from the call on.
    // failAllocation(n): the n-th next driver allocation returns NULL, once. 0 switches off.
    virtual void failAllocation(uint64_t nth) = 0;
    // Each call stack that was not seen before fails once (as Driver Verifier's systematic low resources simulation
    // does).
    virtual void failEachStackOnce(bool on) = 0;
    // How many allocations were made to fail since boot.
    virtual uint64_t failedAllocations() const = 0;
};

} // namespace simulator

#endif
