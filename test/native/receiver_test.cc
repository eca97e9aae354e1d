// SPDX-License-Identifier: MIT

#include "receiver_fakes.h"

namespace cmbridge {
namespace {

class ReceiverTest : public testing::Test {
  protected:
    void start(size_t receives) {
        ASSERT_EQ(receiver_.start(receives, 16, sink_), kStatusSuccess);
        transport_.awaitIssued(receives);
    }

    int take() {
        int value = -1;
        receiver_.takeBatch([&](std::span<const std::byte> batch) {
            EXPECT_EQ(batch.size(), 1u);
            value = static_cast<int>(batch[0]);
        });
        return value;
    }

    FakeTransport transport_;
    std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
    Receiver receiver_{transport_};
};

TEST_F(ReceiverTest, DeliversInTheOrderOfIssue) {
    start(3);
    transport_.complete(2, 3);
    transport_.complete(1, 2);
    EXPECT_EQ(take(), -1);
    transport_.complete(0, 1);
    sink_->awaitReady(3);
    EXPECT_EQ(take(), 1);
    EXPECT_EQ(take(), 2);
    EXPECT_EQ(take(), 3);
    EXPECT_EQ(take(), -1);
}

TEST_F(ReceiverTest, PendsAgainOnlyWhatWasAcknowledged) {
    start(2);
    transport_.complete(0, 1);
    transport_.complete(0, 2);
    sink_->awaitReady(2);
    EXPECT_FALSE(receiver_.acknowledge());
    EXPECT_EQ(take(), 1);
    EXPECT_EQ(transport_.issued(), 0u);
    EXPECT_TRUE(receiver_.acknowledge());
    EXPECT_FALSE(receiver_.acknowledge());
    transport_.awaitIssued(1);
    transport_.complete(0, 3);
    sink_->awaitReady(3);
    EXPECT_EQ(take(), 2);
    EXPECT_EQ(take(), 3);
}

TEST_F(ReceiverTest, EndsOnceWithTheStatusOfTheFailure) {
    start(3);
    transport_.complete(0, 1);
    transport_.complete(0, 0, static_cast<NtStatus>(0xC00000A3));
    sink_->awaitEnd();
    EXPECT_EQ(sink_->status(), static_cast<NtStatus>(0xC00000A3));
    EXPECT_EQ(take(), 1);
    receiver_.stop();
    EXPECT_EQ(sink_->ends(), 1);
    EXPECT_EQ(transport_.issued(), 0u);
}

TEST_F(ReceiverTest, EndsWhenTheFirstRequestIsRefused) {
    transport_.refuse(static_cast<NtStatus>(0xC000000D));
    ASSERT_EQ(receiver_.start(4, 16, sink_), kStatusSuccess);
    sink_->awaitEnd();
    EXPECT_EQ(sink_->status(), static_cast<NtStatus>(0xC000000D));
    receiver_.stop();
    EXPECT_EQ(sink_->ends(), 1);
}

TEST_F(ReceiverTest, IssuesAgainWhatFoundNoMemory) {
    start(3);
    // The second of three; those around it keep their order, and the repeated one comes last.
    transport_.complete(1, 0, kStatusInsufficientResources);
    transport_.awaitIssued(3);
    transport_.complete(2, 3);
    transport_.complete(1, 2);
    transport_.complete(0, 1);
    sink_->awaitReady(3);
    EXPECT_EQ(take(), 1);
    EXPECT_EQ(take(), 2);
    EXPECT_EQ(take(), 3);
    EXPECT_EQ(sink_->ends(), 0);
}

TEST_F(ReceiverTest, WaitsForMemoryWhenRequestsAreRefused) {
    transport_.refuse(kStatusNoMemory);
    ASSERT_EQ(receiver_.start(4, 16, sink_), kStatusSuccess);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(transport_.issued(), 0u);
    transport_.refuse(kStatusSuccess);
    transport_.awaitIssued(4);
    EXPECT_EQ(sink_->ends(), 0);
}

TEST_F(ReceiverTest, StopsWhileItWaitsForMemory) {
    transport_.refuse(kStatusInsufficientResources);
    ASSERT_EQ(receiver_.start(4, 16, sink_), kStatusSuccess);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    receiver_.stop();
    EXPECT_EQ(sink_->ends(), 0);
}

TEST_F(ReceiverTest, StopsWithoutAWordToTheSink) {
    start(4);
    transport_.complete(1, 2);
    receiver_.stop();
    EXPECT_EQ(sink_->ready(), 0);
    EXPECT_EQ(sink_->ends(), 0);
    EXPECT_EQ(take(), -1);
    EXPECT_EQ(transport_.issued(), 0u);
    receiver_.stop();
}

TEST_F(ReceiverTest, RefusesMoreRequestsThanMemoryHolds) {
    EXPECT_EQ(receiver_.start(SIZE_MAX, 16, sink_), kStatusNoMemory);
    receiver_.stop();
}

TEST_F(ReceiverTest, TakesCompletionsFromAnyThread) {
    start(4);
    // The reader is not needed for that: it would have to be woken.
    std::thread([&] { transport_.completeHere(receiver_, 0, 7); }).join();
    EXPECT_EQ(sink_->ready(), 1);
    EXPECT_EQ(take(), 7);
    receiver_.acknowledge();
    // Nor for a request that goes back while enough others are pended; with the last but one it is.
    EXPECT_EQ(transport_.wakes(), 0);
    for (unsigned char byte = 1; byte < 3; byte++) {
        transport_.completeHere(receiver_, 0, byte);
        EXPECT_EQ(take(), byte);
    }
    EXPECT_EQ(transport_.wakes(), 1);
    transport_.awaitIssued(2);
    receiver_.stop();
    EXPECT_EQ(transport_.issued(), 0u);
    EXPECT_EQ(sink_->ends(), 0);
}

TEST_F(ReceiverTest, EndsAfterTheBatchesThatAreBeingTold) {
    start(3);
    sink_->block();
    std::thread other([&] { transport_.completeHere(receiver_, 0, 1); });
    sink_->awaitReady(1);
    transport_.completeHere(receiver_, 0, 0, static_cast<NtStatus>(0xC00000A3));
    // All that is pended is cancelled meanwhile.
    transport_.awaitIssued(0);
    EXPECT_EQ(sink_->ends(), 0);
    sink_->unblock();
    sink_->awaitEnd();
    other.join();
    EXPECT_EQ(take(), 1);
}

TEST_F(ReceiverTest, StopsWhenTheSinkIsCalledNoMore) {
    start(2);
    sink_->block();
    std::thread other([&] { transport_.completeHere(receiver_, 0, 1); });
    sink_->awaitReady(1);
    std::atomic<bool> stopped = false;
    std::thread stopping([&] {
        receiver_.stop();
        stopped = true;
    });
    transport_.awaitIssued(0);
    EXPECT_FALSE(stopped);
    sink_->unblock();
    other.join();
    stopping.join();
}

// As a program does that works where it is told.
TEST_F(ReceiverTest, ASinkMayTakeAndAcknowledgeAtOnce) {
    class : public ReceiveSink {
      public:
        void batchReady() override {
            EXPECT_TRUE(receiver->takeBatch([](std::span<const std::byte>) {}));
            EXPECT_TRUE(receiver->acknowledge());
            taken++;
        }
        void ended(NtStatus) override {}
        Receiver *receiver = nullptr;
        std::atomic<int> taken = 0;
    } sink;
    sink.receiver = &receiver_;
    ASSERT_EQ(receiver_.start(2, 16, std::shared_ptr<ReceiveSink>(std::shared_ptr<void>(), &sink)), kStatusSuccess);
    for (int i = 0; i < 100; i++) {
        while (transport_.issued() == 0) {
            std::this_thread::yield();
        }
        if (i % 2 == 0) {
            transport_.complete(0, 1);
        } else {
            transport_.completeHere(receiver_, 0, 1);
        }
    }
    while (sink.taken < 100) {
        std::this_thread::yield();
    }
    receiver_.stop();
}

TEST_F(ReceiverTest, StopsWhileRequestsCompleteAndAreAcknowledged) {
    start(8);
    std::atomic<bool> done = false;
    std::thread driver([&] {
        for (unsigned char byte = 0; !done;) {
            if (transport_.issued() == 0) {
                std::this_thread::yield();
            } else if (byte % 3 == 0) {
                transport_.complete(0, byte++ % 8);
            } else {
                transport_.completeHere(receiver_, 0, byte++ % 8);
            }
        }
    });
    for (int expected = 0; expected < 400;) {
        int value = take();
        if (value >= 0) {
            ASSERT_EQ(value, expected % 8);
            expected++;
            receiver_.acknowledge();
        }
    }
    done = true;
    driver.join();
    receiver_.stop();
    EXPECT_EQ(sink_->ends(), 0);
}

} // namespace
} // namespace cmbridge
