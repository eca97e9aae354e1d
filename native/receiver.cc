// SPDX-License-Identifier: MIT
//
// The reader thread, which issues RECEIVEs and retries those that met a lack of memory; batches in the order of issue.

#include "native/receiver.h"

#include <algorithm>
#include <exception>
#include <numeric>
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
        acknowledged_.resize(receives);
        std::iota(acknowledged_.begin(), acknowledged_.end(), size_t{0});
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
    std::lock_guard guard(lock_);
    if (taken_.empty()) {
        return false;
    }
    acknowledged_.push_back(taken_.front());
    taken_.pop_front();
    wakeReaderIfNeeded();
    return true;
}

void Receiver::completed(const ReceiveTransport::Completion &completion) {
    size_t batches;
    {
        std::lock_guard guard(lock_);
        pended_--;
        record(completion);
        batches = collect();
        telling_++;
    }
    // Without the lock, for a sink may take its batch at once.
    for (size_t i = 0; i < batches; i++) {
        sink_->batchReady();
    }
    std::lock_guard guard(lock_);
    telling_--;
    wakeReaderIfNeeded();
}

void Receiver::stop() {
    if (!reader_.joinable()) {
        return;
    }
    {
        std::lock_guard guard(lock_);
        stopping_ = true;
        wakeReaderIfNeeded();
    }
    reader_.join();
}

void Receiver::run() {
    while (true) {
        Task task = nextTask();
        if (task.leave) {
            return;
        }
        if (task.end) {
            sink_->ended(*task.end);
            continue;
        }
        if (task.cancel) {
            transport_.cancel();
            continue;
        }
        for (size_t slot : task.issue) {
            issue(slot);
        }
        if (std::optional<ReceiveTransport::Completion> completion = transport_.wait(task.timeout)) {
            {
                // As good as woken: it looks next.
                std::lock_guard guard(lock_);
                isWoken_ = true;
            }
            completed(*completion);
        }
    }
}

Receiver::Task Receiver::nextTask() {
    std::lock_guard guard(lock_);
    Task task;
    isWoken_ = false;
    starvedAnew_ = false;
    if (!stopping_ && !end_) {
        task.issue = takeSlotsToIssue();
        task.timeout = untilRetry();
        return task;
    }
    if (!std::exchange(isCancelled_, true)) {
        task.cancel = true;
    } else if (end_ && !stopping_ && telling_ == 0 && !std::exchange(isEndTold_, true)) {
        task.end = end_;
    } else {
        // After an end the thread has nothing left to do, but stop() still joins it.
        task.leave = pended_ == 0 && telling_ == 0;
    }
    return task;
}

// Under the lock: the reader may let everything go as soon as it is free.
void Receiver::wakeReaderIfNeeded() {
    if (!isWoken_ && readerIsNeeded()) {
        isWoken_ = true;
        transport_.wake();
    }
}

// Waking the reader costs more than what it does, so requests go back to the driver several at a time while others are
// pended.
bool Receiver::readerIsNeeded() const {
    if (stopping_ || end_) {
        return !isCancelled_ || telling_ == 0;
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

std::optional<std::chrono::milliseconds> Receiver::untilRetry() const {
    if (starved_.empty()) {
        return std::nullopt;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(retryAt_ - Clock::now());
    return std::max(left, std::chrono::milliseconds::zero());
}

void Receiver::issue(size_t index) {
    {
        std::lock_guard guard(lock_);
        slots_[index].completed = false;
        issued_.push_back(index);
        pended_++;
    }
    // Without the lock, for the request may complete at once.
    NtStatus status = transport_.issue(index, {slots_[index].buffer.get(), bytes_});
    if (isError(status)) {
        completed({index, status, 0});
    }
}

void Receiver::record(const ReceiveTransport::Completion &completion) {
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

// The driver fills the requests in the order in which they came, and only the reader issues them. Their completions may
// still be seen in another order, for two processors can complete two requests at the same time. Hence: the order of
// issue.
size_t Receiver::collect() {
    size_t batches = 0;
    while (!issued_.empty() && slots_[issued_.front()].completed) {
        size_t index = issued_.front();
        issued_.pop_front();
        if (stopping_ || end_) {
            continue;
        }
        if (succeeded(slots_[index].status)) {
            ready_.push_back(index);
            batches++;
        } else {
            end_ = slots_[index].status;
        }
    }
    return batches;
}

} // namespace cmbridge
