// SPDX-License-Identifier: MIT
//
// Who the processes are: described once per session, before their first notification, whatever happens at the time. The
// client of the fixture checks the order of every record of every test.

#include "test/driver/fixture/token_fixture.h"

#include <atomic>
#include <set>
#include <thread>

namespace cmbridge::test {
namespace {

using simulator::ProcessOptions;
using simulator::TokenOptions;

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);

class ProcessRecord : public DriverTest {
  protected:
    static void set(Actor &actor, HANDLE key) { actor.setValue(key, u"v", REG_BINARY, pattern(4)); }

    // Descriptions that came since the last call.
    std::vector<Record> described(Client &client) {
        client.drain();
        std::vector<Record> records(client.processes().begin() + static_cast<ptrdiff_t>(seen_),
                                    client.processes().end());
        seen_ = client.processes().size();
        return records;
    }

    size_t seen_ = 0;
};

TEST_F(ProcessRecord, TellsTheFactsOncePerSession) {
    const ProcessOptions options{
        .imagePath = u"\\Device\\HarddiskVolume1\\Program Files\\Tool\\tool.exe",
        .commandLine = u"tool.exe /quiet \"a b\"",
        .token = {.userSid = "S-1-5-21-1-2-3-1001", .integrityLevel = 0x1000, .elevated = false, .sessionId = 7},
        .parentId = 4,
        .wow64 = true,
    };
    Client client;
    Actor actor(options);
    const auto open = [&] { actor.openKey(path(), nullptr, STATUS_OBJECT_NAME_NOT_FOUND); };
    client.add(u"2", bit(RegNtPreOpenKeyEx));
    client.add(u"1", bit(RegNtPreOpenKeyEx));
    open();
    open();
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    ASSERT_EQ(client.processes().size(), 1u);
    const Record &process = client.processes()[0];
    EXPECT_EQ(process->ProcessId, actor.processId());
    EXPECT_EQ(process->ProcessKey, actor.process()->startKey());
    EXPECT_EQ(process->ThreadId, 0u);
    EXPECT_EQ(process->NotifyClass, 0u);
    EXPECT_GT(process->Time, 0);
    EXPECT_LE(process->Time, records[0]->Time);
    const auto &body = process.body<CMB_BODY_PROCESS>();
    EXPECT_EQ(process.text(body.ImagePath), options.imagePath);
    EXPECT_EQ(process.text(body.CommandLine), *options.commandLine);
    EXPECT_EQ(body.CreateTime, actor.process()->createTime());
    EXPECT_EQ(body.ParentProcessId, 4u);
    EXPECT_EQ(body.Flags, static_cast<UINT32>(CMB_PROCESS_WOW64 | CMB_PROCESS_PARENT));
    expectToken(process, body.Token, options.token);
    for (const Record &record : records) {
        EXPECT_EQ(record->ProcessId, actor.processId());
        EXPECT_EQ(record->ProcessKey, process->ProcessKey);
        EXPECT_EQ(record->ProcessSlot, process->ProcessSlot);
    }
    // Another session has to be told, too.
    Client second;
    second.add(u"3", bit(RegNtPreOpenKeyEx));
    open();
    second.drain();
    EXPECT_EQ(second.processes().size(), 1u);
    EXPECT_EQ(described(client).size(), 1u);
}

// Descriptions are not notifications: they have no number and are in no count.
TEST_F(ProcessRecord, IsNotCounted) {
    Client client(0, 1);
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.add(u"1", kSet);
    set(actor, key);
    EXPECT_EQ(client.statistics().QueueRecords, 1u);
    EXPECT_EQ(client.drain().size(), 1u);
    for (const CMB_STATISTICS_REPLY &statistics :
         {client.statistics(), client.statistics(CMB_SCOPE_REGISTRATION, cookie)}) {
        EXPECT_EQ(statistics.Callbacks, 1u);
        EXPECT_EQ(statistics.Recorded, 1u);
        EXPECT_EQ(statistics.Delivered, 1u);
        EXPECT_EQ(statistics.Lost, 0u);
    }
    EXPECT_EQ(client.statistics().LastSequence, 1u);
    EXPECT_EQ(client.statistics().QueueBytes, 0u);
    EXPECT_EQ(client.processes().size(), 1u);
    actor.close(key);
}

TEST_F(ProcessRecord, OfTheSystemHasNoImageAndNoCommandLine) {
    Client client;
    Actor actor, system(machine().systemProcess());
    HANDLE key = actor.create(path()), kernelKey = nullptr;
    client.add(u"1", kSet);
    system.run([&, path = path()]() mutable {
        UNICODE_STRING name = unicode(path), value{};
        OBJECT_ATTRIBUTES object;
        InitializeObjectAttributes(&object, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
        ASSERT_EQ(ZwOpenKey(&kernelKey, KEY_ALL_ACCESS, &object), STATUS_SUCCESS);
        ULONG data = 1;
        EXPECT_EQ(ZwSetValueKey(kernelKey, &value, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
        EXPECT_EQ(ZwClose(kernelKey), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0]->Flags & CMB_RECORD_KERNEL_MODE);
    ASSERT_EQ(client.processes().size(), 1u);
    const Record &process = client.processes()[0];
    const auto &body = process.body<CMB_BODY_PROCESS>();
    EXPECT_EQ(process->ProcessId, 4u);
    EXPECT_TRUE(body.Flags & CMB_PROCESS_SYSTEM);
    EXPECT_EQ(process.data(body.Token.UserSid), sidBytes("S-1-5-18"));
    EXPECT_EQ(body.Token.IntegrityLevel, 0x4000u);
    // It has none.
    EXPECT_EQ(body.CommandLine.Flags, 0u);
    actor.close(key);
}

// What cannot be had is marked, not made up.
TEST_F(ProcessRecord, HasNoCommandLineWhereItIsUnknown) {
    Client client;
    Actor actor(ProcessOptions{.imagePath = u"\\Device\\X\\a.exe", .commandLine = std::nullopt});
    Actor silent(ProcessOptions{.imagePath = u"\\Device\\X\\b.exe", .commandLine = u""});
    client.add(u"1", bit(RegNtPreCreateKeyEx));
    actor.close(actor.create(path()));
    silent.close(silent.create(path()));
    std::vector<Record> processes = described(client);
    ASSERT_EQ(processes.size(), 2u);
    EXPECT_EQ(processes[0].body<CMB_BODY_PROCESS>().CommandLine.Flags, 0u);
    EXPECT_EQ(processes[0].text(processes[0].body<CMB_BODY_PROCESS>().ImagePath), u"\\Device\\X\\a.exe");
    EXPECT_EQ(processes[1].text(processes[1].body<CMB_BODY_PROCESS>().ImagePath), u"\\Device\\X\\b.exe");
}

TEST_F(ProcessRecord, HoldsTheLongestStrings) {
    Client client;
    const std::u16string image = u"\\Device\\" + std::u16string(32700, u'i'), line(32766, u'c');
    Actor actor(ProcessOptions{.imagePath = image, .commandLine = line});
    client.add(u"1", bit(RegNtPreCreateKeyEx));
    actor.close(actor.create(path()));
    std::vector<Record> processes = described(client);
    ASSERT_EQ(processes.size(), 1u);
    const auto &body = processes[0].body<CMB_BODY_PROCESS>();
    EXPECT_TRUE(processes[0].text(body.ImagePath) == image);
    EXPECT_TRUE(processes[0].text(body.CommandLine) == line);
}

// An id says nothing about who has it.
TEST_F(ProcessRecord, ComesAgainWhenAnIdIsUsedAgain) {
    Client client;
    Actor keeper;
    HANDLE key = keeper.create(path());
    client.add(u"1", bit(RegNtPreOpenKeyEx));
    uint32_t id = 0;
    uint64_t firstKey = 0;
    {
        Actor first(ProcessOptions{.imagePath = u"\\Device\\X\\first.exe"});
        id = first.processId();
        firstKey = first.process()->startKey();
        first.close(first.openKey(path()));
    }
    Actor second(ProcessOptions{.imagePath = u"\\Device\\X\\second.exe", .id = id});
    second.close(second.openKey(path()));
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->ProcessId, id);
    EXPECT_EQ(records[1]->ProcessId, id);
    EXPECT_EQ(records[0]->ProcessKey, firstKey);
    EXPECT_NE(records[1]->ProcessKey, firstKey);
    std::vector<Record> processes = described(client);
    ASSERT_EQ(processes.size(), 2u);
    EXPECT_EQ(processes[0].text(processes[0].body<CMB_BODY_PROCESS>().ImagePath), u"\\Device\\X\\first.exe");
    EXPECT_EQ(processes[1].text(processes[1].body<CMB_BODY_PROCESS>().ImagePath), u"\\Device\\X\\second.exe");
    keeper.close(key);
}

// Another process that shares the slot of this one.
std::shared_ptr<simulator::Process> createColliding(simulator::Machine &machine, const simulator::Process &process) {
    for (int i = 0; i < 4 * CMB_PROCESS_SLOTS; ++i) {
        auto other = machine.createProcess({.imagePath = u"\\Device\\X\\other.exe"});
        if (other->startKey() % CMB_PROCESS_SLOTS == process.startKey() % CMB_PROCESS_SLOTS) {
            return other;
        }
    }
    throw std::runtime_error("no process shares the slot");
}

TEST_F(ProcessRecord, ComesAgainWhenASlotChangesHands) {
    Client client;
    Actor first, second(createColliding(machine(), *first.process()));
    HANDLE firstKey = first.create(path()), secondKey = second.openKey(path());
    client.add(u"1", kSet);
    for (int i = 0; i < 3; ++i) {
        set(first, firstKey);
        set(first, firstKey);
        set(second, secondKey);
    }
    EXPECT_EQ(client.drain().size(), 9u);
    ASSERT_EQ(client.processes().size(), 6u);
    for (size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(client.processes()[i]->ProcessKey, (i % 2 ? second : first).process()->startKey());
        EXPECT_EQ(client.processes()[i]->ProcessSlot, client.processes()[0]->ProcessSlot);
    }
    first.close(firstKey);
    second.close(secondKey);
}

// Threads of processes of which two share a slot: the fixture finds each notification that is read as another's.
TEST_F(ProcessRecord, ComesOnceFromManyThreads) {
    Client client(CMB_MIN_QUEUE_BYTES);
    auto one = machine().createProcess({.imagePath = u"\\Device\\X\\one.exe", .commandLine = u"one"});
    auto other = createColliding(machine(), *one);
    auto third = machine().createProcess({.imagePath = u"\\Device\\X\\third.exe", .commandLine = u"third"});
    client.add(u"2", kSet | bit(RegNtPostSetValueKey));
    client.add(u"1", kSet);
    std::atomic<int> running = 0;
    std::vector<std::unique_ptr<Actor>> actors;
    for (const auto &process : {one, other, third, one, other, third}) {
        actors.push_back(std::make_unique<Actor>(process));
        HANDLE key = actors.back()->create(path());
        ++running;
        actors.back()->post([key, &running] {
            UNICODE_STRING name{};
            ULONG data = 0;
            for (int i = 0; i < 300; ++i) {
                EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
            }
            NtClose(key);
            --running;
        });
    }
    while (running > 0) {
        client.drain();
    }
    client.drain();
    std::set<uint64_t> keys;
    size_t ofThird = 0;
    for (const Record &record : client.processes()) {
        keys.insert(record->ProcessKey);
        ofThird += record->ProcessKey == third->startKey();
    }
    EXPECT_EQ(keys.size(), 3u);
    // Nobody takes its slot, and of two threads that find it undescribed one describes it.
    EXPECT_EQ(ofThird, 1u);
    EXPECT_EQ(client.statistics().Callbacks, 6u * 300 * 3);
}

// A description takes room, too. Without room for both, neither is there, and the next notification brings it.
TEST_F(ProcessRecord, IsLostTogetherWithItsNotification) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor first,
        second(ProcessOptions{.imagePath = u"\\Device\\X\\late.exe", .commandLine = std::u16string(20000, u'x')});
    HANDLE key = first.create(path()), late = second.openKey(path());
    client.add(u"1", kSet, CMB_MAX_DATA_BYTES);
    // Leaves less than 40,000 bytes.
    for (int i = 0; i < 8; ++i) {
        first.setValue(key, u"v", REG_BINARY, pattern(62000));
    }
    EXPECT_EQ(client.statistics().Lost, 0u);
    set(second, late);
    EXPECT_EQ(client.statistics().Lost, 1u);
    EXPECT_EQ(client.statistics().Callbacks, 9u);
    // One of somebody who is known still fits.
    set(first, key);
    EXPECT_EQ(client.statistics().Lost, 1u);
    client.drain();
    EXPECT_EQ(client.processes().size(), 1u);
    set(second, late);
    EXPECT_EQ(client.drain().size(), 1u);
    ASSERT_EQ(client.processes().size(), 2u);
    EXPECT_EQ(client.processes()[1]->ProcessKey, second.process()->startKey());
    first.close(key);
    second.close(late);
}

TEST_F(ProcessRecord, WaitsForANotificationAtPassiveLevel) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", kSet);
    client.allowUndescribed();
    actor.thread().runAtIrql(APC_LEVEL, [&] {
        UNICODE_STRING name{};
        ULONG data = 0;
        EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0]->Flags & CMB_RECORD_APC_LEVEL);
    EXPECT_EQ(records[0]->ProcessKey, actor.process()->startKey());
    EXPECT_TRUE(client.processes().empty());
    set(actor, key);
    records = client.drain();
    EXPECT_FALSE(records[0]->Flags & CMB_RECORD_APC_LEVEL);
    EXPECT_EQ(client.processes().size(), 1u);
    actor.close(key);
}

TEST_F(ProcessRecord, WaitsForANotificationWithEnoughStack) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", kSet);
    client.allowUndescribed();
    actor.thread().runWithStack(8192, [&] {
        UNICODE_STRING name{};
        ULONG data = 0;
        EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_FALSE(records[0]->Flags & CMB_RECORD_APC_LEVEL);
    EXPECT_EQ(records[0]->ProcessKey, actor.process()->startKey());
    EXPECT_TRUE(client.processes().empty());
    set(actor, key);
    EXPECT_EQ(client.drain().size(), 1u);
    EXPECT_EQ(client.processes().size(), 1u);
    actor.close(key);
}

// For want of memory a description may be poorer, which is made good before the next notification.
TEST_F(ProcessRecord, WithoutMemorySaysWhatIsKnown) {
    size_t poorer = 0;
    for (uint64_t nth = 1;; ++nth) {
        ASSERT_LT(nth, 100u);
        Client client;
        Actor actor(ProcessOptions{.imagePath = u"\\Device\\X\\a.exe", .commandLine = u"a"});
        HANDLE key = actor.create(path());
        client.add(u"1", kSet);
        // Where there is no memory for the description itself, the record goes without.
        client.allowUndescribed();
        const uint64_t before = machine().failedAllocations();
        machine().failAllocation(nth);
        set(actor, key);
        const bool reached = machine().failedAllocations() != before;
        machine().failAllocation(0);
        set(actor, key);
        set(actor, key);
        EXPECT_EQ(client.drain().size(), 3u);
        ASSERT_GE(client.processes().size(), 1u);
        ASSERT_LE(client.processes().size(), 2u);
        poorer += client.processes().size() == 2;
        const Record &last = client.processes().back();
        EXPECT_EQ(last.text(last.body<CMB_BODY_PROCESS>().CommandLine), u"a");
        EXPECT_EQ(last.text(last.body<CMB_BODY_PROCESS>().ImagePath), u"\\Device\\X\\a.exe");
        expectToken(last, last.body<CMB_BODY_PROCESS>().Token,
                    TokenOptions{.integrityLevel = 0x3000, .elevated = true});
        actor.close(key);
        if (!reached) {
            break;
        }
    }
    EXPECT_GE(poorer, 1u);
}

} // namespace
} // namespace cmbridge::test
