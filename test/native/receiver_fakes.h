// SPDX-License-Identifier: MIT
//
// What a receiver stands between: a transport and a sink that tests have in hand.

#ifndef CMBRIDGE_TEST_NATIVE_RECEIVER_FAKES_H
#define CMBRIDGE_TEST_NATIVE_RECEIVER_FAKES_H

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>

#include "native/receiver.h"

namespace cmbridge {

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

    void wake() override {
        ++wakes_;
        post(std::nullopt);
    }
    int wakes() const { return wakes_; }

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
    std::atomic<int> wakes_ = 0;
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

} // namespace cmbridge

#endif
