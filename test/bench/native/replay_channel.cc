// SPDX-License-Identifier: MIT

#include "test/bench/native/replay_channel.h"

#include <algorithm>
#include <cstring>

namespace cmbridge::bench {
namespace {

constexpr NtStatus kStatusNotSupported = static_cast<NtStatus>(0xC00000BB);
constexpr NtStatus kStatusCancelled = static_cast<NtStatus>(0xC0000120);
constexpr NtStatus kStatusBufferTooSmall = static_cast<NtStatus>(0xC0000023);

} // namespace

void ReplayChannel::play(uint64_t times) {
    std::lock_guard guard(lock_);
    left_ += times * recording_->batches.size();
    changed_.notify_one();
}

ControlResult ReplayChannel::control(uint32_t code, std::span<const std::byte>, std::span<std::byte> output) {
    auto found = recording_->replies.find(code);
    if (found == recording_->replies.end()) {
        return {kStatusNotSupported, 0};
    }
    size_t size = std::min(found->second.size(), output.size());
    std::memcpy(output.data(), found->second.data(), size);
    return {kStatusSuccess, size};
}

// Nothing that was recorded waits any more.
ControlResult ReplayChannel::reply(std::span<const std::byte>, std::span<std::byte>) {
    return {kStatusNotSupported, 0};
}

NtStatus ReplayChannel::issue(size_t slot, std::span<std::byte> buffer) {
    std::lock_guard guard(lock_);
    pended_.push_back({slot, buffer});
    return kStatusPending;
}

std::optional<ReceiveTransport::Completion> ReplayChannel::wait(std::optional<std::chrono::milliseconds> timeout) {
    std::unique_lock guard(lock_);
    auto something = [this] { return woken_ || (!pended_.empty() && (left_ > 0 || cancelled_)); };
    if (!timeout) {
        changed_.wait(guard, something);
    } else if (!changed_.wait_for(guard, *timeout, something)) {
        return std::nullopt;
    }
    if (pended_.empty() || (left_ == 0 && !cancelled_)) {
        woken_ = false;
        return std::nullopt;
    }
    Request request = pended_.front();
    pended_.pop_front();
    if (cancelled_) {
        return Completion{request.slot, kStatusCancelled, 0};
    }
    left_--;
    guard.unlock();
    return fill(request);
}

ReceiveTransport::Completion ReplayChannel::fill(const Request &request) {
    const std::vector<std::byte> &batch = recording_->batches[next_];
    next_ = (next_ + 1) % recording_->batches.size();
    if (batch.size() > request.buffer.size()) {
        return {request.slot, kStatusBufferTooSmall, 0};
    }
    std::memcpy(request.buffer.data(), batch.data(), batch.size());
    return {request.slot, kStatusSuccess, batch.size()};
}

void ReplayChannel::wake() {
    std::lock_guard guard(lock_);
    woken_ = true;
    changed_.notify_one();
}

void ReplayChannel::cancel() {
    std::lock_guard guard(lock_);
    cancelled_ = true;
    changed_.notify_one();
}

} // namespace cmbridge::bench
