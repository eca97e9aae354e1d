// SPDX-License-Identifier: MIT

#include "native/receiver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>

namespace cmbridge {
namespace {

// A transport whose completions the test causes, in the order it likes.
class FakeTransport : public ReceiveTransport {
  public:
    NtStatus issue(size_t slot, std::span<std::byte> buffer) override {
        std::lock_guard guard(lock_);
        if (refusal_ != kStatusSuccess) {
            return refusal_;
        }
        buffers_.resize(std::max(buffers_.size(), slot + 1));
        buffers_[slot] = buffer;
        issued_.push_back(slot);
        changed_.notify_all();
        return kStatusPending;
    }

    std::optional<Completion> wait(std::optional<std::chrono::milliseconds> timeout) override {
        std::unique_lock guard(lock_);
        auto posted = [this] { return !packets_.empty(); };
        if (!timeout) {
            changed_.wait(guard, posted);
        } else if (!changed_.wait_for(guard, *timeout, posted)) {
            return std::nullopt;
        }
        std::optional<Completion> packet = packets_.front();
        packets_.pop_front();
        return packet;
    }

    void wake() override { post(std::nullopt); }

    void cancel() override {
        std::vector<size_t> pended;
        {
            std::lock_guard guard(lock_);
            pended.swap(issued_);
        }
        for (size_t slot : pended) {
            post(Completion{slot, static_cast<NtStatus>(0xC0000120), 0});
        }
    }

    void refuse(NtStatus status) {
        std::lock_guard guard(lock_);
        refusal_ = status;
    }

    // Completes the request that is `index` in the order of issue among those that are pended, with one byte.
    void complete(size_t index, unsigned char byte, NtStatus status = kStatusSuccess) {
        post(fill(index, byte, status));
    }

    // The same, but the receiver is told on this thread.
    void completeHere(Receiver &receiver, size_t index, unsigned char byte, NtStatus status = kStatusSuccess) {
        receiver.completed(fill(index, byte, status));
    }

    void awaitIssued(size_t count) {
        std::unique_lock guard(lock_);
        ASSERT_TRUE(changed_.wait_for(guard, std::chrono::seconds(10), [&] { return issued_.size() == count; }));
    }

    size_t issued() {
        std::lock_guard guard(lock_);
        return issued_.size();
    }

  private:
    Completion fill(size_t index, unsigned char byte, NtStatus status) {
        std::lock_guard guard(lock_);
        size_t slot = issued_.at(index);
        issued_.erase(issued_.begin() + static_cast<ptrdiff_t>(index));
        buffers_[slot][0] = static_cast<std::byte>(byte);
        return {slot, status, succeeded(status) ? 1u : 0u};
    }

    void post(std::optional<Completion> packet) {
        std::lock_guard guard(lock_);
        packets_.push_back(packet);
        changed_.notify_all();
    }

    std::mutex lock_;
    std::condition_variable changed_;
    NtStatus refusal_ = kStatusSuccess;
    std::vector<std::span<std::byte>> buffers_;
    std::vector<size_t> issued_;
    std::deque<std::optional<Completion>> packets_;
};

class FakeSink : public ReceiveSink {
  public:
    void batchReady() override {
        count(ready_);
        std::unique_lock guard(lock_);
        changed_.wait(guard, [this] { return !blocked_; });
    }
    void ended(NtStatus status) override {
        status_ = status;
        count(ends_);
    }
    void awaitReady(int count) { await(ready_, count); }
    void awaitEnd() { await(ends_, 1); }
    int ready() { return read(ready_); }
    int ends() { return read(ends_); }
    NtStatus status() const { return status_; }
    // From then on batchReady() does not return.
    void block() { setBlocked(true); }
    void unblock() { setBlocked(false); }

  private:
    void setBlocked(bool blocked) {
        std::lock_guard guard(lock_);
        blocked_ = blocked;
        changed_.notify_all();
    }
    void count(int &counter) {
        std::lock_guard guard(lock_);
        counter++;
        changed_.notify_all();
    }
    int read(const int &counter) {
        std::lock_guard guard(lock_);
        return counter;
    }
    void await(const int &counter, int wanted) {
        std::unique_lock guard(lock_);
        ASSERT_TRUE(changed_.wait_for(guard, std::chrono::seconds(10), [&] { return counter >= wanted; }));
    }

    std::mutex lock_;
    std::condition_variable changed_;
    int ready_ = 0;
    int ends_ = 0;
    bool blocked_ = false;
    std::atomic<NtStatus> status_ = kStatusSuccess;
};

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
    EXPECT_EQ(transport_.issued(), 3u);
    for (unsigned char byte = 1; byte < 3; byte++) {
        transport_.completeHere(receiver_, 0, byte);
        EXPECT_EQ(take(), byte);
    }
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
