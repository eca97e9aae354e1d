// SPDX-License-Identifier: MIT
//
// Registrations: altitudes, cookies, limits, and their end.

#include "test/driver/fixture/fixture.h"

#include <atomic>
#include <set>
#include <thread>

namespace cmbridge::test {
namespace {

using Registration = DriverTest;
using simulator::IoResult;

TEST_F(Registration, RefusesMalformedAltitudes) {
    Client client;
    CMB_REGISTER_REPLY reply{};
    for (std::u16string_view altitude :
         {u"", u".", u"1.", u".1", u"1..2", u"1.2.3", u"-1", u"+1", u" 1", u"1 ", u"0x10", u"1e3", u"12a", u"\u0661"}) {
        EXPECT_EQ(registerRaw(client.file(), altitude, reply).status, STATUS_INVALID_PARAMETER);
    }
    EXPECT_EQ(registerRaw(client.file(),
                          std::u16string_view(u"1\0"
                                              u"2",
                                              3),
                          reply)
                  .status,
              STATUS_INVALID_PARAMETER);
    std::u16string longest(CMB_MAX_ALTITUDE_BYTES / 2, u'9');
    EXPECT_EQ(client.tryAdd(longest).Status, STATUS_SUCCESS);
    EXPECT_EQ(client.tryAdd(u"0").Status, STATUS_SUCCESS);
    EXPECT_EQ(client.tryAdd(u"385210.4771").Status, STATUS_SUCCESS);
}

TEST_F(Registration, ReportsACollisionUnchanged) {
    Client first, second;
    const int64_t cookie = first.add(u"385100");
    for (std::u16string_view equal : {u"385100", u"0385100.0", u"385100.000"}) {
        CMB_REGISTER_REPLY reply = second.tryAdd(equal);
        EXPECT_EQ(reply.Status, STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
        EXPECT_EQ(reply.Cookie, 0);
    }
    EXPECT_EQ(second.statistics().Registrations, 0u);
    EXPECT_EQ(first.remove(cookie), STATUS_SUCCESS);
    EXPECT_EQ(second.tryAdd(u"385100").Status, STATUS_SUCCESS);
}

TEST_F(Registration, HasACookieOfItsSession) {
    Client first, second;
    const int64_t cookie = first.add(u"385100");
    EXPECT_EQ(second.remove(cookie), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(first.remove(cookie + 1), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(first.remove(0), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(first.remove(cookie), STATUS_SUCCESS);
    EXPECT_EQ(first.remove(cookie), STATUS_INVALID_PARAMETER);
}

TEST_F(Registration, IsLimitedTo64PerSession) {
    Client client;
    std::set<int64_t> cookies;
    for (int i = 0; i < CMB_MAX_REGISTRATIONS; ++i) {
        std::string altitude = std::to_string(300000 + i);
        cookies.insert(client.add(std::u16string(altitude.begin(), altitude.end()), bit(1)));
    }
    EXPECT_EQ(cookies.size(), static_cast<size_t>(CMB_MAX_REGISTRATIONS));
    EXPECT_EQ(client.statistics().Registrations, static_cast<UINT32>(CMB_MAX_REGISTRATIONS));
    CMB_REGISTER_REPLY reply{};
    EXPECT_EQ(registerRaw(client.file(), u"299999", reply).status, STATUS_QUOTA_EXCEEDED);

    Actor actor;
    HANDLE key = actor.create(path());
    actor.setValue(key, u"v", REG_DWORD, pattern(4));
    actor.close(key);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), cookies.size());
    for (const Record &record : records) {
        EXPECT_EQ(cookies.count(record->Cookie), 1u);
    }
    // A place that was given back serves again, with counters of its own.
    const int64_t gone = *cookies.begin();
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, gone).Delivered, 1u);
    EXPECT_EQ(client.remove(gone), STATUS_SUCCESS);
    const int64_t added = client.add(u"299999", bit(1));
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, added).Callbacks, 0u);
    client.close();
}

// Records that wait in the queue are not counted for whoever got the place of their registration meanwhile.
TEST_F(Registration, HasCountersOfItsOwnInAReusedPlace) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t first = client.add(u"385100", bit(RegNtPreSetValueKey));
    actor.setValue(key, u"v", REG_DWORD, pattern(4));
    EXPECT_EQ(client.remove(first), STATUS_SUCCESS);
    const int64_t second = client.add(u"385100", bit(RegNtPreSetValueKey));
    EXPECT_EQ(client.drain().size(), 1u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, second).Delivered, 0u);
    actor.setValue(key, u"v", REG_DWORD, pattern(4));
    EXPECT_EQ(client.drain().size(), 1u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, second).Delivered, 1u);
    EXPECT_EQ(client.statistics().Delivered, 2u);
    actor.close(key);
}

TEST_F(Registration, EndsWithItsSession) {
    auto client = std::make_unique<Client>();
    client->add(u"385100");
    client->add(u"385101");
    client.reset();
    CM_STATISTICS statistics;
    CmGetStatistics(&statistics);
    EXPECT_EQ(statistics.Registrations, 0u);
}

TEST_F(Registration, IsCountedByTheDriver) {
    Client first, second;
    first.add(u"1");
    second.add(u"2");
    second.add(u"3");
    CMB_STATISTICS_REPLY statistics = first.statistics(CMB_SCOPE_DRIVER);
    EXPECT_EQ(statistics.Sessions, 2u);
    EXPECT_EQ(statistics.Registrations, 3u);
    EXPECT_GE(machine().poolUsage().blocks, 7u);
    EXPECT_GE(machine().poolUsage().bytes, 2u * CMB_DEFAULT_QUEUE_BYTES);
    EXPECT_EQ(statistics.QueueBytesLimit, 2u * CMB_DEFAULT_QUEUE_BYTES);
    second.close();
    statistics = first.statistics(CMB_SCOPE_DRIVER);
    EXPECT_EQ(statistics.Sessions, 1u);
    EXPECT_EQ(statistics.Registrations, 1u);
}

// Each cookie is unregistered by exactly one of the threads that try, while registry calls keep the callbacks busy.
TEST_F(Registration, ComesAndGoesUnderLoad) {
    Client client(CMB_MIN_QUEUE_BYTES);
    std::atomic<bool> stop = false;
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < 2; ++i) {
        actors.push_back(std::make_unique<Actor>());
        actors.back()->post([&stop, path = path() + std::u16string(1, u'a' + i)]() mutable {
            UNICODE_STRING name = unicode(path);
            OBJECT_ATTRIBUTES object = attributes(name);
            while (!stop) {
                HANDLE key = nullptr;
                EXPECT_EQ(NtCreateKey(&key, KEY_ALL_ACCESS, &object, 0, nullptr, 0, nullptr), STATUS_SUCCESS);
                ULONG data = 7;
                UNICODE_STRING value{};
                EXPECT_EQ(NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
                EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
            }
        });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&client, i] {
            std::string altitude = std::to_string(100 + i / 2);
            const std::u16string shared(altitude.begin(), altitude.end());
            for (int round = 0; round < 150; ++round) {
                CMB_REGISTER_REPLY reply = client.tryAdd(shared);
                if (reply.Status == STATUS_SUCCESS) {
                    EXPECT_EQ(client.remove(reply.Cookie), STATUS_SUCCESS);
                    EXPECT_EQ(client.remove(reply.Cookie), STATUS_INVALID_PARAMETER);
                } else {
                    EXPECT_TRUE(reply.Status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION ||
                                reply.Status == STATUS_DELETE_PENDING);
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    stop = true;
    actors.clear();
    EXPECT_EQ(client.statistics().Registrations, 0u);
    CMB_STATISTICS_REPLY statistics = client.statistics();
    uint64_t records = 0;
    for (const Record &record : client.drain()) {
        records += !record.isGap();
    }
    EXPECT_EQ(records, statistics.Recorded);
}

// Unregistering waits for the operations that have seen pre, and their posts are relayed before it returns.
TEST_F(Registration, EndsAfterThePostsThatItIsOwed) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    Gate gate;
    Rival below(u"1", [&](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreSetValueKey) {
            gate.pass();
        }
    });
    std::thread setter([&] { actor.setValue(key, u"v", REG_DWORD, pattern(4)); });
    gate.awaitArrival();
    std::atomic<bool> removed = false;
    std::thread remover([&] {
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        removed = true;
    });
    while (client.statistics().Registrations != 0) {
        std::this_thread::yield();
    }
    // Already nobody else's, not yet gone.
    EXPECT_EQ(client.remove(cookie), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(client.tryAdd(u"385100.0").Status, STATUS_DELETE_PENDING);
    EXPECT_FALSE(removed);
    gate.let();
    setter.join();
    remover.join();
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[1]->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(records[1]->PreSequence, 1u);
    actor.close(key);
}

// The handle is closed while an operation is between pre and post: its context comes back although nothing is relayed.
TEST_F(Registration, SurvivesACloseDuringAnOperation) {
    auto client = std::make_unique<Client>();
    Actor actor;
    HANDLE key = actor.create(path());
    client->add(u"385100");
    Gate gate;
    Rival below(u"1", [&](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreSetValueKey) {
            gate.pass();
        }
    });
    std::thread setter([&] { actor.setValue(key, u"v", REG_DWORD, pattern(4)); });
    gate.awaitArrival();
    std::thread closer([&] { client.reset(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    gate.let();
    setter.join();
    closer.join();
    actor.close(key);
}

TEST_F(Registration, IsRemovedByOneOfTwo) {
    Client client;
    for (int round = 0; round < 50; ++round) {
        const int64_t cookie = client.add(u"385100");
        std::atomic<int> winners = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&] {
                const NTSTATUS status = client.remove(cookie);
                EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_INVALID_PARAMETER);
                winners += status == STATUS_SUCCESS;
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        EXPECT_EQ(winners, 1);
    }
}

} // namespace
} // namespace cmbridge::test
