// SPDX-License-Identifier: MIT
//
// Identical reads are counted in the record that waits; what differs in anything, or does not wait any more, is not.

#include "test/driver/fixture/fixture.h"

#include <atomic>
#include <random>

namespace cmbridge::test {
namespace {

constexpr uint64_t kReads = bit(RegNtPreQueryValueKey) | bit(RegNtPostQueryValueKey);

class MergedReads : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        actor_ = std::make_unique<Actor>();
        key_ = actor_->create(path());
        actor_->setValue(key_, u"One", REG_BINARY, pattern(20));
        actor_->setValue(key_, u"Two", REG_BINARY, pattern(20));
    }
    void TearDown() override {
        actor_->close(key_);
        actor_.reset();
        DriverTest::TearDown();
    }
    static int64_t add(Client &client, uint64_t mask = kReads, uint32_t maxData = 4096) {
        return client.add(u"1", mask, maxData, CMB_REGISTER_COALESCE_READS);
    }
    static void query(Actor &actor, HANDLE key, std::u16string name, ULONG room = 256) {
        actor.run([&] {
            std::vector<uint64_t> buffer(room / 8 + 1);
            UNICODE_STRING text = unicode(name);
            ULONG size = 0;
            NtQueryValueKey(key, &text, KeyValuePartialInformation, buffer.data(), room, &size);
        });
    }
    void read(int times, const std::u16string &name = u"One", ULONG room = 256) {
        while (times--) {
            query(*actor_, key_, name, room);
        }
    }
    std::unique_ptr<Actor> actor_;
    HANDLE key_ = nullptr;
};

TEST_F(MergedReads, AreCountedInTheRecordThatWaits) {
    Client client;
    const int64_t cookie = add(client);
    read(1);
    const uint64_t bytes = client.statistics().QueueBytes;
    read(9);
    // The path is kept after the first pre, and what was written for the others is free again.
    EXPECT_EQ(client.statistics().QueueBytes, bytes);
    EXPECT_EQ(client.statistics().QueueRecords, 2u);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->Sequence, 1u);
    EXPECT_EQ(records[0]->Repeats, 9u);
    EXPECT_EQ(records[0]->LastSequence, 19u);
    EXPECT_EQ(records[1]->Sequence, 2u);
    EXPECT_EQ(records[1]->PreSequence, 1u);
    EXPECT_EQ(records[1]->Repeats, 9u);
    EXPECT_EQ(records[1]->LastSequence, 20u);
    EXPECT_EQ(records[1].data(records[1].body<CMB_BODY_QUERY>().Information).size(), 12u + 20u);
    CMB_STATISTICS_REPLY statistics = client.statistics(CMB_SCOPE_REGISTRATION, cookie);
    EXPECT_EQ(statistics.Callbacks, 20u);
    EXPECT_EQ(statistics.Recorded, 2u);
    EXPECT_EQ(statistics.Coalesced, 18u);
    EXPECT_EQ(statistics.Delivered, 2u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_DRIVER).Coalesced, 18u);
    // Those have left.
    read(2);
    records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->Sequence, 21u);
    EXPECT_EQ(records[0]->Repeats, 1u);
    EXPECT_EQ(records[1]->PreSequence, 21u);
}

TEST_F(MergedReads, AreOnlyThoseThatAreTheSame) {
    Client client;
    add(client);
    HANDLE again = actor_->openKey(path());
    Actor other;
    HANDLE theirs = other.openKey(path());
    Actor thread(actor_->process());
    read(2);
    read(2, u"Two");
    read(2, u"None");
    read(2, u"One", 128);
    query(*actor_, again, u"One");
    query(other, theirs, u"One");
    query(thread, key_, u"One");
    actor_->setValue(key_, u"One", REG_BINARY, pattern(20, 2));
    read(2);
    std::vector<Record> records = client.drain();
    // Name, room, key object, process, thread: another record. Data: another post.
    std::vector<uint64_t> repeats;
    for (const Record &record : records) {
        repeats.push_back(record->Repeats);
    }
    EXPECT_EQ(repeats, (std::vector<uint64_t>{3, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1}));
    // The last post belongs to reads that were counted in the first record.
    EXPECT_EQ(records.back()->PreSequence, records.front()->Sequence);
    EXPECT_EQ(records.front()->LastSequence, records.back()->LastSequence - 1);
    actor_->close(again);
    other.close(theirs);
}

TEST_F(MergedReads, AreNeitherWritesNorMadeUnasked) {
    Client client;
    const int64_t merging = add(client, bit(RegNtPreSetValueKey) | bit(RegNtPreQueryValueKey));
    const int64_t plain = client.add(u"2", bit(RegNtPreQueryValueKey));
    for (int i = 0; i < 3; ++i) {
        actor_->setValue(key_, u"One", REG_BINARY, pattern(20));
    }
    read(3);
    std::map<int64_t, size_t> records;
    for (const Record &record : client.drain()) {
        ++records[record->Cookie];
    }
    EXPECT_EQ(records[merging], 4u);
    EXPECT_EQ(records[plain], 3u);
}

// A record whose path came with it, and one that refers to the path, are alike; another path in its slot is not.
TEST_F(MergedReads, AreNeitherLargeNorOfUnknownPath) {
    Client client;
    add(client, bit(RegNtPostQueryValueKey), CMB_MAX_DATA_BYTES);
    actor_->setValue(key_, u"Large", REG_BINARY, pattern(30000));
    read(3, u"Large", 40000);
    EXPECT_EQ(client.drain().size(), 3u);
    HANDLE again = actor_->openKey(path());
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    query(*actor_, again, u"One");
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    query(*actor_, again, u"One");
    CmFailNameLookups(0, STATUS_SUCCESS);
    std::vector<Record> records = client.drain();
    EXPECT_EQ(records.size(), 2u);
    EXPECT_EQ(client.statistics().Coalesced, 0u);
    actor_->close(again);
}

// A full queue loses reads that it might have counted: what is lost and what is coalesced never mix.
TEST_F(MergedReads, AreLostInAFullQueue) {
    Client client(0, 1);
    add(client, bit(RegNtPreQueryValueKey));
    read(4);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].count(), 1u);
    EXPECT_EQ(records[1].body<CMB_BODY_GAP>().QueueFull, 3u);
}

// Producers that read the same and different things, and write, while the consumer takes what there is.
TEST_F(MergedReads, AreCountedExactlyUnderLoad) {
    Client client(CMB_MIN_QUEUE_BYTES, 400);
    const uint64_t mask = kReads | bit(RegNtPreSetValueKey);
    const int64_t cookies[] = {client.add(u"1", mask, 4096, CMB_REGISTER_COALESCE_READS),
                               client.add(u"2", mask, 64, CMB_REGISTER_COALESCE_READS),
                               client.addLimited(u"3", mask, 2000, 50)};
    constexpr int kActors = 4, kOperations = 1500;
    std::atomic<int> running = kActors;
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < kActors; ++i) {
        actors.push_back(i == 1 ? std::make_unique<Actor>(actors[0]->process()) : std::make_unique<Actor>());
        HANDLE key = actors.back()->openKey(path());
        actors.back()->post([key, i, &running] {
            std::mt19937 random(static_cast<unsigned>(i));
            Bytes data = pattern(100);
            std::vector<uint64_t> buffer(64);
            std::u16string names[] = {u"One", u"Two", u"Mine"};
            for (int n = 0; n < kOperations; ++n) {
                UNICODE_STRING name = unicode(names[random() % 2]);
                ULONG size = 0;
                if (random() % 20 == 0) {
                    name = unicode(names[2]);
                    EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_BINARY, data.data(), 100), STATUS_SUCCESS);
                } else {
                    NtQueryValueKey(key, &name, KeyValuePartialInformation, buffer.data(), 256, &size);
                }
            }
            NtClose(key);
            --running;
        });
    }
    struct Sum {
        uint64_t records = 0, repeats = 0, lost = 0;
    };
    std::map<int64_t, Sum> sums;
    auto add = [&](const std::vector<Record> &batch) {
        for (const Record &record : batch) {
            Sum &sum = sums[record->Cookie];
            EXPECT_TRUE(record.isGap() || record.path() == path());
            (record.isGap() ? sum.lost : sum.repeats) += record.isGap() ? record.count() : record->Repeats;
            sum.records += !record.isGap();
        }
    };
    while (running > 0) {
        if (client.statistics().QueueRecords) {
            add(client.receive());
        }
    }
    actors.clear();
    std::map<int64_t, CMB_STATISTICS_REPLY> statistics;
    for (int64_t cookie : cookies) {
        statistics[cookie] = client.statistics(CMB_SCOPE_REGISTRATION, cookie);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    add(client.drain());
    for (int64_t cookie : cookies) {
        EXPECT_EQ(sums[cookie].records, statistics[cookie].Recorded);
        EXPECT_EQ(sums[cookie].repeats, statistics[cookie].Coalesced);
        EXPECT_EQ(sums[cookie].lost, statistics[cookie].Lost);
    }
    EXPECT_GT(sums[cookies[0]].repeats, 0u);
    EXPECT_EQ(sums[cookies[2]].repeats, 0u);
    EXPECT_EQ(client.statistics().QueueBytes, 0u);
    EXPECT_EQ(client.accounted(), client.statistics().LastSequence);
}

} // namespace
} // namespace cmbridge::test
