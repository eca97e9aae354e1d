// SPDX-License-Identifier: MIT
//
// Gaps belong to registrations: each is told once, in its place, with its causes, also when the registration is gone.

#include "test/driver/fixture/fixture.h"

extern "C" {
#include "driver/queue/queue.h"
}

namespace cmbridge::test {
namespace {

class Gap : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        actor_ = std::make_unique<Actor>();
        key_ = actor_->create(path());
    }
    void TearDown() override {
        actor_->close(key_);
        actor_.reset();
        DriverTest::TearDown();
    }
    void set(int times = 1) {
        for (int i = 0; i < times; ++i) {
            actor_->setValue(key_, u"v", REG_BINARY, pattern(8));
        }
    }
    static std::vector<const Record *> gapsOf(const std::vector<Record> &records, int64_t cookie) {
        std::vector<const Record *> gaps;
        for (const Record &record : records) {
            if (record.isGap() && record->Cookie == cookie) {
                gaps.push_back(&record);
            }
        }
        return gaps;
    }
    std::unique_ptr<Actor> actor_;
    HANDLE key_ = nullptr;
};

TEST_F(Gap, BelongsToItsRegistration) {
    Client client(0, 3);
    const int64_t first = client.add(u"2", bit(RegNtPreSetValueKey));
    const int64_t second = client.add(u"1", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    // 1, 4, 7 ... of the first, the others of the second; three find room.
    set(4);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 5u);
    ASSERT_EQ(gapsOf(records, first).size(), 1u);
    ASSERT_EQ(gapsOf(records, second).size(), 1u);
    const auto &one = gapsOf(records, first)[0]->body<CMB_BODY_GAP>();
    EXPECT_EQ(one.Count, 3u);
    EXPECT_EQ(one.FirstSequence, 4u);
    EXPECT_EQ(one.LastSequence, 10u);
    const auto &two = gapsOf(records, second)[0]->body<CMB_BODY_GAP>();
    EXPECT_EQ(two.Count, 6u);
    EXPECT_EQ(two.FirstSequence, 5u);
    EXPECT_EQ(two.LastSequence, 12u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, first).LostQueueFull, 3u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, second).LostQueueFull, 6u);
    // Nothing is told twice.
    set();
    records = client.drain();
    EXPECT_EQ(records.size(), 3u);
    EXPECT_TRUE(gapsOf(records, first).empty());
}

// Another registration's record that finds room says nothing of this one's loss; the next record of its own does.
TEST_F(Gap, ComesBeforeTheNextRecordOfItsRegistration) {
    Client client(CMB_MIN_QUEUE_BYTES);
    const int64_t large = client.add(u"2", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    const int64_t small = client.add(u"1", bit(RegNtPreSetValueKey), 0);
    uint64_t lost = 0;
    while (!lost) {
        actor_->setValue(key_, u"v", REG_BINARY, pattern(60000));
        lost = client.statistics(CMB_SCOPE_REGISTRATION, large).Lost;
    }
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, small).Lost, 0u);
    // The large one fits again.
    set();
    std::vector<Record> records = client.drain();
    ASSERT_EQ(gapsOf(records, large).size(), 1u);
    EXPECT_TRUE(gapsOf(records, small).empty());
    const size_t last = records.size() - 1;
    EXPECT_TRUE(records[last - 2].isGap());
    EXPECT_EQ(records[last - 2].count(), lost);
    EXPECT_EQ(records[last - 1]->Cookie, large);
    EXPECT_EQ(records[last]->Cookie, small);
    // Records of the other one lie between what was lost and the gap.
    EXPECT_GT(records[last - 3]->Sequence, records[last - 2].body<CMB_BODY_GAP>().FirstSequence);
    EXPECT_EQ(client.accounted(), client.statistics().LastSequence);
}

TEST_F(Gap, IsToldAfterItsRegistrationIsGone) {
    Client client(0, 2);
    const int64_t first = client.add(u"2", bit(RegNtPreSetValueKey));
    set(5);
    EXPECT_EQ(client.remove(first), STATUS_SUCCESS);
    // The next one starts with nothing.
    const int64_t second = client.add(u"2", bit(RegNtPreSetValueKey));
    EXPECT_NE(second, first);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, second).Callbacks, 0u);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[2]->Cookie, first);
    EXPECT_EQ(records[2].count(), 3u);
    set();
    records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->Cookie, second);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, second).Delivered, 1u);
    EXPECT_EQ(client.statistics().Delivered, 3u);
}

// As many gaps of registrations that are gone are remembered as there can be registrations; then there is no place.
TEST_F(Gap, IsToldOfManyRegistrationsThatAreGone) {
    Client client(0, 1);
    std::map<int64_t, uint64_t> lost;
    client.add(u"1", bit(RegNtPostSetValueKey));
    set();
    NTSTATUS status = STATUS_SUCCESS;
    for (unsigned i = 0; i < QUEUE_SOURCES; ++i) {
        CMB_REGISTER_REPLY reply{};
        status = registerRaw(client.file(), u"2", reply, bit(RegNtPreSetValueKey)).status;
        if (!NT_SUCCESS(status)) {
            break;
        }
        set(1 + static_cast<int>(i % 3));
        lost[reply.Cookie] = 1 + i % 3;
        EXPECT_EQ(client.remove(reply.Cookie), STATUS_SUCCESS);
    }
    EXPECT_EQ(status, STATUS_QUOTA_EXCEEDED);
    EXPECT_EQ(lost.size(), QUEUE_SOURCES - 1u);
    for (const Record &record : client.drain()) {
        if (lost.contains(record->Cookie)) {
            EXPECT_EQ(record.count(), lost[record->Cookie]);
            lost.erase(record->Cookie);
        }
    }
    EXPECT_TRUE(lost.empty());
    EXPECT_EQ(client.accounted(), client.statistics().LastSequence);
    client.add(u"2");
}

// A queue without a driver around it.
class Lonely {
  public:
    Lonely() {
        QueueInitialize(
            &queue, [](VOID *wakes) { ++*static_cast<unsigned *>(wakes); }, &wakes);
        EXPECT_EQ(QueueAllocate(&queue, CMB_MIN_QUEUE_BYTES, 16), STATUS_SUCCESS);
    }
    ~Lonely() { QueueUninitialize(&queue); }
    ULONG open(int64_t cookie, const CMB_REGISTER_REQUEST &options = {}) {
        ULONG source = 0;
        EXPECT_EQ(QueueOpenSource(&queue, &options, &source), STATUS_SUCCESS);
        QueueNameSource(&queue, source, cookie);
        return source;
    }
    bool hasBatch() {
        KIRQL irql = 0;
        KeAcquireSpinLock(&queue.Lock, &irql);
        const BOOLEAN has = QueueHasBatch(&queue);
        KeReleaseSpinLock(&queue.Lock, irql);
        return has;
    }
    std::vector<Record> take() {
        std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
        const ULONG size = QueueTakeBatch(&queue, output.data(), CMB_MIN_RECEIVE_BYTES);
        return parseBatch(std::as_bytes(std::span(output)), size);
    }
    QUEUE queue;
    // How often the reader was told that there may be something to read.
    unsigned wakes = 0;
};

TEST_F(Gap, CountsItsCausesApart) {
    // The queue is made of the driver's memory, whose last block the fixture looks for.
    actor_->run([] {
        Lonely lonely;
        const ULONG source = lonely.open(77);
        EXPECT_FALSE(lonely.hasBatch());
        QueueLose(&lonely.queue, source, CMB_GAP_NO_MEMORY, 5);
        EXPECT_TRUE(lonely.hasBatch());
        QueueLose(&lonely.queue, source, CMB_GAP_CAPTURE_FAULT, 6);
        QueueLose(&lonely.queue, source, CMB_GAP_NO_MEMORY, 7);
        std::vector<Record> records = lonely.take();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0]->Cookie, 77);
        EXPECT_EQ(records[0]->Time, 5);
        const auto &gap = records[0].body<CMB_BODY_GAP>();
        EXPECT_EQ(gap.Count, 3u);
        EXPECT_EQ(gap.NoMemory, 2u);
        EXPECT_EQ(gap.CaptureFault, 1u);
        EXPECT_EQ(gap.Causes, static_cast<UINT32>(CMB_GAP_NO_MEMORY | CMB_GAP_CAPTURE_FAULT));
        EXPECT_FALSE(lonely.hasBatch());
        QUEUE_COUNTERS counters;
        QueueCloseSource(&lonely.queue, source, &counters);
        EXPECT_EQ(counters.LostNoMemory, 2u);
        EXPECT_EQ(counters.LostCaptureFault, 1u);
        EXPECT_EQ(counters.Callbacks, 3u);
        EXPECT_FALSE(lonely.hasBatch());
    });
}

// Whoever makes something readable wakes the reader, but for a producer that may hold a lock.
TEST_F(Gap, QueueWakesItsReader) {
    actor_->run([] {
        Lonely lonely;
        CMB_REGISTER_REQUEST options{};
        options.RateLimit = options.RateBurst = 1;
        const ULONG source = lonely.open(1, options);
        CMB_RECORD record{};
        record.Size = record.HeaderSize = sizeof(record);
        record.Kind = CMB_RECORD_NOTIFICATION;
        record.Cookie = 1;
        record.NotifyClass = RegNtPreFlushKey;
        record.Flags = CMB_RECORD_PATH_UNAVAILABLE;
        QUEUE_DRAFT draft{};
        draft.Source = source;
        draft.Record = &record;
        UINT64 sequence = 0;
        EXPECT_TRUE(QueueAdmit(&lonely.queue, source, 5));
        ASSERT_EQ(QueueSend(&lonely.queue, &draft, &sequence), QueueSent);
        EXPECT_EQ(sequence, 1u);
        EXPECT_EQ(lonely.wakes, 0u);
        QueueWake(&lonely.queue);
        EXPECT_EQ(lonely.wakes, 1u);
        EXPECT_FALSE(QueueAdmit(&lonely.queue, source, 5));
        EXPECT_EQ(lonely.wakes, 2u);
        QueueLose(&lonely.queue, source, CMB_GAP_NO_MEMORY, 5);
        EXPECT_EQ(lonely.wakes, 3u);
        QUEUE_COUNTERS counters;
        QueueCloseSource(&lonely.queue, source, &counters);
        EXPECT_EQ(lonely.wakes, 4u);
        EXPECT_EQ(lonely.take().size(), 2u);
    });
}

TEST_F(Gap, CountsNothingWhereTheQueueIsStopped) {
    actor_->run([] {
        Lonely lonely;
        CMB_REGISTER_REQUEST options{};
        options.RateLimit = options.RateBurst = 1;
        const ULONG source = lonely.open(1, options);
        QueueStop(&lonely.queue);
        QueueLose(&lonely.queue, source, CMB_GAP_NO_MEMORY, 5);
        EXPECT_FALSE(QueueAdmit(&lonely.queue, source, 5));
        QUEUE_COUNTERS counters;
        QueueCloseSource(&lonely.queue, source, &counters);
        EXPECT_EQ(counters.Callbacks, 0u);
        EXPECT_FALSE(lonely.hasBatch());
    });
}

} // namespace
} // namespace cmbridge::test
