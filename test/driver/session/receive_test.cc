// SPDX-License-Identifier: MIT
//
// Pended requests: order, limits, cancellation, and the end of their handle.

#include "test/driver/fixture/fixture.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "nt/ob_internal.h"

namespace cmbridge::test {
namespace {

using simulator::IoResult;

// A RECEIVE that is under way. The buffer must outlive it, so destruction waits.
class Request {
  public:
    explicit Request(simulator::File &file) {
        file.controlAsync(CMB_IOCTL_RECEIVE, {}, std::as_writable_bytes(std::span(output_)), [this](IoResult result) {
            std::lock_guard lock(mutex_);
            EXPECT_FALSE(done_) << "completed twice";
            done_ = true;
            result_ = result;
            changed_.notify_all();
        });
    }
    ~Request() { wait(); }
    PVOID output() { return output_.data(); }
    SIZE_T outputSize() const { return output_.size() * sizeof(uint64_t); }
    bool done() {
        std::lock_guard lock(mutex_);
        return done_;
    }
    IoResult wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return done_; });
        return result_;
    }
    std::vector<Record> records() {
        IoResult result = wait();
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        std::vector<Record> records = parseBatch(std::as_bytes(std::span(output_)), result.information);
        std::erase_if(records, [](const Record &record) { return record.isProcess(); });
        return records;
    }

  private:
    std::vector<uint64_t> output_ = std::vector<uint64_t>(CMB_MIN_RECEIVE_BYTES / 8);
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    IoResult result_{};
};

class Receive : public DriverTest {
  protected:
    using Requests = std::vector<std::unique_ptr<Request>>;
    static Requests pend(Client &client, int count) {
        Requests requests;
        for (int i = 0; i < count; ++i) {
            requests.push_back(std::make_unique<Request>(client.file()));
        }
        return requests;
    }
};

TEST_F(Receive, GivesAnIdleConsumerEachRecordAtOnceInOrder) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey));
    Requests requests = pend(client, 4);
    EXPECT_EQ(client.statistics().PendedReceives, 4u);
    for (uint64_t i = 0; i < 4; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(4));
        std::vector<Record> records = requests[i]->records();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0]->Sequence, i + 1);
    }
    EXPECT_EQ(client.statistics().PendedReceives, 0u);
    // A busy consumer finds all that waited in one batch.
    for (int i = 0; i < 20; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(4));
    }
    EXPECT_EQ(Request(client.file()).records().size(), 20u);
    actor.close(key);
}

TEST_F(Receive, IsBoundedInNumber) {
    Client client;
    Requests requests = pend(client, CMB_MAX_PENDED_RECEIVES);
    EXPECT_EQ(client.statistics().PendedReceives, static_cast<UINT32>(CMB_MAX_PENDED_RECEIVES));
    EXPECT_EQ(Request(client.file()).wait().status, STATUS_QUOTA_EXCEEDED);
    client.file().cancel();
    for (auto &request : requests) {
        EXPECT_EQ(request->wait().status, STATUS_CANCELLED);
        EXPECT_EQ(request->wait().information, 0u);
    }
    EXPECT_EQ(client.statistics().PendedReceives, 0u);
}

TEST_F(Receive, IsCancelledByClose) {
    auto client = std::make_unique<Client>();
    client->add(u"385100");
    Requests requests = pend(*client, 3);
    client.reset();
    for (auto &request : requests) {
        EXPECT_EQ(request->wait().status, STATUS_CANCELLED);
    }
}

TEST_F(Receive, GivesEachSessionItsOwn) {
    Client first, second;
    Actor actor;
    first.add(u"1", bit(RegNtPreCreateKeyEx));
    second.add(u"2", bit(RegNtPreOpenKeyEx));
    Requests ofFirst = pend(first, 1), ofSecond = pend(second, 1);
    HANDLE key = actor.create(path());
    EXPECT_EQ(ofFirst[0]->records().size(), 1u);
    EXPECT_FALSE(ofSecond[0]->done());
    first.file().cancel();
    EXPECT_FALSE(ofSecond[0]->done());
    actor.close(key);
    second.file().cancel();
}

// Requests are cancelled while records arrive: each request completes once, and no record goes with a cancelled one.
TEST_F(Receive, SurvivesCancelsAmongRecords) {
    Client client;
    client.add(u"385100", bit(RegNtPreSetValueKey));
    Actor actor;
    HANDLE key = actor.create(path());
    std::atomic<bool> stop = false;
    actor.post([&, key] {
        UNICODE_STRING name{};
        ULONG data = 1;
        while (!stop) {
            EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
            std::this_thread::yield();
        }
        NtClose(key);
    });
    uint64_t last = 0;
    for (int round = 0; round < 300; ++round) {
        Requests requests = pend(client, 3);
        std::thread canceller([&] { client.file().cancel(); });
        canceller.join();
        for (auto &request : requests) {
            IoResult result = request->wait();
            if (result.status != STATUS_SUCCESS) {
                EXPECT_EQ(result.status, STATUS_CANCELLED);
                continue;
            }
            for (const Record &record : request->records()) {
                // One registration: what it lost lies before its next record.
                EXPECT_EQ(record->Sequence, last + 1);
                last += record.count();
            }
        }
    }
    stop = true;
    actor.run([] {});
    // What came, or was lost, after the last request.
    while (last < client.statistics().LastSequence) {
        for (const Record &record : pend(client, 1)[0]->records()) {
            EXPECT_EQ(record->Sequence, last + 1);
            last += record.count();
        }
    }
    EXPECT_EQ(client.statistics().Delivered, last - client.statistics().Lost);
}

TEST_F(Receive, SurvivesACloseAmongRecordsAndRequests) {
    Actor actor;
    HANDLE key = actor.create(path());
    std::atomic<bool> stop = false;
    actor.post([&, key] {
        UNICODE_STRING name{};
        ULONG data = 1;
        while (!stop) {
            EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
        }
        NtClose(key);
    });
    for (int round = 0; round < 200; ++round) {
        auto client = std::make_unique<Client>(CMB_MIN_QUEUE_BYTES);
        client->add(u"385100");
        Requests requests = pend(*client, round % 5);
        client.reset();
        for (auto &request : requests) {
            const NTSTATUS status = request->wait().status;
            EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_CANCELLED) << std::hex << status;
        }
    }
    stop = true;
}

// Each record must come out although nothing happens after it that could wake the driver once more.
// Memory whose next touches are told: what a driver reads of a caller, or writes into a request.
class Watched {
  public:
    Watched(PVOID start, SIZE_T size, std::function<void()> touched) : start_(start), touched_(std::move(touched)) {
        SimRegisterUserRange(start, size);
        SimWatchUserRange(
            start, [](PVOID self) { static_cast<Watched *>(self)->touched_(); }, this);
    }
    ~Watched() { SimUnregisterUserRange(start_); }
    Watched(const Watched &) = delete;
    Watched &operator=(const Watched &) = delete;

  private:
    PVOID start_;
    std::function<void()> touched_;
};

// A caller whose memory takes long to read, on a slow disk or because it is preempted, writes a record that nobody
// waits for.
TEST_F(Receive, IsNotHeldUpByACallerWhoseMemoryIsSlow) {
    Client client;
    client.add(u"385100", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    Actor slow;
    Actor busy;
    HANDLE slowKey = slow.create(path() + u"slow");
    HANDLE busyKey = busy.create(path() + u"busy");
    Gate gate;
    std::array<uint64_t, 2> data{};
    Watched slowMemory(data.data(), sizeof(data), [&] { gate.pass(); });
    PVOID kept = nullptr;
    const auto ofSlow = [&](ULONG notifyClass) {
        return notifyClass == RegNtPreSetValueKey &&
               reinterpret_cast<uintptr_t>(PsGetCurrentProcessId()) == slow.processId();
    };
    Rival above(u"400000", [&](ULONG notifyClass, PVOID information) {
        if (ofSlow(notifyClass)) {
            kept = std::exchange(static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information)->Data, data.data());
        }
    });
    Rival below(u"1", [&](ULONG notifyClass, PVOID information) {
        if (ofSlow(notifyClass)) {
            static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information)->Data = kept;
        }
    });
    slow.post([&] {
        UNICODE_STRING name{};
        std::array<uint64_t, 2> own{};
        EXPECT_EQ(NtSetValueKey(slowKey, &name, 0, REG_BINARY, own.data(), sizeof(own)), STATUS_SUCCESS);
    });
    gate.awaitArrival();
    for (int i = 0; i < 4; ++i) {
        busy.setValue(busyKey, u"v", REG_BINARY, pattern(8));
        std::vector<Record> records = client.receive();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0]->ProcessId, busy.processId());
    }
    gate.let();
    slow.run([] {});
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->ProcessId, slow.processId());
    EXPECT_EQ(records[0]->Sequence, 5u);
    slow.close(slowKey);
    busy.close(busyKey);
}

// Everybody waits for whoever delivers. A large record is for the session's thread, whose priority is raised.
TEST_F(Receive, GetsALargeRecordFromAThreadThatOrdinaryOnesDoNotPreempt) {
    Client client;
    client.add(u"385100", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    Actor actor;
    HANDLE key = actor.create(path());
    uintptr_t caller = 0;
    actor.run([&] { caller = reinterpret_cast<uintptr_t>(PsGetCurrentThreadId()); });
    // The process is described with this one.
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    client.drain();
    Requests requests = pend(client, 1);
    std::atomic<uintptr_t> writer = 0;
    std::atomic<KPRIORITY> priority = 0;
    Watched output(requests[0]->output(), requests[0]->outputSize(), [&] {
        writer = reinterpret_cast<uintptr_t>(PsGetCurrentThreadId());
        priority = KeQueryPriorityThread(KeGetCurrentThread());
    });
    actor.setValue(key, u"v", REG_BINARY, pattern(20000));
    EXPECT_EQ(requests[0]->records().size(), 1u);
    EXPECT_NE(writer, caller);
    EXPECT_EQ(priority, LOW_REALTIME_PRIORITY);
    actor.close(key);
}

// What a caller's thread delivers, at DISPATCH_LEVEL, is small: here that of whoever sends the first request.
TEST_F(Receive, GetsASmallBatchFromACaller) {
    Client client;
    client.add(u"385100", bit(RegNtPreSetValueKey));
    Actor actor;
    HANDLE key = actor.create(path());
    for (int i = 0; i < 24; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(3000));
    }
    Request first(client.file());
    EXPECT_LE(first.wait().information, 16384u);
    const size_t taken = first.records().size();
    EXPECT_GE(taken, 4u);
    size_t rest = 0;
    while (taken + rest < 24) {
        Request next(client.file());
        rest += next.records().size();
    }
    EXPECT_EQ(taken + rest, 24u);
    actor.close(key);
}

TEST_F(Receive, LosesNoWakeUp) {
    Client client;
    client.add(u"385100", bit(RegNtPreSetValueKey));
    constexpr int kActors = 3;
    std::vector<std::unique_ptr<Actor>> actors;
    std::vector<HANDLE> keys;
    for (int i = 0; i < kActors; ++i) {
        actors.push_back(std::make_unique<Actor>());
        keys.push_back(actors.back()->create(path() + std::u16string(1, u'a' + i)));
    }
    for (int round = 0; round < 1500; ++round) {
        for (int i = 0; i < kActors; ++i) {
            actors[i]->post([key = keys[i]] {
                UNICODE_STRING name{};
                ULONG data = 1;
                EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
            });
        }
        for (size_t seen = 0; seen < kActors;) {
            std::vector<Record> records = client.receive();
            ASSERT_FALSE(records.empty()) << "round " << round;
            seen += records.size();
        }
    }
    for (int i = 0; i < kActors; ++i) {
        actors[i]->close(keys[i]);
    }
}

// The driver maps the output when it pends the request, and says so when that fails.
TEST_F(Receive, FailsWhereTheOutputCannotBeMapped) {
    Client client;
    machine().failAllocation(1);
    EXPECT_EQ(Request(client.file()).wait().status, STATUS_INSUFFICIENT_RESOURCES);
    machine().failAllocation(0);
    EXPECT_EQ(client.statistics().PendedReceives, 0u);
}

// Everything else is there then, and goes again.
TEST_F(Receive, HasNoSessionWithoutAThreadForIt) {
    CMB_HELLO_REQUEST request{};
    CMB_HELLO_REPLY reply{};
    request.Header = {sizeof(request), CMB_STRUCTURE_VERSION, 0};
    request.ProtocolMajor = CMB_PROTOCOL_MAJOR;
    request.ProtocolMinor = CMB_PROTOCOL_MINOR;
    auto hello = [&](auto &file) {
        return file
            .control(CMB_IOCTL_HELLO, std::as_bytes(std::span(&request, 1)),
                     std::as_writable_bytes(std::span(&reply, 1)))
            .status;
    };
    auto other = Client::open();
    const uint64_t first = machine().poolUsage().allocations;
    EXPECT_EQ(hello(*other), STATUS_SUCCESS);
    const uint64_t all = machine().poolUsage().allocations - first;
    auto file = Client::open();
    const simulator::PoolUsage before = machine().poolUsage();
    // What comes after all allocations from the pool is the thread.
    machine().failAllocation(all + 1);
    EXPECT_EQ(hello(*file), STATUS_INSUFFICIENT_RESOURCES);
    machine().failAllocation(0);
    EXPECT_EQ(machine().poolUsage().allocations - before.allocations, all);
    EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
    // The session is as new.
    std::vector<std::byte> output(CMB_MIN_RECEIVE_BYTES);
    EXPECT_EQ(file->control(CMB_IOCTL_RECEIVE, {}, output).status, STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(hello(*file), STATUS_SUCCESS);
    EXPECT_EQ(hello(*file), STATUS_INVALID_DEVICE_STATE);
}

} // namespace
} // namespace cmbridge::test
