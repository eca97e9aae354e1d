// SPDX-License-Identifier: MIT
//
// The bounded queue: what is lost is accounted for exactly, in its place.

#include "test/driver/fixture/fixture.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace cmbridge::test {
namespace {

// Every number from 1 to the last one is either a record or inside one gap.
struct Account {
    uint64_t records = 0;
    uint64_t lost = 0;
    uint64_t last = 0;
    void add(const std::vector<Record> &batch) {
        for (const Record &record : batch) {
            if (record.isGap()) {
                EXPECT_EQ(record.body<CMB_BODY_GAP>().Causes, static_cast<UINT32>(CMB_GAP_QUEUE_FULL));
                lost += record.count();
            } else {
                ++records;
            }
            last += record.count();
        }
    }
};

class Queue : public DriverTest {
  protected:
    void expectExact(Client &client, const Account &account) {
        CMB_STATISTICS_REPLY statistics = client.statistics();
        EXPECT_EQ(account.last, statistics.LastSequence);
        EXPECT_EQ(account.records, statistics.Recorded);
        EXPECT_EQ(account.records, statistics.Delivered);
        EXPECT_EQ(account.lost, statistics.Lost);
        EXPECT_EQ(statistics.Lost, statistics.LostQueueFull);
        EXPECT_EQ(statistics.QueueBytes, 0u);
        EXPECT_EQ(statistics.QueueRecords, 0u);
        EXPECT_LE(statistics.QueueBytesPeak, statistics.QueueBytesLimit);
        EXPECT_LE(statistics.QueueRecordsPeak, statistics.QueueRecordsLimit);
    }
};

TEST_F(Queue, LosesWhatExceedsTheRecordLimit) {
    Client client(0, 3);
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey));
    Account account;
    for (int i = 0; i < 10; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(8));
    }
    EXPECT_EQ(client.statistics().Lost, 7u);
    // Three records, then the gap, although nothing new comes.
    std::vector<Record> batch = client.receive();
    ASSERT_EQ(batch.size(), 4u);
    EXPECT_TRUE(batch[3].isGap());
    EXPECT_EQ(batch[3].body<CMB_BODY_GAP>().FirstSequence, 4u);
    EXPECT_EQ(batch[3].body<CMB_BODY_GAP>().LastSequence, 10u);
    account.add(batch);
    expectExact(client, account);
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    account.add(client.drain());
    expectExact(client, account);
    actor.close(key);
}

// The last loss must not wait for the next record: a batch that is too full for the gap leaves it to one of its own.
TEST_F(Queue, TellsAGapThoughNothingFollows) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    Account account;
    actor.setValue(key, u"v", REG_BINARY, pattern(0));
    account.add(client.drain());
    // Eight records that fill the ring and an output all but 32 bytes; the path is kept.
    const size_t fixed = sizeof(CMB_RECORD) + sizeof(CMB_BODY_SET_VALUE) + 8;
    for (int i = 0; i < 8; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(65520 - fixed));
    }
    EXPECT_EQ(client.statistics().QueueBytes, static_cast<UINT64>(CMB_MIN_QUEUE_BYTES));
    actor.setValue(key, u"v", REG_BINARY, pattern(0));
    EXPECT_EQ(client.statistics().Lost, 1u);
    std::vector<Record> batch = client.receive(sizeof(CMB_BATCH) + 8 * 65520 + 32);
    EXPECT_EQ(batch.size(), 8u);
    account.add(batch);
    batch = client.receive();
    ASSERT_EQ(batch.size(), 1u);
    EXPECT_TRUE(batch[0].isGap());
    account.add(batch);
    expectExact(client, account);
    actor.close(key);
}

// A queue that several batches empty: the gap follows the last record, not the first batch that has room for it.
TEST_F(Queue, TellsAGapInItsPlace) {
    Client client(4 * CMB_MIN_QUEUE_BYTES);
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    Account account;
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    account.add(client.drain());
    for (int i = 0; i < 40; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(60000));
    }
    EXPECT_GT(client.statistics().Lost, 0u);
    std::vector<Record> batch = client.receive();
    EXPECT_EQ(batch.size(), 5u);
    EXPECT_FALSE(batch.back().isGap());
    account.add(batch);
    // The next record finds room, and the gap before it.
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    account.add(client.drain());
    expectExact(client, account);
    EXPECT_EQ(account.last, 42u);
    actor.close(key);
}

TEST_F(Queue, WrapsWithRecordsOfAllSizes) {
    Client client(CMB_MIN_QUEUE_BYTES + 8);
    EXPECT_EQ(client.limits().QueueBytes, static_cast<UINT32>(CMB_MIN_QUEUE_BYTES));
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey), CMB_MAX_DATA_BYTES);
    std::mt19937 random(7);
    Account account;
    for (int i = 0; i < 400; ++i) {
        const size_t size = random() % 4 ? random() % 2000 : random() % (CMB_MAX_DATA_BYTES + 1);
        actor.setValue(key, u"v", REG_BINARY, pattern(size, static_cast<uint8_t>(i)));
        if (random() % 12 == 0) {
            std::vector<Record> batch = client.receive();
            for (const Record &record : batch) {
                if (!record.isGap()) {
                    Bytes data = record.data(record.body<CMB_BODY_SET_VALUE>().Data);
                    EXPECT_TRUE(data.empty() || data == pattern(data.size(), static_cast<uint8_t>(data[0])));
                }
            }
            account.add(batch);
            if (account.last == client.statistics().LastSequence) {
                actor.setValue(key, u"v", REG_BINARY, pattern(1));
            }
        }
    }
    account.add(client.drain());
    expectExact(client, account);
    EXPECT_GT(account.lost, 0u);
    actor.close(key);
}

// A record above the size that is copied stays where it was built; it counts as what it takes, also with a queue that
// ends while it waits.
TEST_F(Queue, KeepsLargeRecordsInBlocksOfTheirOwn) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    Account account;
    for (size_t size : {3000u, 5000u, 60000u, 20u}) {
        actor.setValue(key, u"v", REG_BINARY, pattern(size, static_cast<uint8_t>(size)));
    }
    EXPECT_GE(client.statistics().QueueBytes, 68020u);
    EXPECT_LT(client.statistics().QueueBytes, 72000u);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    size_t at = 0;
    for (size_t size : {3000u, 5000u, 60000u, 20u}) {
        const Record &record = records[at++];
        EXPECT_EQ(record.data(record.body<CMB_BODY_SET_VALUE>().Data), pattern(size, static_cast<uint8_t>(size)));
    }
    account.add(records);
    expectExact(client, account);
    actor.setValue(key, u"v", REG_BINARY, pattern(60000));
    client.close();
    actor.close(key);
}

// A post record does not refer to a pre record that was lost.
TEST_F(Queue, LosesAPostWhosePreIsThere) {
    Client client(0, 1);
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    {
        Gate gate;
        Rival below(u"1", [&](ULONG notifyClass, PVOID) {
            if (notifyClass == RegNtPreSetValueKey) {
                gate.pass();
            }
        });
        // Its pre takes the only place, its post is lost.
        gate.let();
        actor.setValue(key, u"v", REG_BINARY, pattern(8));
    }
    EXPECT_EQ(client.statistics().Lost, 1u);
    Gate gate;
    Rival below(u"1", [&](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreSetValueKey) {
            gate.pass();
        }
    });
    std::thread setter([&] { actor.setValue(key, u"v", REG_BINARY, pattern(8)); });
    gate.awaitArrival();
    EXPECT_EQ(client.statistics().Lost, 2u);
    std::vector<Record> batch = client.receive();
    ASSERT_EQ(batch.size(), 2u);
    EXPECT_EQ(batch[1].body<CMB_BODY_GAP>().Count, 2u);
    gate.let();
    setter.join();
    batch = client.receive();
    ASSERT_EQ(batch.size(), 1u);
    EXPECT_EQ(batch[0]->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(batch[0]->PreSequence, 0u);
    EXPECT_EQ(batch[0].path(), path());
    actor.close(key);
}

TEST_F(Queue, CountsExactlyUnderLoad) {
    Client client(CMB_MIN_QUEUE_BYTES, 200);
    client.add(u"2", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    client.add(u"1", bit(RegNtPreSetValueKey));
    constexpr int kActors = 4;
    constexpr int kOperations = 1500;
    std::atomic<int> running = kActors;
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < kActors; ++i) {
        actors.push_back(std::make_unique<Actor>());
        HANDLE key = actors.back()->create(path() + std::u16string(1, u'a' + i));
        actors.back()->post([key, &running] {
            Bytes data = pattern(300);
            UNICODE_STRING name{};
            for (int n = 0; n < kOperations; ++n) {
                EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_BINARY, data.data(), n % 300), STATUS_SUCCESS);
            }
            NtClose(key);
            --running;
        });
    }
    Account account;
    while (running > 0 || account.last < client.statistics().LastSequence) {
        if (account.last < client.statistics().LastSequence) {
            account.add(client.receive());
        }
    }
    actors.clear();
    account.add(client.drain());
    expectExact(client, account);
    EXPECT_EQ(account.last, static_cast<uint64_t>(kActors * kOperations * 3));
}

} // namespace
} // namespace cmbridge::test
