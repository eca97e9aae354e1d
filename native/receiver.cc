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
    bool wake;
    {
        std::lock_guard guard(lock_);
        if (taken_.empty()) {
            return false;
        }
        acknowledged_.push_back(taken_.front());
        taken_.pop_front();
        wake = readerIsNeeded();
    }
    if (wake) {
        transport_.wake();
    }
    return true;
}

void Receiver::completed(const ReceiveTransport::Completion &completion) {
    std::lock_guard guard(lock_);
    finish(completion);
    // Under the lock: the reader may take the last request and let everything go as soon as it is free.
    if (readerIsNeeded()) {
        transport_.wake();
    }
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
    while (true) {
        std::vector<size_t> again;
        bool cancel = false;
        {
            std::lock_guard guard(lock_);
            if (!stopping_ && !ended_) {
                again = takeSlotsToIssue();
            } else if (!cancelled_) {
                cancel = cancelled_ = true;
            } else if (pended_ == 0) {
                // After an end the thread has nothing left to do, but stop() still joins it.
                return;
            }
        }
        if (cancel) {
            transport_.cancel();
        }
        for (size_t slot : again) {
            issue(slot);
        }
        std::optional<std::chrono::milliseconds> timeout = untilNeeded();
        if (std::optional<ReceiveTransport::Completion> completion = transport_.wait(timeout)) {
            std::lock_guard guard(lock_);
            finish(*completion);
        }
    }
}

// Waking the reader costs more than what it does, so requests go back to the driver several at a time while others are
// pended.
bool Receiver::readerIsNeeded() const {
    if (stopping_ || ended_) {
        return !cancelled_ || pended_ == 0;
    }
    return starvedAnew_ || (!acknowledged_.empty() && pended_ <= std::max<size_t>(1, slots_.size() / 4));
}

std::vector<size_t> Receiver::takeSlotsToIssue() {
    std::vector<size_t> slots = std::exchange(acknowledged_, {});
    if (!starved_.empty() && Clock::now() >= retryAt_) {
        slots.insert(slots.end(), starved_.begin(), starved_.end());
        starved_.clear();
    }
    return slots;
}

// What has happened since the reader last looked needs no other thread to wake it.
std::optional<std::chrono::milliseconds> Receiver::untilNeeded() {
    std::lock_guard guard(lock_);
    starvedAnew_ = false;
    if (readerIsNeeded()) {
        return std::chrono::milliseconds::zero();
    }
    if (starved_.empty() || stopping_ || ended_) {
        return std::nullopt;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(retryAt_ - Clock::now());
    return std::max(left, std::chrono::milliseconds::zero());
}

void Receiver::issue(size_t index) {
    Slot &slot = slots_[index];
    {
        std::lock_guard guard(lock_);
        slot.completed = false;
        issued_.push_back(index);
        pended_++;
    }
    // Without the lock, for the request may complete at once.
    NtStatus status = transport_.issue(index, {slot.buffer.get(), bytes_});
    if (isError(status)) {
        std::lock_guard guard(lock_);
        finish({index, status, 0});
    }
}

void Receiver::finish(const ReceiveTransport::Completion &completion) {
    pended_--;
    complete(completion);
    deliver();
}

void Receiver::complete(const ReceiveTransport::Completion &completion) {
    if (isTransient(completion.status)) {
        std::erase(issued_, completion.slot);
        starved_.push_back(completion.slot);
        starvedAnew_ = true;
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

// The driver fills the requests in the order in which they came, and only one thread issues them. Their completions
// may still be seen in another order, for two processors can complete two requests at the same time. Hence: the order
// of issue.
void Receiver::deliver() {
    while (!issued_.empty() && slots_[issued_.front()].completed) {
        size_t index = issued_.front();
        issued_.pop_front();
        if (ended_ || stopping_) {
            continue;
        }
        const Slot &slot = slots_[index];
        if (succeeded(slot.status)) {
            ready_.push_back(index);
            sink_->batchReady();
        } else {
            ended_ = true;
            sink_->ended(slot.status);
        }
    }
}

} // namespace cmbridge
