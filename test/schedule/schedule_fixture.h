// SPDX-License-Identifier: MIT
//
// The driver under a schedule: sessions whose handle can close while requests are on their way, and threads for jobs.

#ifndef CMBRIDGE_TEST_SCHEDULE_FIXTURE_H
#define CMBRIDGE_TEST_SCHEDULE_FIXTURE_H

#include "nt/io_internal.h"
#include "schedule/explore.h"
#include "test/driver/fixture/ask_fixture.h"

namespace cmbridge::test {

// An open handle. A request refers to the file, as in NtDeviceIoControlFile, so the handle can close under it.
class Device {
  public:
    Device() {
        EXPECT_EQ(nt::openDevice(u"\\??\\CmBridge", GENERIC_READ | GENERIC_WRITE, &handle_, &file_), STATUS_SUCCESS);
    }
    Device(HANDLE handle, PFILE_OBJECT file) : handle_(handle), file_(file) {}
    ~Device() {
        close();
        letGo();
    }
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;

    void close() {
        if (handle_ != nullptr) {
            EXPECT_EQ(ObCloseHandle(std::exchange(handle_, nullptr), UserMode), STATUS_SUCCESS);
        }
    }
    // Nothing but requests refers to the file from here on.
    void letGo() {
        if (file_ != nullptr) {
            ObfDereferenceObject(std::exchange(file_, nullptr));
        }
    }
    // A RECEIVE that is not waited for; `done` is called where it completes. The request holds the file until it is
    // released.
    std::shared_ptr<nt::Request> receiveLater(std::span<std::byte> output, std::function<void()> done) {
        std::shared_ptr<nt::Request> request;
        EXPECT_EQ(nt::buildControl(file_, FILE_GENERIC_READ | FILE_GENERIC_WRITE, CMB_IOCTL_RECEIVE, nullptr, 0,
                                   output.data(), output.size(), &request),
                  STATUS_SUCCESS);
        request->onCompleted = [done = std::move(done)](const auto &) { done(); };
        return request;
    }
    void cancel() { nt::cancelFile(file_); }
    NTSTATUS control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output,
                     uintptr_t *size = nullptr) {
        std::shared_ptr<nt::Request> request;
        NTSTATUS status = nt::buildControl(file_, FILE_GENERIC_READ | FILE_GENERIC_WRITE, code, input.data(),
                                           input.size(), output.data(), output.size(), &request);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        IO_STATUS_BLOCK result = nt::issueAndWait(request);
        if (size != nullptr) {
            *size = result.Information;
        }
        return result.Status;
    }
    template <typename Request, typename Reply> NTSTATUS call(uint32_t code, const Request &request, Reply &reply) {
        return control(code, bytesOf(request), std::as_writable_bytes(std::span(&reply, 1)));
    }
    NTSTATUS hello(uint32_t maxHeld = 4) {
        CMB_HELLO_REQUEST request{};
        CMB_HELLO_REPLY reply{};
        request.Header = {sizeof(request), CMB_STRUCTURE_VERSION, 0};
        request.ProtocolMajor = CMB_PROTOCOL_MAJOR;
        request.ProtocolMinor = CMB_PROTOCOL_MINOR;
        request.QueueBytes = CMB_MIN_QUEUE_BYTES;
        request.MaxHeld = maxHeld;
        return call(CMB_IOCTL_HELLO, request, reply);
    }
    // One RECEIVE, until it is completed.
    NTSTATUS receive(std::vector<Record> &records) {
        std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
        auto bytes = std::as_writable_bytes(std::span(output));
        uintptr_t size = 0;
        NTSTATUS status = control(CMB_IOCTL_RECEIVE, {}, bytes, &size);
        if (NT_SUCCESS(status)) {
            for (Record &record : parseBatch(bytes, size)) {
                if (!record.isProcess()) {
                    records.push_back(std::move(record));
                }
            }
        }
        return status;
    }

  private:
    HANDLE handle_ = nullptr;
    PFILE_OBJECT file_ = nullptr;
};

// Where a registration is, and its CMB_REGISTER_*.
struct Place {
    std::u16string_view altitude = u"385100";
    uint32_t options = 0;
};

class ScheduleTest : public AskTest {
  protected:
    void SetUp() override {
        AskTest::SetUp();
        owner_ = std::make_unique<Actor>();
        key_ = owner_->create(path());
    }
    void TearDown() override {
        owner_->close(key_);
        owner_.reset();
        AskTest::TearDown();
    }

    schedule::Scenario scenario(std::string name, std::function<void()> body, int processors = 1) const {
        return {.name = std::move(name), .processors = processors, .body = std::move(body), .failed = [] {
                    return HasFailure();
                }};
    }

    // Every schedule within the bound goes well. Sanitizers make each several times slower: they see those with one
    // preemption fewer.
    static void expectEach(const schedule::Scenario &scenario, schedule::Bound bound) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        bound.preemptions = std::max(bound.preemptions - 1, 0);
#endif
        const schedule::Summary summary = schedule::exhaust(scenario, bound);
        EXPECT_EQ(summary.failed, "");
        EXPECT_TRUE(summary.complete || !summary.failed.empty()) << scenario.name << " has more schedules than that";
    }
    // So many random ones do.
    static void expectMany(const schedule::Scenario &scenario, uint64_t count) {
        EXPECT_EQ(schedule::sample(scenario, count).failed, "");
    }

    struct Job {
        std::function<void()> run;
        KPRIORITY priority = 8;
        // A thread of the process that uses the registry, or of the one that has the session.
        bool actor = false;
    };
    Job actor(std::function<void()> run, KPRIORITY priority = 8) const {
        return {std::move(run), priority, true};
    }

    // Each on a thread of its own, from a moment on when all are there, until all are done. Free: who runs is a choice.
    void together(const std::vector<Job> &jobs, bool free = true) {
        std::vector<std::shared_ptr<simulator::Thread>> threads;
        for (const Job &job : jobs) {
            threads.push_back((job.actor ? owner_->process() : machine().hostProcess())->createThread());
            threads.back()->run([&] { KeSetPriorityThread(KeGetCurrentThread(), job.priority); });
        }
        schedule::choose(free);
        for (size_t i = 0; i < jobs.size(); ++i) {
            threads[i]->post(jobs[i].run);
        }
        threads.clear();
        schedule::choose(false);
    }

    static void sleep(int64_t milliseconds) {
        LARGE_INTEGER time{.QuadPart = -milliseconds * 10000};
        KeDelayExecutionThread(KernelMode, FALSE, &time);
    }

    // Nothing of a session that is gone answers or holds anybody, and nothing of it is left.
    void expectNothingLeft(uint64_t blocks) {
        together({actor([this] { EXPECT_EQ(setValue(), STATUS_SUCCESS); })}, false);
        CM_STATISTICS statistics;
        CmGetStatistics(&statistics);
        EXPECT_EQ(statistics.ObjectContexts, 0u);
        EXPECT_EQ(machine().poolUsage().blocks, blocks);
    }

    // Setting a value of the test's key, on the calling thread.
    NTSTATUS setValue() const {
        std::u16string name = u"v";
        UNICODE_STRING value = unicode(name);
        ULONG data = 1;
        return NtSetValueKey(key_, &value, 0, REG_DWORD, &data, sizeof(data));
    }
    // Without `status` it must succeed. With it, it becomes what the request or else the configuration manager said.
    static int64_t registerWith(Device &device, std::span<const uint8_t> program, uint64_t mask,
                                NTSTATUS *status = nullptr, const Place &place = {}) {
        const std::u16string_view altitude = place.altitude;
        CMB_REGISTER_REQUEST request{};
        CMB_REGISTER_REPLY reply{};
        const size_t offset = (sizeof(request) + altitude.size() * 2 + 7) & ~size_t{7};
        Bytes input(offset + program.size());
        request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
        request.ClassMask = mask;
        request.MaxDataBytes = 4096;
        request.Options = place.options;
        request.AltitudeSize = static_cast<UINT16>(altitude.size() * 2);
        request.ProgramSize = static_cast<UINT32>(program.size());
        std::memcpy(input.data(), &request, sizeof(request));
        std::memcpy(input.data() + sizeof(request), altitude.data(), altitude.size() * 2);
        std::memcpy(input.data() + offset, program.data(), program.size());
        NTSTATUS result = device.control(CMB_IOCTL_REGISTER, input, std::as_writable_bytes(std::span(&reply, 1)));
        if (status != nullptr) {
            *status = NT_SUCCESS(result) ? reply.Status : result;
        } else {
            EXPECT_EQ(result, STATUS_SUCCESS);
            EXPECT_EQ(reply.Status, STATUS_SUCCESS);
        }
        return reply.Cookie;
    }
    static NTSTATUS unregister(Device &device, int64_t cookie) {
        CMB_UNREGISTER_REQUEST request{{sizeof(request), CMB_STRUCTURE_VERSION, 0}, cookie};
        CMB_UNREGISTER_REPLY reply{};
        NTSTATUS status = device.call(CMB_IOCTL_UNREGISTER, request, reply);
        return NT_SUCCESS(status) ? reply.Status : status;
    }
    // Also the sequence number that it tells.
    static NTSTATUS setRules(Device &device, int64_t cookie, std::span<const uint8_t> program,
                             uint64_t *sequence = nullptr) {
        CMB_SET_RULES_REQUEST request{};
        CMB_SET_RULES_REPLY reply{};
        Bytes input(sizeof(request) + program.size());
        request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
        request.Cookie = cookie;
        request.ProgramSize = static_cast<UINT32>(program.size());
        std::memcpy(input.data(), &request, sizeof(request));
        std::memcpy(input.data() + sizeof(request), program.data(), program.size());
        const NTSTATUS status =
            device.control(CMB_IOCTL_SET_RULES, input, std::as_writable_bytes(std::span(&reply, 1)));
        if (sequence != nullptr) {
            *sequence = reply.Sequence;
        }
        return NT_SUCCESS(status) ? reply.Status : status;
    }
    // What became of the one answer; no such result if the request was refused.
    static UINT32 answer(Device &device, const Answer &given) {
        std::array<std::byte, (sizeof(CMB_REPLY_REPLY) + sizeof(UINT32) + 7) & ~size_t{7}> output{};
        UINT32 result = ~0u;
        if (device.control(CMB_IOCTL_REPLY, encode({given}), output) == STATUS_SUCCESS) {
            std::memcpy(&result, output.data() + sizeof(CMB_REPLY_REPLY), sizeof(result));
        }
        return result;
    }
    Program asking(uint32_t deadline = 5000, uint32_t flags = 0) const {
        Program program = buildProgram({[this] {
            TestRule rule = setting();
            rule.action = CMB_ACTION_ASK;
            return rule;
        }()});
        program.rule(0).Deadline = deadline;
        program.rule(0).Flags = flags;
        program.rule(0).Status = flags != 0 ? STATUS_ACCESS_DENIED : 0;
        return program;
    }
    Program blocking(NTSTATUS status) const {
        Program program = buildProgram({[this] {
            TestRule rule = setting();
            rule.action = CMB_ACTION_BLOCK;
            return rule;
        }()});
        program.rule(0).Status = status;
        return program;
    }
    Program telling() const {
        return buildProgram({setting()});
    }

    HANDLE keyHandle() const {
        return key_;
    }
    Actor &owner() {
        return *owner_;
    }

  private:
    std::unique_ptr<Actor> owner_;
    HANDLE key_ = nullptr;
};

} // namespace cmbridge::test

#endif
