// SPDX-License-Identifier: MIT
//
// The driver loaded into the simulator, clients that speak its protocol, and processes that use the registry.

#ifndef CMBRIDGE_TEST_DRIVER_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_FIXTURE_H

#include <ntifs.h>

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cm/cm.h"
#include "driver/protocol.h"
#include "simulator.h"

extern "C" NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath);

namespace cmbridge::test {

using Bytes = std::vector<std::byte>;

constexpr uint64_t kAllClasses = ~0ULL;
constexpr uint64_t bit(unsigned notifyClass) {
    return 1ULL << notifyClass;
}

template <typename T> std::span<const std::byte> bytesOf(const T &value) {
    return std::as_bytes(std::span(&value, 1));
}

// The key paths of a session's stream, by slot, up to a record.
struct KeptPath {
    uint32_t serial = 0;
    std::u16string path;
};
using KeptPaths = std::map<uint32_t, KeptPath>;

// One record of a batch; constructing it checks that everything it points to lies inside it and that nothing else is
// there.
class Record {
  public:
    explicit Record(std::span<const std::byte> bytes);
    const CMB_RECORD *operator->() const { return reinterpret_cast<const CMB_RECORD *>(bytes_.data()); }
    template <typename Body> const Body &body() const {
        EXPECT_EQ((*this)->BodySize, sizeof(Body));
        return *reinterpret_cast<const Body *>(bytes_.data() + (*this)->HeaderSize);
    }
    std::u16string text(const CMB_SPAN &span) const;
    // Also if it came with an earlier record: see keep.
    std::u16string path() const;
    Bytes data(const CMB_SPAN &span) const;
    std::u16string otherPath() const { return text((*this)->OtherPath); }
    // Takes the path from paths or puts it there, as the record says.
    void keep(KeptPaths &paths);
    bool isGap() const { return (*this)->Kind == CMB_RECORD_GAP; }
    bool isBreaker() const { return (*this)->Kind == CMB_RECORD_BREAKER; }
    bool isDecided() const { return ((*this)->Flags & CMB_RECORD_DECIDED) != 0; }
    // Of a record that has it.
    CMB_DECIDED decided() const;
    bool isProcess() const { return (*this)->Kind == CMB_RECORD_PROCESS; }
    // Of a record that has one.
    CMB_IMPERSONATION impersonation() const;
    // How many numbers it accounts for: its own and those of the reads that are like it, or those that it says are
    // lost.
    uint64_t count() const;
    const Bytes &bytes() const { return bytes_; }
    // Of a query for multiple values.
    std::vector<CMB_VALUE_ENTRY> entries() const;
    // Those of the header, of the structures that they hold, and of the body.
    std::vector<CMB_SPAN> spans() const;

  private:
    Bytes bytes_;
    std::u16string keptPath_;
};

// fixture_body.cc: all spans of the body, whatever its class, those of entries included.
std::vector<CMB_SPAN> bodySpans(const Record &record);

// Takes a batch apart and checks its form: sizes, alignment, zeroed padding, ascending numbers, gaps that add up.
// Without the paths of the stream so far a record of the batch may have a path that is not known.
std::vector<Record> parseBatch(std::span<const std::byte> output, uintptr_t size, KeptPaths *paths = nullptr);

// A session.
class Client {
  public:
    // Opens the device and says hello.
    explicit Client(uint32_t queueBytes = 0, uint32_t queueRecords = 0, uint32_t maxHeld = 0);
    // Opens the device only.
    static std::unique_ptr<simulator::File> open();

    simulator::File &file() { return *file_; }
    void close() { file_.reset(); }
    const CMB_HELLO_REPLY &limits() const { return limits_; }

    // The whole reply; EXPECTs that the request itself succeeds.
    CMB_REGISTER_REPLY tryAdd(std::u16string_view altitude, uint64_t mask = kAllClasses, uint32_t maxData = 4096,
                              uint32_t options = 0);
    // The cookie of a registration with a rate limit; EXPECTs success.
    int64_t addLimited(std::u16string_view altitude, uint64_t mask, uint32_t rate, uint32_t burst);
    // The cookie; EXPECTs success.
    int64_t add(std::u16string_view altitude, uint64_t mask = kAllClasses, uint32_t maxData = 4096,
                uint32_t options = 0);
    NTSTATUS remove(int64_t cookie);
    CMB_STATISTICS_REPLY statistics(uint32_t scope = CMB_SCOPE_SESSION, int64_t cookie = 0);
    // RECEIVEs until there is a notification or a gap; it is a failure if nothing comes for ten seconds. Each
    // notification must be of a process that was described.
    std::vector<Record> receive(uint32_t size = CMB_MIN_RECEIVE_BYTES);
    // RECEIVEs until every number that was given is accounted for.
    std::vector<Record> drain(uint32_t size = CMB_MIN_RECEIVE_BYTES);

    // From now on a notification may be of a process that nobody could ask.
    void allowUndescribed() { allowUndescribed_ = true; }
    // Numbers that all batches so far accounted for.
    uint64_t accounted() const { return accounted_; }
    // The descriptions of processes that came so far.
    const std::vector<Record> &processes() const { return processes_; }
    // What breakers said so far.
    const std::vector<Record> &breakers() const { return breakers_; }

  private:
    bool receiveAll(uint32_t size, std::vector<Record> &notifications);
    void account(const Record &record);

    std::unique_ptr<simulator::File> file_;
    CMB_HELLO_REPLY limits_{};
    std::vector<Record> processes_;
    std::vector<Record> breakers_;
    // Start keys by slot.
    std::map<uint32_t, uint64_t> described_;
    bool allowUndescribed_ = false;
    KeptPaths paths_;
    // How many numbers were accounted for, the latest of a notification, and by cookie, gaps included.
    uint64_t accounted_ = 0;
    uint64_t latest_ = 0;
    std::map<int64_t, uint64_t> latestOf_;
};

simulator::IoResult registerRaw(simulator::File &file, std::u16string_view altitude, CMB_REGISTER_REPLY &reply,
                                uint64_t mask = kAllClasses, uint32_t maxData = 4096, uint32_t options = 0,
                                uint32_t rate = 0, uint32_t burst = 0);

// A thread of a process that makes registry calls, from user mode unless said otherwise.
class Actor {
  public:
    explicit Actor(std::u16string_view image = u"C:\\actor.exe");
    explicit Actor(const simulator::ProcessOptions &options);
    // Another thread of a process.
    explicit Actor(std::shared_ptr<simulator::Process> process);
    uint32_t processId() const { return process_->id(); }
    const std::shared_ptr<simulator::Process> &process() const { return process_; }
    simulator::Thread &thread() { return *thread_; }
    void run(const std::function<void()> &job) { thread_->run(job); }
    void post(std::function<void()> job) { thread_->post(std::move(job)); }

    HANDLE create(std::u16string path, HANDLE root = nullptr, NTSTATUS expected = STATUS_SUCCESS);
    HANDLE openKey(std::u16string path, HANDLE root = nullptr, NTSTATUS expected = STATUS_SUCCESS);
    void setValue(HANDLE key, std::u16string name, uint32_t type, Bytes data);
    void deleteValue(HANDLE key, std::u16string name, NTSTATUS expected = STATUS_SUCCESS);
    void rename(HANDLE key, std::u16string name);
    void deleteKey(HANDLE key);
    void close(HANDLE key);

  private:
    std::shared_ptr<simulator::Process> process_;
    std::shared_ptr<simulator::Thread> thread_;
};

// Another driver's callback, on whatever thread the configuration manager calls it.
class Rival {
  public:
    using Callback = std::function<void(ULONG notifyClass, PVOID information)>;
    Rival(std::u16string altitude, Callback callback);
    ~Rival();
    Rival(const Rival &) = delete;
    Rival &operator=(const Rival &) = delete;

  private:
    static NTSTATUS notify(PVOID context, PVOID notifyClass, PVOID information);
    Callback callback_;
    LARGE_INTEGER cookie_{};
};

// Holds the thread that calls pass() until let() is called.
class Gate {
  public:
    void pass();
    void awaitArrival();
    void let();

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool arrived_ = false;
    bool open_ = false;
};

UNICODE_STRING unicode(std::u16string &text);
OBJECT_ATTRIBUTES attributes(UNICODE_STRING &name, HANDLE root = nullptr);
Bytes pattern(size_t size, uint8_t seed = 1);

// Loads the driver; afterwards it must unload and leave nothing in the pool.
class DriverTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;
    simulator::Machine &machine() { return *machine_; }
    // A key that only this test uses.
    std::u16string path() const { return path_; }

  private:
    std::shared_ptr<simulator::Machine> machine_;
    std::u16string path_;
};

} // namespace cmbridge::test

#endif
