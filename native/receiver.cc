// SPDX-License-Identifier: MIT

#include "native/receiver.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace cmbridge {
namespace {

constexpr std::chrono::milliseconds kFirstBackOff{1};
constexpr std::chrono::milliseconds kLongestBackOff{100};

// A request that met a moment without memory took no records with it, so another attempt loses nothing.
bool isTransient(NtStatus status) {
    return status == kStatusInsufficientResources || status == kStatusNoMemory;
}

} // namespace

NtStatus Receiver::start(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) {
    try {
        std::vector<Slot> slots(receives);
        for (Slot &slot : slots) {
            slot.buffer = std::make_unique_for_overwrite<std::byte[]>(bytes);
        }
        slots_ = std::move(slots);
        bytes_ = bytes;
        sink_ = std::move(sink);
        reader_ = std::thread(&Receiver::run, this);
    } catch (const std::system_error &) {
        return kStatusInsufficientResources;
    } catch (const std::exception &) {
        return kStatusNoMemory;
    }
    return kStatusSuccess;
}

bool Receiver::takeBatch(const std::function<void(std::span<const std::byte>)> &consume) {
    size_t slot;
    {
        std::lock_guard guard(lock_);
        if (stopping_ || ready_.empty()) {
            return false;
        }
        slot = ready_.front();
        ready_.pop_front();
        taken_.push_back(slot);
    }
    consume({slots_[slot].buffer.get(), slots_[slot].information});
    return true;
}

bool Receiver::acknowledge() {
    {
        std::lock_guard guard(lock_);
        if (taken_.empty()) {
            return false;
        }
        acknowledged_.push_back(taken_.front());
        taken_.pop_front();
    }
    transport_.wake();
    return true;
}

void Receiver::stop() {
    if (!reader_.joinable()) {
        return;
    }
    {
        std::lock_guard guard(lock_);
        stopping_ = true;
    }
    transport_.wake();
    reader_.join();
}

void Receiver::run() {
    for (size_t slot = 0; slot < slots_.size(); slot++) {
        issue(slot);
    }
    deliver();

    bool cancelled = false;
    while (true) {
        bool stopping;
        std::vector<size_t> again;
        {
            std::lock_guard guard(lock_);
            stopping = stopping_;
            again.swap(acknowledged_);
        }
        if (stopping || ended_) {
            if (!cancelled) {
                cancelled = true;
                transport_.cancel();
            }
            // After an end the thread has nothing left to do, but stop() still joins it.
            if (pended_ == 0) {
                return;
            }
        } else {
            issueAgain(std::move(again));
            deliver();
            if (ended_) {
                continue;
            }
        }

        if (std::optional<ReceiveTransport::Completion> completion = transport_.wait(untilRetry())) {
            pended_--;
            complete(*completion);
            deliver();
        }
    }
}

void Receiver::issueAgain(std::vector<size_t> slots) {
    if (!starved_.empty() && Clock::now() >= retryAt_) {
        std::vector<size_t> starved = std::exchange(starved_, {});
        slots.insert(slots.end(), starved.begin(), starved.end());
    }
    for (size_t slot : slots) {
        issue(slot);
    }
}

std::optional<std::chrono::milliseconds> Receiver::untilRetry() const {
    if (starved_.empty()) {
        return std::nullopt;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(retryAt_ - Clock::now());
    return std::max(left, std::chrono::milliseconds::zero());
}

void Receiver::issue(size_t index) {
    Slot &slot = slots_[index];
    slot.completed = false;
    issued_.push_back(index);
    NtStatus status = transport_.issue(index, {slot.buffer.get(), bytes_});
    if (!isError(status)) {
        pended_++;
    } else {
        complete({index, status, 0});
    }
}

void Receiver::complete(const ReceiveTransport::Completion &completion) {
    if (isTransient(completion.status)) {
        std::erase(issued_, completion.slot);
        starved_.push_back(completion.slot);
        backOff_ = std::clamp(backOff_ * 2, kFirstBackOff, kLongestBackOff);
        retryAt_ = Clock::now() + backOff_;
        return;
    }
    if (succeeded(completion.status)) {
        backOff_ = std::chrono::milliseconds::zero();
    }
    Slot &slot = slots_[completion.slot];
    slot.completed = true;
    slot.status = completion.status;
    slot.information = completion.information;
}

// The driver fills the requests in the order in which they came, and only this thread issues them. Their completions
// may still be seen in another order, for two processors can complete two requests at the same time. Hence: the order
// of issue.
void Receiver::deliver() {
    while (!issued_.empty() && slots_[issued_.front()].completed) {
        size_t index = issued_.front();
        issued_.pop_front();
        if (ended_) {
            continue;
        }
        const Slot &slot = slots_[index];
        bool stopping;
        {
            std::lock_guard guard(lock_);
            stopping = stopping_;
            if (!stopping && succeeded(slot.status)) {
                ready_.push_back(index);
            }
        }
        if (stopping) {
            continue;
        }
        if (succeeded(slot.status)) {
            sink_->batchReady();
        } else {
            ended_ = true;
            sink_->ended(slot.status);
        }
    }
}

} // namespace cmbridge
